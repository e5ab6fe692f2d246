#!/usr/bin/env python3
"""Ships a trained hierarchical VAE: the model of a run in half precision, and its card.

Writes NAME.safetensors, NAME.json (the card for programs) and NAME.md (for readers), each whole or not
at all. The card's figures are measured here, on the file as it is shipped."""

import argparse
import pathlib
import tempfile
import zlib

from ship_model import (add_shipping_options, check_names, check_size, config_of, evaluate, in_half_precision,
                        table_row, write_shipped)

LIMITS = (
    "It has seen flowers at 64 px, in colour and in grey; other pictures lose more.",
    "Samples have the colours and large shapes of flowers; their parts do not fit together.",
    "Trained for about an hour on one CPU core: the bits per dimension are no rival of published ones.",
    "The training pictures are for research: use the weights for that.",
)


def card_of(arguments, content, metadata, numbers, config, test):
    results = test["results"]
    return {
        "name": arguments.name,
        "bytes": len(content),
        "crc32": f"{zlib.crc32(content):08x}",
        "numbers": numbers,
        "precision": "float16",
        "architecture": {key: metadata[key] for key in ("image_size", "width", "latent_channels", "blocks", "encoder_blocks")},
        "training": {"dataset": metadata["dataset"], "splits": metadata["splits"], "list_hash": metadata["list_hash"],
                     "epochs": int(metadata["epoch"]), "steps": int(metadata["step"]),
                     "neurosplat_version": metadata["neurosplat_version"], "command": arguments.command, "config": config},
        "test": {"dataset": test["settings"]["dataset"], "split": test["settings"]["split"],
                 "list_hash": test["settings"]["list_hash"], "images": test["settings"]["images"],
                 "floor_images": test["settings"]["floor_images"],
                 **{key: results[key] for key in ("bits_per_dimension_mean", "mean_image_psnr_mean_db", "rows")}},
        "environment": test["environment"],
        "limits": LIMITS,
    }


def row_of(row):
    floor = row["pca_psnr_mean_db"]
    return table_row(f"{row['up_to_side_px']} × {row['up_to_side_px']}", str(row["blocks"]), f"{row['numbers']:,}",
                     f"{row['psnr_mean_db']:.2f}", f"{row['ssim_mean']:.3f}", "–" if floor is None else f"{floor:.2f}",
                     f"{row['kl_nats']:,.1f}", f"{row['active_units']:,} of {row['units']:,}")


def readable(card):
    training, shape, test = card["training"], card["architecture"], card["test"]
    lines = [
        f"# {card['name']}", "",
        f"A hierarchical VAE of flowers: {shape['image_size']} px, blocks {shape['blocks']} of {shape['latent_channels']} "
        f"channels of latents on five maps; {card['numbers'] / 1e6:.2f} million numbers, {card['precision']}.", "",
        f"Trained on the split {training['splits']} of {training['dataset']}, {training['epochs']} epochs, "
        f"{training['steps']} steps:", "",
        f"    {training['command']}", "",
        f"Measured on {test['images']} pictures of the split {test['split']}, which nothing was trained, tuned or chosen on "
        f"(`neurosplat-evaluate hierarchical-vae`): {test['bits_per_dimension_mean']:.3f} bits per dimension. Pictures from "
        "posterior means of the first blocks, prior means for the rest; KL and active units are of the row's own maps:", "",
        table_row("maps up to", "blocks", "numbers", "PSNR, dB", "SSIM", "PCA, as many, dB", "KL, nats", "active units"),
        "|---" * 8 + "|",
        *(row_of(row) for row in test["rows"]), "",
        f"The mean of the training pictures: {test['mean_image_psnr_mean_db']:.2f} dB; it and the principal components are of "
        f"{test['floor_images']} of them.", "",
        "Limits:", "", *(f"- {limit}" for limit in card["limits"]),
    ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_shipping_options(parser, "hvae-flowers")
    arguments = parser.parse_args()
    model = check_names(arguments)
    content, metadata, numbers = in_half_precision(model, ())
    check_size(model, content)
    config = config_of(arguments.run)
    with tempfile.TemporaryDirectory() as name:
        shipped = pathlib.Path(name) / f"{arguments.name}.safetensors"
        shipped.write_bytes(content)
        test = evaluate(arguments, "hierarchical-vae", shipped, pathlib.Path(name) / "test", ["--data", arguments.data])
    card = card_of(arguments, content, metadata, numbers, config, test)
    write_shipped(arguments, content, card, readable(card))


if __name__ == "__main__":
    main()
