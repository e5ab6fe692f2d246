#!/usr/bin/env python3
"""Checks that the layers look down only and that no source file has grown too long."""

import argparse
import pathlib
import re
import sys

# From the bottom up; layers in one tuple are peers, which know nothing of each other.
ORDER = [
    ("core",),
    ("packet",),
    ("renderer",),
    ("models",),
    ("io", "metrics"),
    ("data",),
    ("training", "perception"),
    ("evaluation",),
    ("apps",),
]
HEIGHT = {layer: height for height, layers in enumerate(ORDER) for layer in layers}
LONGEST = 450
SUFFIXES = {".h", ".cpp", ".cu", ".cuh"}
# Our headers as "neurosplat/LAYER/..."; the private ones of src as "LAYER/...".
INCLUDE = re.compile(r'\s*#\s*include\s*(?:[<"]neurosplat/|"(?=[a-z_]+/))([^/">]+)')


def layer_of(path):
    """The layer of a source file, by its path from the top of the checkout."""
    parts = path.parts
    if parts[0] == "apps":
        return "apps"
    folder = parts[2:] if parts[0] == "include" else parts[1:]
    return folder[0] if len(folder) > 1 else ""


def errors_of(root, path):
    layer = layer_of(path)
    if layer not in HEIGHT:
        yield f"{path}: expected a folder of a layer ({', '.join(HEIGHT)}), came '{layer}'"
        return
    lines = (root / path).read_text(encoding="utf-8", errors="replace").splitlines()
    if len(lines) > LONGEST:
        yield f"{path}: expected at most {LONGEST} lines, came {len(lines)}: split the file"
    for number, line in enumerate(lines, start=1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match.group(1)
        if target not in HEIGHT:
            if "neurosplat/" in line:
                yield f"{path}:{number}: expected a layer after neurosplat/, came '{target}'"
        elif target != layer and HEIGHT[target] >= HEIGHT[layer]:
            way = "up" if HEIGHT[target] > HEIGHT[layer] else "sideways"
            yield f"{path}:{number}: {layer} includes {target}, which looks {way}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "root",
        nargs="?",
        type=pathlib.Path,
        default=pathlib.Path(__file__).resolve().parent.parent,
        help="the checkout (default: the one this script lies in)",
    )
    root = parser.parse_args().root
    files = sorted(
        path.relative_to(root)
        for top in ("include/neurosplat", "src", "apps")
        for path in (root / top).rglob("*")
        if path.suffix in SUFFIXES
    )
    if not files:
        sys.exit(f"check_layers: expected sources under {root}, found none")
    errors = [error for path in files for error in errors_of(root, path)]
    for error in errors:
        print(error, file=sys.stderr)
    if errors:
        sys.exit(1)
    print(f"check_layers: {len(files)} files look down only")


if __name__ == "__main__":
    main()
