#!/usr/bin/env python3
"""Kills trainings with SIGKILL at random times, resumes them, and looks at what each kill left.

Of every learner, on generated data and one thread: after each kill all files are whole or not there, the newest
checkpoint is no older than the one before and at most one interval behind the epoch that was announced; the resumed run
begins where that checkpoint stands. At the end the killed run is, bit by bit, one that nobody disturbed. Exit code 1
names what was not so and keeps the run's folder."""

import argparse
import json
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FRAMES = ROOT / "tests" / "pins" / "frames"
SMALL = "--dataset synthetic --splits val --image-size 16"

# Each trains an epoch of several steps in some tens of milliseconds, as in tests/apps/training_rows.h.
LEARNERS = {
    "splat-vae": f"{SMALL} --batch 32 --num-packets 4 --latent 2 --flip --schedule-epochs 50 --held-out-pictures 8",
    "splat-predictor": f"--frames-dir {FRAMES} --batch 2 --image-size 16 --num-packets 4 --latent 2",
    "iterative-vae": "--dataset synthetic --patches 160 --patch-size 8 --n-latents 32 --t-train 3 --batch 32 "
                     "--schedule-epochs 50 --held-out-patches 8",
    "patch-flow": "--dataset synthetic --batch 32 --image-size 16 --width 16 --depth 1 --splats 4 --schedule-epochs 50 "
                  "--held-out-pictures 8",
    "latent-flow": "--model {model} --dataset synthetic --splits val --width 8 --depth 1 --batch 16 "
                   "--schedule-epochs 50 --held-out-pictures 8",
    "waveform-ae": f"{SMALL} --most-pictures 40 --repeats 1 --batch 8 --width 8 --latent 8 --electrodes 2 "
                   "--no-linear-code --waveform-encoder mlp --image-epochs 4 --joint-epochs 4 --schedule-epochs 50 "
                   "--held-out-pictures 8",
    "hierarchical-vae": f"{SMALL} --batch 32 --width 8 --latent-channels 2 --blocks 1,1,1,1,1 "
                        "--encoder-blocks 1,1,1,1,1 --schedule-epochs 50 --held-out-pictures 8",
}


class Broken(Exception):
    """What a kill left is not what was promised."""


def expect(holds, what):
    if not holds:
        raise Broken(what)


def tensors_of(path):
    """Header and data of a safetensors file, its sizes checked here and not by the programs under test."""
    data = path.read_bytes()
    expect(len(data) >= 8, f"{path}: cut short")
    length = struct.unpack("<Q", data[:8])[0]
    expect(length <= len(data) - 8, f"{path}: its header is cut short")
    header = json.loads(data[8:8 + length])
    metadata = header.pop("__metadata__", {})
    ends = sorted(entry["data_offsets"] for entry in header.values())
    expect(all(one[1] == other[0] for one, other in zip(ends, ends[1:])), f"{path}: gaps between tensors")
    expect((ends[-1][1] if ends else 0) == len(data) - 8 - length, f"{path}: its data is cut short")
    body = data[8 + length:]
    tensors = {name: (entry["dtype"], entry["shape"], body[slice(*entry["data_offsets"])])
               for name, entry in header.items()}
    return tensors, metadata


def check_png(path):
    data, at = path.read_bytes(), 8
    expect(data[:8] == b"\x89PNG\r\n\x1a\n", f"{path}: no PNG")
    while True:
        expect(len(data) >= at + 12, f"{path}: cut short")
        length = struct.unpack(">I", data[at:at + 4])[0]
        body = data[at + 4:at + 8 + length]
        expect(data[at + 8 + length:at + 12 + length] == struct.pack(">I", zlib.crc32(body)), f"{path}: damaged")
        at += 12 + length
        if body[:4] == b"IEND":
            expect(at == len(data), f"{path}: goes on after its end")
            return


def checkpoints_of(run):
    return sorted((run / "checkpoints").glob("step-*.safetensors"))


def check_files(run):
    """Every file there is whole; of a killed writer at most one temporary file of each name is left."""
    for path in run.rglob("*"):
        if path.is_dir() or path.name == "run.lock" or (path.name.startswith(".") and path.name.endswith(".tmp")):
            continue
        if path.suffix == ".safetensors":
            tensors, _ = tensors_of(path)
            expect(tensors, f"{path}: holds nothing")
        elif path.suffix == ".png":
            check_png(path)
        elif path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".jsonl":
            epochs = [json.loads(line)["epoch"] for line in path.read_text(encoding="utf-8").splitlines()]
            expect(epochs == list(range(1, len(epochs) + 1)), f"{path}: expected every epoch once, got {epochs}")
        elif path.suffix == ".csv":
            text = path.read_text(encoding="utf-8")
            lines = text.splitlines()
            expect(text.endswith("\n") and len({line.count(",") for line in lines}) == 1, f"{path}: cut lines")
            expect([line.split(",")[0] for line in lines[1:]] == [str(i) for i in range(1, len(lines))],
                   f"{path}: expected every epoch once")
        else:
            raise Broken(f"{path}: a file that nobody expects")


def standing_of(run):
    """Epoch, batch and step of the newest checkpoint; None before there is one."""
    files = checkpoints_of(run)
    expect(len(files) <= 3, f"{run}: expected the last two checkpoints and one that is new, got {len(files)}")
    if not files:
        return None
    _, metadata = tensors_of(files[-1])
    return tuple(int(metadata[key]) for key in ("epoch", "batch", "step"))


class Learner:
    def __init__(self, name, given, folder, drawn):
        self.name, self.given, self.drawn, self.folder = name, given, drawn, folder
        self.seed, self.interval = drawn.randrange(1000), drawn.choice([1, 1, 2, 5])
        self.run = folder / name
        self.counts = {"learner": name, "kills": 0, "interval": self.interval, "before_first_checkpoint": 0,
                       "epochs": 0, "most_epochs_lost": 0, "leftovers": 0, "same_bits": False}

    def command(self, out, epochs, more=()):
        options = LEARNERS[self.name].format(model=self.folder / "splat-vae-model.safetensors").split()
        return [str(self.given.train), self.name, *options, "--device", "cpu", "--threads", "1", "--seed",
                str(self.seed), "--out", str(out), "--epochs", str(epochs), "--checkpoint-every", str(self.interval),
                "--pictures-every", "7", *more]

    def finish(self, out, epochs, more=()):
        done = subprocess.run(self.command(out, epochs, more), capture_output=True, text=True, check=False, timeout=600)
        expect(done.returncode == 0, f"{self.name}: exit status {done.returncode}: {done.stderr.strip()[-300:]}")

    def kill_once(self):
        before = standing_of(self.run)
        more = ["--resume"] if before else ["--overwrite"]
        log = self.folder / f"{self.name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(self.command(self.run, 1000000, more), stdout=out, stderr=subprocess.STDOUT)
            # Most kills fall where it trains, some while it starts or reads its checkpoint.
            begin, trains = time.monotonic(), self.drawn.random() < 0.85
            while trains and process.poll() is None and not re.search(rb"^epoch \d+/\d+: ", log.read_bytes(), re.M):
                expect(time.monotonic() < begin + 120, f"{self.name}: expected an epoch within two minutes")
                time.sleep(0.005)
            time.sleep(self.drawn.random() * (self.given.longest if trains else 1.5))
            ended = process.poll()
            process.kill()
            process.wait()
        said = log.read_text(encoding="utf-8", errors="replace")
        expect(ended is None, f"{self.name}: ended by itself with {ended}: {said.strip()[-300:]}")
        self.counts["kills"] += 1
        check_files(self.run)
        self.counts["leftovers"] += 1 if list(self.run.rglob(".*.tmp")) else 0
        after = standing_of(self.run)
        if after is None:
            self.counts["before_first_checkpoint"] += 1
            return
        expect(before is None or after[2] >= before[2], f"{self.name}: went back from step {before} to {after}")
        resumed = re.search(r"resuming \S+: epoch (\d+), batch (\d+)", said)
        if before and resumed:
            expect((int(resumed[1]) - 1, int(resumed[2]) - 1) == before[:2],
                   f"{self.name}: expected to go on at {before}, got epoch {resumed[1]}, batch {resumed[2]}")
        announced = [int(epoch) for epoch in re.findall(r"^epoch (\d+)/\d+: ", said, re.MULTILINE)]
        if announced:
            # The last one announced may not be saved yet; what was due before it is.
            due = (announced[-1] - 1) // self.interval * self.interval
            expect(after[0] >= due, f"{self.name}: epoch {announced[-1]} was announced, saved is {after[0]}")
            lost = announced[-1] - after[0]
            self.counts["most_epochs_lost"] = max(self.counts["most_epochs_lost"], lost)

    def loop(self, kills):
        for kill in range(kills):
            self.kill_once()
            print(f"\r{self.name}: {kill + 1} of {kills} kills", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        standing = standing_of(self.run)
        expect(standing is not None, f"{self.name}: no kill left a checkpoint: expected slower kills, see --longest")
        epochs = standing[0] + self.interval + 1
        self.counts["epochs"] = epochs
        self.finish(self.run, epochs, ["--resume"])
        check_files(self.run)
        expect(not list(self.run.rglob(".*.tmp")), f"{self.name}: temporary files are left after the end")
        alone = self.folder / f"{self.name}-alone"
        self.finish(alone, epochs)
        for file in sorted(alone.rglob("*.safetensors")):
            same = self.run / file.relative_to(alone)
            # Of the last two checkpoints the older one differs: the killed run was saved at other steps.
            if file.parent.name == "checkpoints" and file != checkpoints_of(alone)[-1]:
                continue
            expect(same.exists() and tensors_of(file)[0] == tensors_of(same)[0], f"{same}: other bits than {file}")
        expect((alone / "loss.csv").read_bytes() == (self.run / "loss.csv").read_bytes(),
               f"{self.name}: another loss.csv than the run that was left alone")
        self.counts["same_bits"] = True


def table_of(rows):
    lines = ["| learner | kills | before a checkpoint | epochs at the end | checkpoint every | most epochs redone | "
             "kills amid a file | same bits |", "|---|--:|--:|--:|--:|--:|--:|---|"]
    for row in rows:
        lines.append(f"| {row['learner']} | {row['kills']} | {row['before_first_checkpoint']} | {row['epochs']} | "
                     f"{row['interval']} | {row['most_epochs_lost']} | {row['leftovers']} | "
                     f"{'yes' if row['same_bits'] else 'NO'} |")
    lines.append(f"| all | {sum(row['kills'] for row in rows)} | | | | | | |")
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=210, help="in all, shared out among the learners (default: 210)")
    parser.add_argument("--seed", type=int, default=1, help="of times and runs (default: 1)")
    parser.add_argument("--longest", type=float, default=1.5,
                        help="seconds from the first epoch of a run to its kill, at most (default: 1.5)")
    parser.add_argument("--learner", action="append", choices=list(LEARNERS), help="one of them; may be repeated")
    parser.add_argument("--train", type=Path, default=ROOT / "build" / "release" / "bin" / "neurosplat-train",
                        help="the program (default: of the preset release)")
    parser.add_argument("--json", type=Path, help="write the table's rows here")
    given = parser.parse_args()
    given.learner = given.learner or list(LEARNERS)
    given.train = given.train.resolve()
    if not given.train.exists():
        parser.error(f"expected {given.train}, found none: build it, or name it with --train")
    if given.kills < len(given.learner) or given.longest <= 0:
        parser.error(f"expected at least {len(given.learner)} kills and a time above 0")
    return given


def main():
    given = arguments()
    drawn = random.Random(given.seed)
    rows, fault = [], None
    folder = Path(tempfile.mkdtemp(prefix="neurosplat-kills-"))
    try:
        if "latent-flow" in given.learner:
            model = Learner("splat-vae", given, folder, random.Random(0))
            model.finish(folder / "model", 1)
            shutil.copy(folder / "model" / "model.safetensors", folder / "splat-vae-model.safetensors")
        for place, name in enumerate(given.learner):
            kills = given.kills // len(given.learner) + (1 if place < given.kills % len(given.learner) else 0)
            learner = Learner(name, given, folder, drawn)
            rows.append(learner.counts)
            learner.loop(kills)
    except Broken as broken:
        fault = str(broken)
    except KeyboardInterrupt:
        fault = "interrupted"
    print(table_of(rows))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if fault:
        print(f"kill_loop: {fault}\nkill_loop: the runs are in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
