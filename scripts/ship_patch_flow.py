#!/usr/bin/env python3
"""Ships a trained patch flow: the model of a run in half precision, and its card.

Writes NAME.safetensors, NAME.json (the card for programs) and NAME.md (for readers), each whole or not
at all. The card's figures are measured here, on the file as it is shipped."""

import argparse
import json
import pathlib
import tempfile
import zlib

from ship_model import (add_shipping_options, check_names, check_size, config_of, evaluate, fail, in_half_precision,
                        table_row, write_shipped)

GENERAL_LIMITS = (
    "Samples are smoother and less various than the pictures (precision and recall above).",
    "Drawn larger than 64 px it is smooth between what 64 px show: no new detail.",
    "The training pictures were gathered from the web for research: use the weights for that.",
)
# What a model draws, by the data set that it was trained on.
SUBJECTS = {
    "folder": {"draws": "cats' faces", "pictures": "a folder of 64 × 64 cats' faces", "limits": (
        "It draws faces of cats, as large as the training pictures' crops, and nothing else.",
        "Its loss compared early and middle maps of EfficientNet-Lite0, whose last features FD-Lite0, precision and recall use.")},
    "flowers-large": {"draws": "flowers", "pictures": "Flowers-102 (protocol large: 6,489 pictures to train on)", "limits": (
        "It draws flowers and nothing else.",
        "What it is told of a picture (thumbnail, statistics) fixes colours and large shapes, not petals.")},
}
NAMES = {"held_out": "held-out pictures", "pca": "Gaussian of principal components", "patch_flow": "this model"}


def subject_of(dataset):
    if dataset not in SUBJECTS:
        fail(f"expected a model of {' or '.join(SUBJECTS)}, got one of {dataset}: say in SUBJECTS what it draws")
    return SUBJECTS[dataset]


def told_of(shape):
    told = [shape[key] for key in ("vision", "semantic") if shape.get(key, "none") != "none"]
    return f"; conditions: {', '.join(told)}" if told else ""


def card_of(arguments, content, metadata, numbers, config, quality):
    settings, results = quality["settings"], quality["results"]
    return {
        "name": arguments.name,
        "bytes": len(content),
        "crc32": f"{zlib.crc32(content):08x}",
        "numbers": numbers,
        "precision": "float16",
        "architecture": {key: metadata[key] for key in ("network", "head", "kernel", "sharing", "image_size", "patch",
                                                        "width", "depth", "heads", "hidden", "splats", "vision", "semantic") if key in metadata},
        "training": {"dataset": metadata["dataset"], "splits": metadata["splits"], "list_hash": metadata["list_hash"],
                     "epochs": int(metadata["epoch"]), "steps": int(metadata["step"]),
                     "neurosplat_version": metadata["neurosplat_version"],
                     "command": arguments.command, "config": config},
        "quality": {"count": settings["images"], "steps": settings["steps"], "rows": results["rows"]},
        "environment": quality["environment"],
        "limits": subject_of(metadata["dataset"])["limits"] + GENERAL_LIMITS,
    }


def readable(card):
    training, shape, quality = card["training"], card["architecture"], card["quality"]
    subject = subject_of(training["dataset"])
    columns = {"fd_lite0": ("FD-Lite0", 1), "precision_lite0": ("precision", 3), "recall_lite0": ("recall", 3),
               **({"cat_face_rate": ("faces found", 3)} if training["dataset"] == "folder" else {}),
               "seam_ratio": ("seams", 3)}
    lines = [
        f"# {card['name']}", "",
        f"A patch flow of {subject['draws']}: {shape['image_size']} px, {shape['splats']} splats a patch of {shape['patch']} px, "
        f"kernel {shape['kernel']}, sharing {shape['sharing']}; width {shape['width']}, {shape['depth']} blocks, "
        f"{card['numbers'] / 1e6:.2f} million numbers, {card['precision']}{told_of(shape)}.", "",
        f"Trained on the split {training['splits']} of {subject['pictures']}; the last run had "
        f"{training['epochs']} epochs, {training['steps']} steps:", "",
        f"    {training['command']}", "",
        f"{quality['count']} samples of {quality['steps']} steps beside as many held-out pictures "
        "(`neurosplat-evaluate patch-flow-quality`; FD-Lite0 is no FID, smaller is better; seams: 1 is none):", "",
        table_row("", *(name for name, _ in columns.values())), "|---" * (len(columns) + 1) + "|",
        *(table_row(NAMES.get(row["set"], row["set"]), *("–" if row[key] is None else f"{row[key]:.{places}f}" for key, (_, places) in columns.items()))
          for row in quality["rows"]), "",
        "Limits:", "", *(f"- {limit}" for limit in card["limits"]),
    ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_shipping_options(parser, "patch-flow-cats")
    parser.add_argument("--count", type=int, default=256, help="samples to measure; default: %(default)s")
    arguments = parser.parse_args()
    model = check_names(arguments)
    content, metadata, numbers = in_half_precision(model)
    check_size(model, content)
    config = config_of(arguments.run)
    with tempfile.TemporaryDirectory() as name:
        shipped = pathlib.Path(name) / f"{arguments.name}.safetensors"
        shipped.write_bytes(content)
        quality = evaluate(arguments, "patch-flow-quality", shipped, pathlib.Path(name) / "quality",
                           ["--data", arguments.data, "--count", arguments.count])
    card = card_of(arguments, content, metadata, numbers, config, quality)
    write_shipped(arguments, content, card, readable(card))


if __name__ == "__main__":
    main()
