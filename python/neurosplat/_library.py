"""Finds the library of operators and loads it, once, when the package is imported."""

import os
import pathlib

import torch

NAME = "libneurosplat_operators.so"
_HERE = pathlib.Path(__file__).resolve().parent


def _candidates():
    named = os.environ.get("NEUROSPLAT_LIBRARY")
    if named:
        return [pathlib.Path(named)]
    # What `pip install` put into the package, else what the checkout around it has built last. Other
    # presets' libraries need a sanitizer's runtime.
    built = [_HERE.parent.parent / "build" / preset / "lib" / NAME for preset in ("release", "python")]
    built = [path for path in built if path.is_file()]
    return [_HERE / NAME, *sorted(built, key=lambda path: -path.stat().st_mtime)]


def _find():
    candidates = _candidates()
    for path in candidates:
        if path.is_file():
            return path
    places = " or ".join(str(path) for path in candidates)
    raise ImportError(
        f"expected {NAME} in {places}, found none: build it (cmake --build build/release --target "
        f"neurosplat_operators), or set NEUROSPLAT_LIBRARY to its path"
    )


def _load():
    path = _find()
    try:
        torch.ops.load_library(str(path))
    except OSError as error:
        raise ImportError(
            f"{path}: expected a library for the torch {torch.__version__} that is running, and it does not "
            f"load ({error}): build it with this torch's LibTorch (NEUROSPLAT_LIBTORCH={torch.__path__[0]})"
        ) from error
    return path


library_path = _load()
"""The library that was loaded."""


def shipped(name):
    """The shipped model `name`: $NEUROSPLAT_MODELS, the package's own copy, or those of the checkout or the
    prefix that the library lies in."""
    folders = [_HERE / "models", _HERE.parent.parent / "models"]
    folders += [parent / "share" / "neurosplat" / "models" for parent in library_path.resolve().parents]
    folders += [parent / "models" for parent in library_path.resolve().parents]
    if os.environ.get("NEUROSPLAT_MODELS"):
        folders = [pathlib.Path(os.environ["NEUROSPLAT_MODELS"])]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f"expected {name} in $NEUROSPLAT_MODELS, the package or near {library_path}, found none: name a model's path"
    )
