"""Phase-locking in PyTorch, in double precision, with the renderer written out as a plain sum: the
other side of the test.

usage: reference_phase_lock.py FOLDER STEPS LEARNING_RATE
Reads FOLDER/start.safetensors (pictures [K, 3, S, S], raw [K, N, 11]), writes
FOLDER/expected.safetensors (packets, locked, mse [K, STEPS + 1]).
"""

import math
import sys

import torch
from safetensors.torch import load_file, save_file


def anchor_logits(packets):
    side = math.ceil(math.sqrt(packets))
    axis = [0.08 + 0.84 * i / (side - 1) for i in range(side)]
    places = [(x, y) for x in axis for y in axis][:packets]
    return torch.tensor([[math.log(v / (1 - v)) for v in p] for p in places], dtype=torch.float64)


def draw(raw, size):
    axis = torch.arange(size, dtype=torch.float64) / (size - 1)
    place = torch.sigmoid(anchor_logits(len(raw)) + raw[:, :2])
    field = torch.zeros(3, size, size, dtype=torch.float64)
    for n in range(len(raw)):
        dx, dy = axis[None, :] - place[n, 0], axis[:, None] - place[n, 1]
        width = 0.012 + 0.14 * torch.sigmoid(raw[n, 2])
        frequency = 1 + 15 * torch.sigmoid(raw[n, 4])
        phase = 2 * math.pi * frequency * (dx * torch.cos(raw[n, 3]) + dy * torch.sin(raw[n, 3]))
        envelope = torch.exp(-(dx**2 + dy**2) / (2 * width**2))
        a, b = torch.tanh(raw[n, 5::2]), torch.tanh(raw[n, 6::2])
        field = field + envelope * (a[:, None, None] * torch.cos(phase) -
                                    b[:, None, None] * torch.sin(phase))
    return torch.sigmoid(field)


def lock(raw, picture, steps, rate):
    raw = raw.clone().requires_grad_()
    adam = torch.optim.Adam([raw], lr=rate)
    errors = []
    for step in range(steps + 1):
        drawn = draw(raw, picture.shape[-1])
        error = torch.nn.functional.mse_loss(drawn, picture)
        errors.append(error.item())
        if step == steps:
            return raw.detach(), drawn.detach(), torch.tensor(errors, dtype=torch.float64)
        adam.zero_grad()
        error.backward()
        adam.step()


def main():
    folder, steps, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    torch.set_num_threads(1)
    start = load_file(f"{folder}/start.safetensors")
    results = [
        lock(raw.double(), picture.double(), steps, rate)
        for raw, picture in zip(start["raw"], start["pictures"])
    ]
    packets, locked, mse = (torch.stack(r) for r in zip(*results))
    save_file({"packets": packets, "locked": locked, "mse": mse}, f"{folder}/expected.safetensors")


main()
