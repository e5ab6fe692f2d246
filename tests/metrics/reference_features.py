"""EfficientNet-Lite0 by its Python definition: the other side of the test.

usage: reference_features.py WEIGHTS FOLDER
Reads the state dict WEIGHTS and FOLDER/prepared.safetensors (prepared [B, 3, 224, 224]), writes
FOLDER/expected.safetensors: maps [B, 1280, 7, 7] and logits [B, 1000].
"""

import pathlib
import sys

import torch
from efficientnet_lite_pytorch import EfficientNet
from safetensors.torch import load_file, save_file


def main():
    torch.set_num_threads(1)
    weights, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(load_file(weights))
    network.eval()
    prepared = load_file(str(folder / "prepared.safetensors"))["prepared"]
    with torch.no_grad():
        expected = {"maps": network.extract_features(prepared), "logits": network(prepared)}
    save_file(expected, str(folder / "expected.safetensors"))


if __name__ == "__main__":
    main()
