#!/usr/bin/env python3
"""Spikes counted a second in windows around presentations: pynwb and NumPy against ours, on one file.

NumPy counts in two ways: two binary searches an onset (searchsorted, its fastest), and np.histogram with
the windows' bounds as edges. Needs pynwb, and benchmarks/nwb_counts.cpp built: ninja -C build/release nwb_counts. Without --nwb a session
is simulated. Both sides open the file, count all units, and must agree; they take turns, and each has its
fastest of the repeats. Seconds of processors, of all threads, say what is left on a machine that others use
too. pynwb's spike times are taken a unit at a time, as its documentation does.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def processor():
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def ours(program, *words):
    done = subprocess.run([program, *map(str, words)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def searchsorted(numpy, seconds, onsets, begin, end):
    first, last = (numpy.searchsorted(seconds, onsets + edge) for edge in (begin, end))
    return last - first


def histogram(numpy, seconds, onsets, begin, end):
    """Windows must not overlap; between them are bins that nobody asked for."""
    edges = numpy.stack([onsets + begin, onsets + end], 1).ravel()
    return numpy.histogram(seconds, edges)[0][::2]


def with_pynwb(path, table, begin, end, count):
    """Seconds, seconds of processors, spikes and sum of the counts [onsets, units]."""
    import numpy
    import pynwb

    start, busy = time.perf_counter(), time.process_time()
    with pynwb.NWBHDF5IO(str(path), "r", load_namespaces=False) as io:
        nwb = io.read()
        onsets = nwb.intervals[table]["start_time"][:]
        units = nwb.units
        counts = numpy.empty((len(onsets), len(units)), numpy.int32)
        spikes = 0
        for unit in range(len(units)):
            seconds = units["spike_times"][unit]
            spikes += len(seconds)
            counts[:, unit] = count(numpy, seconds, onsets, begin, end)
    taken = time.perf_counter() - start, time.process_time() - busy
    return *taken, spikes, int(counts.sum())


def report(runs, peak):
    fastest = {name: min(of) for name, of in runs.items()}
    seconds, busy, spikes, total = fastest.pop("ours")
    print(f"processor: {processor()}, {os.cpu_count()} of them, load {os.getloadavg()[0]:.1f}")
    print(f"spikes: {spikes}, counted in windows: {total}")
    print(f"ours: {seconds:.3f} s, {busy:.3f} s of processors, {spikes / seconds:.3g} spikes/s, "
          f"peak memory {peak:.0f} MB")
    for name, (their_seconds, their_busy, *counted) in fastest.items():
        if counted != [spikes, total]:
            sys.exit(f"nwb_speed: counts differ: {name} {counted[0]} spikes, {counted[1]} in windows")
        print(f"pynwb and NumPy's {name}: {their_seconds:.3f} s, {their_busy:.3f} s of processors, "
              f"{spikes / their_seconds:.3g} spikes/s, ratio {their_seconds / seconds:.1f}, "
              f"of processors {their_busy / busy:.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nwb", type=Path, help="a session; default: one is simulated")
    parser.add_argument("--table", default="natural_scenes_presentations")
    parser.add_argument("--window", type=float, nargs=2, default=(0.05, 0.3), metavar=("FROM", "TO"))
    parser.add_argument("--units", type=int, default=60, help="of the simulated session, in each area")
    parser.add_argument("--seconds", type=float, default=3000, help="of the simulated session")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="ours; default: the machine's")
    parser.add_argument("--program", type=Path, default=ROOT / "build/release/bin/nwb_counts")
    options = parser.parse_args()
    if not options.program.exists():
        sys.exit(f"nwb_speed: expected {options.program}: build nwb_counts first")
    with tempfile.TemporaryDirectory() as folder:
        path = options.nwb
        if path is None:
            path = Path(folder) / "simulated.nwb"
            ours(options.program, "write", path, options.units, options.seconds)
        runs = {"ours": [], "searchsorted": [], "histogram": []}
        for _ in range(options.repeats):
            result = ours(options.program, "count", path, options.table, *options.window, 1, options.threads)
            peak = result["peak_mb"]
            runs["ours"].append(
                (result["seconds"], result["processor_seconds"], result["spikes"], result["sum"])
            )
            for count in (searchsorted, histogram):
                runs[count.__name__].append(with_pynwb(path, options.table, *options.window, count))
    report(runs, peak)


if __name__ == "__main__":
    main()
