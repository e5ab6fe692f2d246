#!/usr/bin/env python3
"""Reads what the benchmark programs left in a folder; prints a table, writes JSON, draws a plot.

scripts/bench.sh runs it; benchmarks/renderer_benchmark.cpp says how names are made.
"""
import argparse
import json
import math
import statistics
import subprocess
from pathlib import Path

PASSES = ("forward", "forward_backward")
ROW_KEYS = ("implementation", "device", "batch", "packets", "height", "width")
ROW_KEYS += ("forward_ms", "forward_backward_ms", "forward_ratio", "forward_backward_ratio")
ROW_KEYS += ("packet_kind", "gflops", "share_of_peak")
STAGES = ("data", "encoder", "decoder", "renderer", "loss", "optimiser", "other")


def read_benchmarks(path):
    """Median over the repetitions of each benchmark: name to its JSON object."""
    if not path.exists():
        return {}
    repetitions = {}
    for run in json.loads(path.read_text(encoding="utf-8"))["benchmarks"]:
        if run["run_type"] == "iteration":
            repetitions.setdefault(run["run_name"], []).append(run)
    return {
        name: sorted(runs, key=lambda run: run["real_time"])[len(runs) // 2]
        for name, runs in repetitions.items()
    }


def renderer_rows(benchmarks, groups):
    """Rows of the groups, times in ms a picture, in the order of their shapes."""
    rows = {}
    for name, run in benchmarks.items():
        fields = name.split("/")
        if fields[0] not in groups:
            continue
        group, which, implementation, device, kind = fields[:5]
        batch, packets, height, width = map(int, fields[5:9])
        row = rows.setdefault(
            (kind, -batch, packets, height, width, implementation, device, group),
            {
                "group": group,
                "implementation": implementation,
                "device": device,
                "batch": batch,
                "packets": packets,
                "height": height,
                "width": width,
                "packet_kind": kind,
                "in_parts": False,
            },
        )
        row[f"{which}_ms"] = run["real_time"] / batch
        row["in_parts"] |= fields[9] == "parts"
    return [row for _, row in sorted(rows.items())]


def product_flop(row):
    return 2 * 3 * row["height"] * 2 * row["packets"] * row["width"]


def add_ratios(rows, peak):
    keys = ("packet_kind", "device", "batch", "packets", "height", "width")
    dense = {
        tuple(row[key] for key in keys): row for row in rows if row["implementation"] == "dense"
    }
    for row in rows:
        reference = dense.get(tuple(row[key] for key in keys))
        for which in PASSES:
            time = f"{which}_ms"
            row[f"{which}_ratio"] = reference[time] / row[time] if reference else None
        row["gflops"] = 3 * product_flop(row) / row["forward_backward_ms"] / 1e6
        row["forward_gflops"] = product_flop(row) / row["forward_ms"] / 1e6
        row["share_of_peak"] = row["gflops"] / peak


def slope(points):
    """Exponent of a power law, by least squares in log-log."""
    xs = [math.log(x) for x, _ in points]
    ys = [math.log(y) for _, y in points]
    mean_x, mean_y = statistics.fmean(xs), statistics.fmean(ys)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / sum(
        (x - mean_x) ** 2 for x in xs
    )


def pixels(row):
    return row["height"] * row["width"]


def scaling_curves(rows):
    """Points (N or pixels, ms) of each group, implementation and pass."""
    curves = {}
    for row in rows:
        x = row["packets"] if row["group"] == "by-packets" else pixels(row)
        for which in PASSES:
            key = (row["group"], row["implementation"], which)
            curves.setdefault(key, []).append((x, row[f"{which}_ms"]))
    return {key: sorted(points) for key, points in curves.items()}


def memory_rows(path):
    rows = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        implementation, packets, side, grown = line.split()
        rows[implementation, packets, side] = {
            "implementation": implementation,
            "packets": int(packets),
            "height": int(side),
            "width": int(side),
            "mib": int(grown) / 2**20,
        }
    return list(rows.values())


def training_rows(benchmarks):
    rows = []
    for name, run in benchmarks.items():
        fields = name.split("/")
        if fields[0] != "training":
            continue
        total = sum(run[stage] for stage in STAGES)
        rows.append(
            {
                "image_size": int(fields[1]),
                "packets": int(fields[2]),
                "batch": int(fields[3]),
                "images_per_second": run["items_per_second"],
                "shares": {stage: run[stage] / total for stage in STAGES},
            }
        )
    return sorted(rows, key=lambda row: row["image_size"])


def lock_rows(benchmarks):
    rows = []
    for name, run in benchmarks.items():
        fields = name.split("/")
        if fields[0] == "lock":
            side, packets, steps = map(int, fields[1:4])
            rows.append(
                {
                    "image_size": side,
                    "packets": packets,
                    "steps": steps,
                    "lock_ms": run["real_time"],
                    "step_ms": run["real_time"] / steps,
                }
            )
    return rows


def print_table(header, lines):
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for line in lines:
        print("| " + " | ".join(line) + " |")
    print()


def print_renderer(rows, peak):
    def ratio(value):
        return "–" if value is None else f"{value:.1f}"

    print(f"Matrix-product peak (1024^3 float32): {peak:.0f} GFLOP/s\n")
    header = ("packets, H x W, batch", "packet kind", "implementation", "device")
    header += ("forward, ms a picture", "forward + backward, ms", "ratio forward")
    header += ("ratio forward + backward", "GFLOP/s", "share of peak")
    lines = [
        (
            f"{row['packets']}, {row['height']} x {row['width']}, {row['batch']}",
            row["packet_kind"],
            row["implementation"],
            row["device"],
            f"{row['forward_ms']:.3f}",
            f"{row['forward_backward_ms']:.3f}" + (" (in parts)" if row["in_parts"] else ""),
            ratio(row["forward_ratio"]),
            ratio(row["forward_backward_ratio"]),
            f"{row['gflops']:.1f}",
            f"{100 * row['share_of_peak']:.0f} %",
        )
        for row in rows
    ]
    print_table(header, lines)


def print_scaling(curves):
    lines = []
    for (group, implementation, which), points in sorted(curves.items()):
        x = "N" if group == "by-packets" else "pixels"
        span = f"{points[0][0]} to {points[-1][0]}"
        upper = points[len(points) // 2 :]
        exponents = (f"{slope(points):.2f}", f"{slope(upper):.2f}")
        lines.append((f"{x}, {span}", implementation, which.replace("_", " + "), *exponents))
    print_table(("time over", "implementation", "pass", "exponent", "of the upper half"), lines)


def memory_exponents(rows):
    """Exponents of the growth over N (at 128 x 128) and over pixels (at 512 packets)."""
    found = []
    for implementation in dict.fromkeys(row["implementation"] for row in rows):
        own = [row for row in rows if row["implementation"] == implementation]
        by_packets = sorted((row["packets"], row["mib"]) for row in own if row["height"] == 128)
        by_pixels = sorted((pixels(row), row["mib"]) for row in own if row["packets"] == 512)
        for over, points in (("N", by_packets), ("pixels", by_pixels)):
            upper = points[len(points) // 2 :]
            exponent = slope(upper) if all(y > 0 for _, y in upper) else None
            found.append({"implementation": implementation, "over": over, "exponent": exponent})
    return found


def print_memory(rows):
    lines = [
        (
            row["implementation"],
            f"{row['packets']}, {row['height']} x {row['width']}",
            f"{row['mib']:.1f}",
        )
        for row in rows
    ]
    print_table(("implementation", "packets, H x W", "peak memory of a pass, MiB"), lines)
    for found in memory_exponents(rows):
        exponent = "none" if found["exponent"] is None else f"{found['exponent']:.2f}"
        over, implementation = found["over"], found["implementation"]
        print(f"{implementation}: memory over {over}, exponent of the upper half {exponent}")
    print()


def print_training(rows):
    header = ("pixels, packets, batch", "images/s", *STAGES)
    lines = [
        (
            f"{row['image_size']}, {row['packets']}, {row['batch']}",
            f"{row['images_per_second']:.1f}",
            *(f"{100 * row['shares'][stage]:.1f} %" for stage in STAGES),
        )
        for row in rows
    ]
    print_table(header, lines)


def print_lock(rows):
    for row in rows:
        print(
            f"lock, {row['image_size']} px, {row['packets']} packets, batch 1, {row['steps']} Adam"
            f" steps: {row['lock_ms']:.1f} ms, {row['step_ms']:.2f} ms a step\n"
        )


COLOURS = {"dense": "#c04020", "matrix": "#2060a0"}
GNUPLOT = """
set terminal pngcairo size 1200,620 font "sans,11"
set output "{output}"
set logscale xy
set format x "10^{{%L}}"
set key above maxcols 2 samplen 3
set grid
set ylabel "ms a picture"
set multiplot layout 1,2
set xlabel "packets (128 x 128 pixels)"
plot {by_packets}
set xlabel "pixels (512 packets)"
plot {by_pixels}
"""


def draw_plot(curves, folder):
    folder.mkdir(parents=True, exist_ok=True)
    blocks, plots = [], {"by-packets": [], "by-pixels": []}
    for index, ((group, implementation, which), points) in enumerate(sorted(curves.items())):
        name = f"$curve{index}"
        blocks.append(f"{name} << EOD\n" + "".join(f"{x} {y}\n" for x, y in points) + "EOD\n")
        colour = COLOURS.get(implementation, "#208040")
        style = "dashtype 2" if which == "forward" else "dashtype 1"
        title = f"{implementation}, {which.replace('_', ' + ')}: x^{{{slope(points):.2f}}}"
        plots[group].append(
            f'{name} with linespoints lc rgb "{colour}" {style} pt 7 title "{title}"'
        )
    script = "".join(blocks) + GNUPLOT.format(
        output=folder / "renderer-scaling.png",
        by_packets=", ".join(plots["by-packets"]),
        by_pixels=", ".join(plots["by-pixels"]),
    )
    subprocess.run(["gnuplot"], input=script, text=True, check=True)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--details", type=Path)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    renderer = read_benchmarks(arguments.folder / "renderer_benchmark.json")
    training = read_benchmarks(arguments.folder / "training_benchmark.json")
    report = {"memory": memory_rows(arguments.folder / "memory.txt")}
    table = renderer_rows(renderer, ("table",))
    if table:
        sgemm = next(run for name, run in renderer.items() if name.startswith("sgemm"))
        peak = 2 * 1024**3 / sgemm["real_time"] / 1e6
        add_ratios(table, peak)
        print_renderer(table, peak)
        report.update(renderer=table, peak_gflops=peak)
    scaling = renderer_rows(renderer, ("by-packets", "by-pixels"))
    curves = scaling_curves(scaling)
    if curves:
        print_scaling(curves)
        report["scaling"] = {
            "rows": scaling,
            "exponents": [
                {"over": group, "implementation": name, "pass": which, "exponent": slope(points)}
                for (group, name, which), points in curves.items()
            ],
        }
        if arguments.plot:
            draw_plot(curves, arguments.plot)
    if report["memory"]:
        print_memory(report["memory"])
    report.update(training=training_rows(training), lock=lock_rows(training))
    if report["training"]:
        print_training(report["training"])
    print_lock(report["lock"])
    patches = arguments.folder / "patches.json"
    if patches.exists():
        report["patches"] = json.loads(patches.read_text(encoding="utf-8"))
    if arguments.json:
        write_json(arguments.json, [{key: row[key] for key in ROW_KEYS} for row in table])
    if arguments.details:
        write_json(arguments.details, report)


if __name__ == "__main__":
    main()
