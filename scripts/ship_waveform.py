#!/usr/bin/env python3
"""Ships a trained waveform autoencoder: the model of a run in half precision, and its card.

Writes NAME.safetensors, NAME.json (the card for programs) and NAME.md (for readers), each whole or not
at all. The card's figures are measured here, on the file as it is shipped."""

import argparse
import pathlib
import tempfile
import zlib

from ship_model import (add_shipping_options, check_names, check_size, config_of, evaluate, in_half_precision,
                        table_row, write_shipped)

# What is fixed rather than fitted, and what turns recordings into deviations.
FULL_PRECISION = ("code.low_pass", "scale.")
LIMITS = (
    "A simulation of simulated neurons: nothing here was recorded from a brain.",
    "The synthetic waveform is a code of the networks' own and looks nothing like a recorded one.",
    "What is drawn from a recorded waveform, a spike at most of each of 16 neurons, is further from the picture than the mean picture is.",
    "It has seen flowers.",
    "The training pictures are for research: use the weights for that.",
)
LOOPS = {"ceiling": "picture → latent → picture", "synthetic": "→ synthetic waveform with noise →",
         "real": "recorded waveform →"}
COLUMNS = {"psnr_mean_db": ("PSNR, dB", 2), "ssim_mean": ("SSIM", 3), "latent_cosine": ("cosine", 3),
           "retrieval_top1": ("top 1", 3), "two_way": ("two-way", 3), "permutation_p": ("p", 3),
           "mean_image_psnr_mean_db": ("mean picture", 2), "shuffled_psnr_mean_db": ("shuffled", 2)}


def card_of(arguments, content, metadata, numbers, config, test):
    return {
        "name": arguments.name,
        "bytes": len(content),
        "crc32": f"{zlib.crc32(content):08x}",
        "numbers": numbers,
        "precision": "float16",
        "architecture": {key: metadata[key] for key in ("network", "image_size", "latent", "electrodes", "samples", "width",
                                                        "waveform_encoder", "image_head", "linear_code", "leaky_skips")},
        "training": {"recording": metadata["recording"], "dataset": metadata["dataset"], "splits": metadata["splits"],
                     "data_hash": metadata["data_hash"], "epochs": int(metadata["epoch"]), "steps": int(metadata["step"]),
                     "neurosplat_version": metadata["neurosplat_version"],
                     "command": arguments.command, "config": config},
        "test": {"responses": test["settings"]["responses"], "images": test["settings"]["images"],
                 "waveform_noise": test["settings"]["waveform_noise"], "rows": test["results"]["rows"],
                 "pca_psnr_mean_db": test["results"]["pca_psnr_mean_db"]},
        "environment": test["environment"],
        "limits": LIMITS,
    }


def readable(card):
    training, shape, test = card["training"], card["architecture"], card["test"]
    lines = [
        f"# {card['name']}", "",
        f"A waveform autoencoder of flowers: {shape['image_size']} px, a latent of {shape['latent']} numbers, "
        f"{shape['electrodes']} electrodes of {shape['samples']} samples; {card['numbers'] / 1e6:.2f} million numbers, "
        f"{card['precision']}.", "",
        f"Trained on responses of simulated V1 to the split {training['splits']} of {training['dataset']}, "
        f"{training['epochs']} epochs, {training['steps']} steps:", "",
        f"    {training['command']}", "",
        f"Measured on {test['responses']} responses to {test['images']} pictures that nothing was trained, tuned or chosen "
        f"on (`neurosplat-evaluate waveform`; noise of {test['waveform_noise']} on the synthetic waveform):", "",
        table_row("loop", *(name for name, _ in COLUMNS.values())), "|---" * (len(COLUMNS) + 1) + "|",
        *(table_row(LOOPS[row["loop"]], *(f"{row[key]:.{places}f}" for key, (_, places) in COLUMNS.items()))
          for row in test["rows"]), "",
        f"Principal components of the training pictures, as many as the latent has numbers: "
        f"{test['pca_psnr_mean_db']:.2f} dB.", "",
        "Limits:", "", *(f"- {limit}" for limit in card["limits"]),
    ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_shipping_options(parser, "waveform-flowers")
    arguments = parser.parse_args()
    model = check_names(arguments)
    content, metadata, numbers = in_half_precision(model, FULL_PRECISION)
    check_size(model, content)
    config = config_of(arguments.run)
    with tempfile.TemporaryDirectory() as name:
        shipped = pathlib.Path(name) / f"{arguments.name}.safetensors"
        shipped.write_bytes(content)
        test = evaluate(arguments, "waveform", shipped, pathlib.Path(name) / "test", ["--data", arguments.data])
    card = card_of(arguments, content, metadata, numbers, config, test)
    write_shipped(arguments, content, card, readable(card))


if __name__ == "__main__":
    main()
