#!/usr/bin/env python3
"""Makes what is in this folder with the programs in BIN, all of it anew.

Run it only to pin another version on purpose, never to make a test pass. Needs PyTorch and
safetensors (scripts/setup.sh).
"""

import argparse
import gzip
import math
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import zlib

import torch
from safetensors import safe_open
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = ("train", "sample", "live", "evaluate")
FRAMES, SIDE = 14, 16

COMMON = ["--image-size", "16", "--num-packets", "3", "--latent", "2", "--device", "cpu",
          "--threads", "1", "--lr", "0.01", "--beta", "0.001", "--beta-warmup", "4",
          "--clip", "0.5", "--seed", "7", "--pictures-every", "0", "--out", "run"]
# Steps an epoch: 4 of 64 pictures, 5 of 2 pairs.
KINDS = {
    "splat-vae": ["--dataset", "smoke", "--batch", "64", "--workers", "2", "--flip",
                  "--lr-schedule", "cosine", "--schedule-epochs", "5", "--held-out-every", "0"],
    "splat-predictor": ["--frames-dir", "frames", "--batch", "2", "--w-pred", "1.5", "--w-lin",
                        "0.4", "--held-out", "0.15"],
}
MODELS = {"splat-vae": ["model"], "splat-predictor": ["model", "koopman"]}

# How many units of a layer are kept, by the tensor's name; inputs of the next layer go with them.
LIVE = {"enc.conv.0": 8, "enc.conv.3": 12, "dec.net.0": 24, "dec.net.2": 24}
INPUTS = {"enc.conv.3": 8, "dec.net.2": 24, "dec.net.4": 24}
FLAT_INPUTS = {"enc.fc_mu": 12 * 16, "enc.fc_lv": 12 * 16}

# A bias before a batch norm has a gradient of rounding errors alone, which Adam scales up, and the
# mean that the norm keeps goes with it: no two processors agree on them.
ROUNDING = re.compile(r"enc\.conv\.[03]\.bias|running_mean")


def thin(path):
    """Silences most units of a fresh network for good: a unit whose weights in and out are zero has
    no gradient. The rest speaks up for them. What is left compresses to a few KB."""
    with safe_open(path, "pt") as file:
        metadata, state = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    for layer, live in LIVE.items():
        state[f"model.{layer}.weight"][live:] = 0
        state[f"model.{layer}.bias"][live:] = 0
    for layer, live in (INPUTS | FLAT_INPUTS).items():
        weight = state[f"model.{layer}.weight"]
        weight[:, live:] = 0
        weight *= math.sqrt(weight.shape[1] / live)
    for name in ("weight", "bias"):  # pictures with contrast, so that an epoch changes the figures
        state[f"model.dec.net.4.{name}"] *= 60
    save_file(state, path, metadata)


def png(pixels):
    """A PNG of rows of (r, g, b)."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data +
                struct.pack(">I", zlib.crc32(kind + data)))
    rows = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in pixels)
    header = struct.pack(">IIBBBBB", len(pixels[0]), len(pixels), 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) +
            chunk(b"IEND", b""))


def write_frames(folder):
    """A soft spot that goes round, redder as it falls."""
    folder.mkdir()
    for i in range(FRAMES):
        x, y = 8 + 4 * math.cos(0.6 * i), 8 + 4 * math.sin(0.6 * i)
        def pixel(column, row):
            light = math.exp(-((column - x) ** 2 + (row - y) ** 2) / 12)
            return int(30 + 200 * light), int(40 + 150 * light * (1 - y / 16)), int(60 + 90 * light)
        picture = [[pixel(column, row) for column in range(SIDE)] for row in range(SIDE)]
        (folder / f"frame_{i:02}.png").write_bytes(png(picture))


class Maker:
    def __init__(self, programs):
        self.programs = programs

    def train(self, folder, kind, *more):
        command = [self.programs / "neurosplat-train", kind, *more]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)

    def begin(self, folder, kind):
        """A run that stands before its first step, its network thinned."""
        self.train(folder, kind, *COMMON, *KINDS[kind], "--max-steps", "1")
        run = folder / "run"
        for path in run.glob("checkpoints/*"):
            if path.name != "step-00000000.safetensors":
                path.unlink()
        thin(run / "checkpoints" / "step-00000000.safetensors")

    def run(self, kind, *more):
        """Trained from the thinned network; the folder that holds the run."""
        folder = pathlib.Path(tempfile.mkdtemp())
        if kind == "splat-predictor":
            shutil.copytree(HERE / "frames", folder / "frames")
        self.begin(folder, kind)
        self.train(folder, kind, "--resume", "run", *more)
        return folder

    def pin(self, kind, name, *more):
        folder = self.run(kind, *more)
        run, out = folder / "run", HERE / kind / name
        (out / "checkpoints").mkdir(parents=True)
        for text in ("config.json", "loss.csv", "metrics.jsonl"):
            shutil.copy(run / text, out / text)
        newest = max((run / "checkpoints").iterdir())
        for path in [run / f"{model}.safetensors" for model in MODELS[kind]] + [newest]:
            packed = out / path.relative_to(run).with_suffix(".safetensors.gz")
            packed.write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
        # Going on from what is pinned gives what the run gives that nothing interrupts.
        for path in (run / "checkpoints").glob("*.safetensors"):
            if path != newest:
                path.unlink()
        self.train(folder, kind, "--resume", "run", "--epochs", "3", "--max-steps", "0")
        return run

    def pin_expected(self, kind, resumed):
        run = self.run(kind, "--epochs", "3", "--max-steps", "0") / "run"
        out = HERE / kind / "expected"
        out.mkdir()
        shutil.copy(run / "loss.csv", out / "loss.csv")
        rows = ["file,tensor,norm,sum"]
        for model in MODELS[kind]:
            file = f"{model}.safetensors"
            for other in resumed:
                if read(run / file) != read(other / file):
                    raise SystemExit(f"{kind}: {file} is another one after resuming")
            with safe_open(run / file, "pt") as tensors:
                for name in sorted(tensors.keys()):
                    if ROUNDING.search(name):
                        continue
                    values = tensors.get_tensor(name).double()
                    rows.append(f"{file},{name},{values.norm():.9g},{values.sum():.9g}")
        (out / "weights.csv").write_text("\n".join(rows) + "\n")

    def pin_help(self):
        out = HERE / "help"
        out.mkdir()
        for name in (f"neurosplat-{short}" for short in PROGRAMS):
            def ask(*arguments):
                return subprocess.run([self.programs / name, *arguments, "--help"], check=True,
                                      capture_output=True, text=True).stdout
            overview = ask()
            (out / f"{name}.txt").write_text(overview)
            for command in re.findall(r"^  (\S+) ", overview.split("Subcommands:")[1], re.M):
                (out / f"{name}.{command}.txt").write_text(ask(command))


def read(path):
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name).flatten().tolist() for name in file.keys()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bin", type=pathlib.Path, help="folder of the programs")
    maker = Maker(parser.parse_args().bin.resolve())
    for old in ("help", "frames", *KINDS):
        shutil.rmtree(HERE / old, ignore_errors=True)
    write_frames(HERE / "frames")
    maker.pin_help()
    for kind in KINDS:
        ended = maker.pin(kind, "ended", "--epochs", "2", "--max-steps", "0")
        stopped = maker.pin(kind, "stopped", "--epochs", "3", "--max-steps", "7")
        maker.pin_expected(kind, (ended, stopped))


if __name__ == "__main__":
    main()
