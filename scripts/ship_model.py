#!/usr/bin/env python3
"""Ships a trained splat VAE: the model of a run in half precision, and its card; or, with --flow, adds the
flow of a run of `neurosplat-train latent-flow` on the shipped model to it.

Writes NAME.safetensors, NAME.json (the card for programs) and NAME.md (for readers), each whole or not at
all. The card's figures are measured here, on the file as it is shipped."""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import zlib

import torch
from safetensors import safe_open
from safetensors.torch import save

from convert_features import write_atomically

root = pathlib.Path(__file__).resolve().parent.parent
# Fitted rather than learned, and small: they keep their digits.
FULL_PRECISION = ("code.", "packets.", "prior.")
NOT_OF_THE_MODEL = ("code.low_pass", "packets.geometry", "prior.mean", "prior.factor") + tuple(
    f"conditions.{name}.{part}" for name in ("vision", "semantic") for part in ("mean", "deviation"))
FLOW = "flow."
OF_THE_MACHINE = ("data", "out", "threads", "workers", "memory_gib", "device")
MOST_BYTES = 20_000_000
SAMPLES = 400
SUFFIXES = (".safetensors", ".json", ".md")
LIMITS = (
    "It knows flowers at 128 px; other pictures come back as blurs of their own colours and large shapes.",
    "What lies above a 32 x 32 band of cosines is lost: edges of petals, stamens, texture.",
    "Samples are soft: colours and shapes of flowers, no detail.",
    "The training pictures were gathered from the web for research: use the weights for that.",
)


def fail(message):
    sys.exit(f"ship_model: {message}")


def in_half_precision(path, full=FULL_PRECISION):
    """The bytes of a model file with its tensors as float16 but those whose names begin as in `full`, its metadata, how
    many numbers it has."""
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    for name, tensor in tensors.items():
        if name.startswith(full):
            continue
        half = tensor.half().contiguous()
        if not half.isfinite().all():
            fail(f"{path}: expected numbers that fit into half precision, got others in {name}: ship another model")
        tensors[name] = half
    numbers = sum(tensor.numel() for name, tensor in tensors.items() if name not in NOT_OF_THE_MODEL)
    return save(tensors, metadata), metadata, numbers


def evaluate(arguments, experiment, model, out, more):
    command = [arguments.bin / "neurosplat-evaluate", experiment, "--model", model, *more, "--out", out]
    finished = subprocess.run([str(part) for part in command], check=False)
    if finished.returncode:
        fail(f"neurosplat-evaluate ended with {finished.returncode}: see its line above")
    with open(out / "metrics.json", encoding="utf-8") as file:
        return json.load(file)


def still_figures(table):
    """{name: its figures} of a per_image.csv."""
    rows = [row.split(",") for row in table.read_text(encoding="utf-8").splitlines()]
    stills = {}
    for row in rows[1:]:
        values = dict(zip(rows[0], row))
        stills[pathlib.Path(values["file"]).stem] = {
            key: round(float(values[key]), 3) for key in ("psnr_db", "refined_psnr_db")}
    return stills


def card_of(arguments, content, metadata, numbers, config, test, stills):
    settings, results = test["settings"], test["results"]
    keys = ("images", "psnr_mean_db", "ssim_mean", "sample_psnr_mean_db", "refined_psnr_mean_db",
            "pca_psnr_mean_db", "mean_image_psnr_mean_db", "refined_ms_per_image", "encoder_ms_per_image")
    return {
        "name": arguments.name,
        "bytes": len(content),
        "crc32": f"{zlib.crc32(content):08x}",
        "numbers": numbers,
        "precision": "float16; linear code, packets' geometry and prior float32",
        "architecture": {key: config[key] for key in ("decoder", "width", "image_size", "num_packets", "latent")},
        "training": {"protocol": "large" if metadata["dataset"] == "flowers-large" else "official",
                     "dataset": metadata["dataset"], "splits": metadata["splits"],
                     "list_hash": metadata["list_hash"], "epochs": int(metadata["epoch"]),
                     "steps": int(metadata["step"]), "neurosplat_version": metadata["neurosplat_version"],
                     "command": arguments.command, "config": config},
        "test": {"dataset": settings["dataset"], "split": settings["split"], "list_hash": settings["list_hash"],
                 "refine_steps": settings["refine"], **{key: results[key] for key in keys}},
        "environment": test["environment"],
        "stills": stills,
        "limits": LIMITS,
    }


def config_of(run):
    """A run's options, without what only its machine knows."""
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    return {key: value for key, value in config.items() if key not in OF_THE_MACHINE}


def check_size(source, content):
    if len(content) > MOST_BYTES:
        fail(f"{source}: expected at most {MOST_BYTES} bytes in half precision, got {len(content)}: train a smaller one")


def flow_of(run, shipped):
    """The tensors of a shipped file with the flow of a run added in half precision, and its metadata."""
    with safe_open(shipped, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys() if not name.startswith(FLOW)}
    with safe_open(run / "model.safetensors", framework="pt") as file:
        trained = {name: file.get_tensor(name) for name in file.keys()}
        metadata |= {key: word for key, word in file.metadata().items() if key in ("flow_epoch", "flow_step")}
    for name, tensor in tensors.items():
        if name not in trained or not trained[name].to(tensor.dtype).equal(tensor):
            fail(f"{run}: expected a flow trained on {shipped}, {name} differs: train it with --model {shipped}")
    flow = {name: tensor.half().contiguous() for name, tensor in trained.items() if name.startswith(FLOW)}
    if not flow or not all(tensor.isfinite().all() for tensor in flow.values()):
        fail(f"{run}: expected a flow of numbers that fit into half precision, got none: see neurosplat-train latent-flow")
    return tensors | flow, metadata, sum(tensor.numel() for tensor in flow.values())


def add_flow(arguments):
    shipped = arguments.out / f"{arguments.name}.safetensors"
    if not shipped.is_file():
        fail(f"{shipped}: expected a shipped model to add a flow to, found none: ship it first")
    tensors, metadata, numbers = flow_of(arguments.run, shipped)
    content = save(tensors, metadata)
    check_size(arguments.run, content)
    config = config_of(arguments.run)
    config.pop("model", None)
    lines = (arguments.run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    measured = [row for row in map(json.loads, lines) if "held_out_error" in row]
    with tempfile.TemporaryDirectory() as name:
        model = pathlib.Path(name) / shipped.name
        model.write_bytes(content)
        samples = evaluate(arguments, "samples", model, pathlib.Path(name) / "samples",
                           ["--data", arguments.data, "--split", "val", "--count", SAMPLES])
    card = json.loads(shipped.with_suffix(".json").read_text(encoding="utf-8"))
    card |= {"bytes": len(content), "crc32": f"{zlib.crc32(content):08x}"}
    card["flow"] = {"numbers": numbers, "precision": "float16", "epochs": int(metadata["flow_epoch"]),
                    "steps": int(metadata["flow_step"]), "command": arguments.command, "config": config,
                    "held_out_error": measured[-1]["held_out_error"] if measured else None,
                    "count": SAMPLES, "split": "val",
                    "fd_lite0": {row["set"]: row["fd_lite0"] for row in samples["results"]["rows"]}}
    return content, card


def table_row(*cells):
    return "| " + " | ".join(cells) + " |"


def readable_flow(flow):
    if flow is None:
        return []
    names = {"held_out": "held-out pictures", "reconstruction": "their reconstructions", "flow_prior": "flow",
             "fitted_prior": "fitted Gaussian", "normal_prior": "N(0, I)", "pca": "PCA with as many numbers"}
    return [f"Samples: `--prior flow` ({flow['numbers'] / 1e6:.2f} million numbers, {flow['epochs']} epochs), made by", "",
            f"    {flow['command']}", "",
            f"FD-Lite0 of {flow['count']} pictures (no FID; smaller is better), beside as many of the split "
            f"{flow['split']}:", "",
            table_row("", "FD-Lite0"), "|---|---|",
            *(table_row(names[row], f"{distance:.1f}") for row, distance in flow["fd_lite0"].items()), ""]


def readable(card):
    test, training, shape = card["test"], card["training"], card["architecture"]
    lines = [
        f"# {card['name']}", "",
        f"A splat VAE of flowers: {shape['image_size']} px, {shape['latent']} latent numbers, "
        f"{shape['num_packets']} packets; {card['numbers'] / 1e6:.2f} million numbers, {card['precision']}.", "",
        f"Trained with the protocol `{training['protocol']}` of Oxford Flowers-102 (`--dataset "
        f"{training['dataset']}`, split {training['splits']}), {training['epochs']} epochs, "
        f"{training['steps']} steps:", "",
        f"    {training['command']}", "",
        f"Measured on the {test['images']} test pictures of that protocol, which nothing was trained, tuned or "
        "chosen on:", "",
        table_row("", "PSNR, dB", "ms a picture"), "|---|---|---|",
        table_row("encoder alone", f"{test['psnr_mean_db']:.2f} (SSIM {test['ssim_mean']:.3f})",
                  f"{test['encoder_ms_per_image']:.1f}"),
        table_row("through a posterior sample", f"{test['sample_psnr_mean_db']:.2f}", ""),
        table_row(f"with {test['refine_steps']} refinement steps", f"{test['refined_psnr_mean_db']:.2f}",
                  f"{test['refined_ms_per_image']:.1f}"),
        table_row("floor: PCA with as many numbers", f"{test['pca_psnr_mean_db']:.2f}", ""),
        table_row("floor: mean image", f"{test['mean_image_psnr_mean_db']:.2f}", ""), "",
        f"Times: {card['environment']['cpu_model']}, {card['environment']['torch_threads']} threads.", "",
        "The pictures in `stills/`, which are no flowers:", "",
        table_row("", "encoder, dB", "refined, dB"), "|---|---|---|",
        *(table_row(name, f"{figures['psnr_db']:.2f}", f"{figures['refined_psnr_db']:.2f}")
          for name, figures in card["stills"].items()), "",
        *readable_flow(card.get("flow")),
        "Limits:", "", *(f"- {limit}" for limit in card["limits"]),
    ]
    return "\n".join(lines) + "\n"


def add_model(arguments, model):
    content, metadata, numbers = in_half_precision(model)
    check_size(model, content)
    config = config_of(arguments.run)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shipped = folder / f"{arguments.name}.safetensors"
        shipped.write_bytes(content)
        test = evaluate(arguments, "reconstruction", shipped, folder / "test",
                        ["--refine", arguments.refine, "--data", arguments.data, "--split", "test", "--floor-splits",
                         metadata["splits"], "--floor-limit", 16384])
        evaluate(arguments, "reconstruction", shipped, folder / "stills",
                 ["--refine", arguments.refine, "--images", arguments.stills])
        stills = still_figures(folder / "stills" / "per_image.csv")
    return content, card_of(arguments, content, metadata, numbers, config, test, stills)


def add_shipping_options(parser, name):
    parser.add_argument("run", type=pathlib.Path, help="run folder of the model")
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder of the data set it was trained on")
    parser.add_argument("--command", required=True, help="the command that trained it, for the card")
    parser.add_argument("--name", default=name, help="default: %(default)s")
    parser.add_argument("--out", type=pathlib.Path, default=root / "models", help="default: models/")
    parser.add_argument("--bin", type=pathlib.Path, default=root / "build" / "release" / "bin",
                        help="where neurosplat-evaluate is; default: build/release/bin")
    parser.add_argument("--overwrite", action="store_true", help="replace a model of that name and its card")


def check_names(arguments, replaces=False):
    """The model of the run."""
    for suffix in SUFFIXES:
        if not replaces and (arguments.out / (arguments.name + suffix)).exists() and not arguments.overwrite:
            fail(f"{arguments.out / (arguments.name + suffix)} is there already: choose another --name, or give --overwrite")
    model = arguments.run / "model.safetensors"
    if not model.is_file():
        fail(f"{arguments.run}: expected a run folder with model.safetensors, found none: train one")
    return model


def write_shipped(arguments, content, card, text):
    arguments.out.mkdir(parents=True, exist_ok=True)
    parts = (content, (json.dumps(card, indent=2) + "\n").encode(), text.encode())
    for suffix, part in zip(SUFFIXES, parts):
        write_atomically(arguments.out / (arguments.name + suffix), part)
    print(f"shipped: {arguments.out / arguments.name}.safetensors, .json, .md ({len(content) / 1e6:.1f} MB)")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_shipping_options(parser, "flowers-128")
    parser.add_argument("--flow", action="store_true",
                        help="the run is of a flow of the model --name in --out: add it there")
    parser.add_argument("--stills", type=pathlib.Path, default=root / "models" / "stills",
                        help="pictures that the card has a figure of each; default: models/stills")
    parser.add_argument("--refine", type=int, default=8, help="steps of refinement; default: %(default)s")
    arguments = parser.parse_args()
    model = check_names(arguments, replaces=arguments.flow)
    content, card = add_flow(arguments) if arguments.flow else add_model(arguments, model)
    write_shipped(arguments, content, card, readable(card))


if __name__ == "__main__":
    main()
