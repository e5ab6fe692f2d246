#!/usr/bin/env python3
"""Runs the libFuzzer targets in build/fuzz/bin one after the other, minimises their corpora and prints a table.

scripts/fuzz.sh builds them and runs this; its --help says what comes out."""

import argparse
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "fuzz"
KEPT = ROOT / "tests" / "corpora"
DICTIONARIES = ROOT / "tests" / "fuzz" / "dictionaries"

MOST_KEPT_BYTES, LEAST_COST = 24 << 10, 512  # a small file costs as much as one of 512 bytes
SECONDS_OF_A_RUN = 10  # one input; more is a hang


class Target:
    """share: of the time; longest: bytes of an input; allocation: MiB that one may ask for at once; asan: more options
    of AddressSanitizer."""

    def __init__(self, share, longest, allocation=32, asan=""):
        self.share, self.longest, self.allocation, self.asan = share, longest, allocation, asan


TARGETS = {
    "checkpoint": Target(2, 8192),
    "configuration": Target(2, 4096),
    "idx": Target(2, 4096),
    "mat": Target(2, 8192),
    "npy": Target(2, 1024),
    "number_table": Target(2, 1024),
    # A packed column may be 2048 times as long as what is stored of it. HDF5 1.10 itself forgets what it made of
    # objects whose headers it gives up on, and asks for what they claim, but bears not to get it; ours does not.
    "nwb": Target(5, 32768, 256, ":detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=256"),
    "picture": Target(2, 4096),
    "picture_header": Target(3, 4096),
    "safetensors": Target(3, 4096),
    "service_message": Target(3, 4096),
    "torch_pickle": Target(2, 2048),
    # LibTorch loses half a KiB for each zip file that it refuses; looking for leaks after every run takes half a second.
    "torch_zip": Target(1, 4096, asan=":detect_leaks=0"),
    "web_client": Target(2, 4096),
}
KEYS = ("target", "seconds", "runs", "runs_per_second", "edges", "features", "edges_in_all", "corpus_files",
        "corpus_bytes", "peak_rss_mb", "finding", "command")


def environment(name, scratch):
    # Short stacks of allocations cost least; who shows a case again sees all of them.
    return os.environ | {"TMPDIR": scratch, "OMP_NUM_THREADS": "1", "UBSAN_OPTIONS": "print_stacktrace=1",
                         "ASAN_OPTIONS": f"quarantine_size_mb=16:malloc_context_size=3{TARGETS[name].asan}"}


def limits_of(name):
    target = TARGETS[name]
    return [f"-max_len={target.longest}", f"-timeout={SECONDS_OF_A_RUN}", "-rss_limit_mb=3072",
            f"-malloc_limit_mb={target.allocation}", "-close_fd_mask=3"]


def folders_of(name):
    """What a run begins with beside its own corpus."""
    return [str(folder) for folder in (BUILD / "seeds" / name, KEPT / name) if folder.is_dir()]


def number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def run(name, seconds, env):
    corpus, findings = BUILD / "corpora" / name, BUILD / "findings"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    program = BUILD / "bin" / f"fuzz_{name}"
    command = [str(program), str(corpus), *folders_of(name), f"-max_total_time={seconds}", "-print_final_stats=1",
               f"-artifact_prefix={findings}/{name}-", *limits_of(name)]
    dictionary = DICTIONARIES / f"{name}.dict"
    if dictionary.exists():
        command.append(f"-dict={dictionary}")
    begin = time.monotonic()
    log = findings / f"{name}.log"
    with log.open("wb") as out:
        status = subprocess.run(command, env=env, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    said = log.read_text(encoding="utf-8", errors="replace")
    took = time.monotonic() - begin
    runs = number(r"stat::number_of_executed_units:\s*(\d+)", said)
    row = dict.fromkeys(KEYS) | {
        "target": name, "seconds": round(took, 1), "runs": runs, "runs_per_second": round(runs / took),
        "edges": number(r"cov: (\d+)", said), "features": number(r"ft: (\d+)", said),
        "edges_in_all": number(r"\((\d+) inline 8-bit counters\)", said),
        "peak_rss_mb": number(r"stat::peak_rss_mb:\s*(\d+)", said)}
    if status != 0:
        artifact = re.findall(r"Test unit written to (\S+)", said)
        row["finding"] = artifact[-1] if artifact else str(log)
        shown = [str(program), *limits_of(name)[:-1], row["finding"]]
        row["command"] = f"ASAN_OPTIONS=abort_on_error=1{TARGETS[name].asan} {shlex.join(shown)}"
        fault = re.findall(r"^(?:FAULT:|SUMMARY:|==\d+== ?ERROR:).*$", said, re.MULTILINE)
        print(f"fuzz: {name}: FOUND {fault[0][:300] if fault else f'exit status {status}'}\n"
              f"fuzz: {row['finding']}\nfuzz: {row['command']}", flush=True)
    return row


def merge(name, env, into, folders, control=None):
    into.mkdir(parents=True, exist_ok=True)
    command = [str(BUILD / "bin" / f"fuzz_{name}"), "-merge=1", str(into), *folders, *limits_of(name)]
    if control:
        command.append(f"-merge_control_file={control}")
    done = subprocess.run(command, env=env, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"fuzz: {name}: cannot minimise its corpus: {done.stderr[-600:].decode(errors='replace')}")


def minimise(name, env, scratch):
    corpus, small = BUILD / "corpora" / name, Path(scratch) / f"merged-{name}"
    merge(name, env, small, [str(corpus), *folders_of(name)])
    shutil.rmtree(corpus)
    shutil.copytree(small, corpus)
    shutil.rmtree(small)
    files = list(corpus.iterdir())
    return len(files), sum(file.stat().st_size for file in files)


def features_by_file(control):
    """Of libFuzzer's control file: how many files, how many of them first, their names, then the features of each."""
    lines = control.read_text(encoding="utf-8").splitlines()
    names = lines[2:2 + int(lines[0])]
    seen = {}
    for line in lines[2 + len(names):]:
        words = line.split()
        if words and words[0] == "FT":
            seen[names[int(words[1])]] = set(words[2:])
    return seen


def keep(name, env, scratch):
    """Chooses what gives most features a byte, after the seeds and what was found before, which stay."""
    folder = KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("kept-*"):
        old.unlink()
    for seed in (BUILD / "seeds" / name).glob("seed-*"):
        shutil.copy(seed, folder / seed.name)
    control, unused = Path(scratch) / f"control-{name}", Path(scratch) / f"unused-{name}"
    merge(name, env, unused, [str(folder), str(BUILD / "corpora" / name)], control)
    seen = features_by_file(control)
    covered = set().union(*(features for file, features in seen.items() if Path(file).parent == folder), set())
    room = MOST_KEPT_BYTES
    while True:
        worth = [(len(features - covered) / max(LEAST_COST, Path(file).stat().st_size), file)
                 for file, features in seen.items() if max(LEAST_COST, Path(file).stat().st_size) <= room]
        best, file = max(worth, default=(0, ""))
        if best <= 0:
            return
        content = Path(file).read_bytes()
        (folder / f"kept-{hashlib.sha256(content).hexdigest()[:10]}").write_bytes(content)
        room -= max(LEAST_COST, len(content))
        covered |= seen.pop(file)


def table_of(rows):
    lines = ["| target | seconds | runs | runs/s | edges | features | corpus | found |", "|---|--:|--:|--:|--:|--:|--:|---|"]
    for row in rows:
        lines.append(f"| {row['target']} | {row['seconds']:.0f} | {row['runs']:,} | {row['runs_per_second']:,} | "
                     f"{row['edges']:,} | {row['features']:,} | {row['corpus_files']} files, "
                     f"{(row['corpus_bytes'] or 0) / 1024:.0f} KiB | {row['finding'] or 'nothing'} |")
    seconds, runs = sum(row["seconds"] for row in rows), sum(row["runs"] for row in rows)
    lines.append(f"| all | {seconds:.0f} | {runs:,} | {runs / seconds if seconds else 0:,.0f} | | | | "
                 f"{sum(row['finding'] is not None for row in rows)} |")
    return "\n".join(lines)


def write_rows(path, rows):
    """Rows of targets that did not run this time stay as they are."""
    known = {row["target"]: row for row in json.loads(path.read_text(encoding="utf-8"))} if path.exists() else {}
    known |= {row["target"]: row for row in rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([known[name] for name in TARGETS if name in known], indent=1) + "\n", encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("seconds", type=int, nargs="?", default=0)
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--keep", action="store_true", help="choose anew what tests/corpora keeps")
    parser.add_argument("--json", type=Path, default=BUILD / "fuzz.json", help="rows in JSON")
    parser.add_argument("--list", action="store_true", help="print the targets and their shares")
    parser.add_argument("--check", action="store_true", help="look at the arguments alone")
    given = parser.parse_intermixed_args()
    unknown = sorted(set(given.targets) - set(TARGETS))
    if unknown:
        parser.error(f"expected targets of {', '.join(TARGETS)}, got {unknown[0]}")
    given.targets = list(dict.fromkeys(given.targets)) or list(TARGETS)
    return given


def main():
    given = arguments()
    if given.check:
        return 0
    if given.list:
        print("\n".join(f"{name}: {target.share}" for name, target in TARGETS.items()))
        return 0
    memory = Path("/dev/shm")
    rows, status = [], 0
    with tempfile.TemporaryDirectory(prefix="neurosplat-fuzz-", dir=memory if memory.is_dir() else None) as scratch:
        subprocess.run([BUILD / "bin" / "fuzz_seeds", BUILD / "seeds"], check=True)
        shares = sum(TARGETS[name].share for name in given.targets)
        try:
            for place, name in enumerate(given.targets, start=1):
                seconds = max(1, round(given.seconds * TARGETS[name].share / shares))
                print(f"fuzz: {name}, {place} of {len(given.targets)}, {seconds} s", flush=True)
                env = environment(name, scratch)
                row = run(name, seconds, env)
                rows.append(row)
                if row["finding"] is None:
                    row["corpus_files"], row["corpus_bytes"] = minimise(name, env, scratch)
                    if given.keep:
                        keep(name, env, scratch)
        except KeyboardInterrupt:
            status = 130
    write_rows(given.json, rows)
    print(table_of(rows))
    return status or int(any(row["finding"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
