#!/usr/bin/env python3
"""Times neurosplat.render beside what a Python user would write: the product form and the dense sum of
tests/dense_sum.py, eager and under torch.compile. Forward and backward, all rows in turn within each round, so
that whatever else the machine does hits them alike; medians and quartiles over rounds, and the ratio to
neurosplat within each round."""

import argparse
import json
import pathlib
import statistics
import sys
import time

import torch

import neurosplat

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from dense_sum import draw, field, product_field, random_raw  # noqa: E402


def step_of(function, raw, weights):
    """Draws and goes back; returns its milliseconds."""
    leaf = raw.clone().requires_grad_()
    start = time.perf_counter()
    (function(leaf) * weights).sum().backward()
    return 1e3 * (time.perf_counter() - start)


def quartiles(numbers):
    low, middle, high = statistics.quantiles(numbers, n=4)
    return {"median": round(middle, 3), "quartiles": [round(low, 3), round(high, 3)]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--packets", type=int, default=512)
    parser.add_argument("--size", type=int, default=128, help="pixels a side")
    parser.add_argument("--batch", type=int, default=4, help="pictures")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0: PyTorch's choice")
    parser.add_argument("--dense", action="store_true", help="also the dense sum, which takes a second a step")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures to this file")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)

    size, raw = options.size, random_raw(options.batch, options.packets)
    weights = torch.randn(options.batch, 3, size, size, generator=torch.Generator().manual_seed(1))
    # Symbolic sizes: with fixed ones torch 2.11's compiler fails on the product's way back.
    rows = {
        "neurosplat": lambda packets: neurosplat.render(packets, size, size),
        "product, torch.compile": torch.compile(lambda packets: draw(packets, size, size, product_field), dynamic=True),
        "product, eager": lambda packets: draw(packets, size, size, product_field),
    }
    if options.dense:
        rows["dense sum, torch.compile"] = torch.compile(lambda packets: draw(packets, size, size, field))
    drawn = {name: function(raw) for name, function in rows.items()}
    for name, function in rows.items():
        error = (drawn[name] - drawn["neurosplat"]).abs().max().item()
        assert error < 2e-5, f"{name} draws another picture: {error}"
        for _ in range(3):
            step_of(function, raw, weights)
    times = {name: [] for name in rows}
    for _ in range(options.rounds):
        for name, function in rows.items():
            times[name].append(step_of(function, raw, weights))

    print(f"{options.packets} packets, {size} x {size}, batch {options.batch}, forward + backward, "
          f"{torch.get_num_threads()} threads, torch {torch.__version__}; ms a batch, {options.rounds} rounds")
    results = {}
    for name, row in times.items():
        ratios = [other / ours for other, ours in zip(row, times["neurosplat"])]
        results[name] = {"ms": quartiles(row), "times_neurosplat": quartiles(ratios)}
        ms, ratio = results[name]["ms"], results[name]["times_neurosplat"]
        print(f"{name:26}{ms['median']:9.2f} ({ms['quartiles'][0]:.2f} to {ms['quartiles'][1]:.2f})"
              f"   x {ratio['median']:.1f} ({ratio['quartiles'][0]:.1f} to {ratio['quartiles'][1]:.1f})")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
