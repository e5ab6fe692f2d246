"""Learning-rate schedules of real PyTorch: the other side of the test.

usage: reference_schedule.py FILE POSITIONS KIND:SPAN:WARMUP:FLOOR...
Writes FILE, a safetensors file with `factors` [cases, POSITIONS], float64: what torch's schedulers
make of a learning rate of 1. Those of CosineAnnealingLR beyond `SPAN` are its smallest value: it
would rise again.
"""

import sys

import torch
from safetensors.torch import save_file
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, SequentialLR


def decay(optimiser, kind, span, floor):
    if kind == "cosine":
        return CosineAnnealingLR(optimiser, T_max=span, eta_min=floor)
    if kind == "linear":
        return LinearLR(optimiser, start_factor=1, end_factor=floor, total_iters=span)
    return ConstantLR(optimiser, factor=1)


def factors(case, positions):
    kind, span, warmup, floor = case.split(":")
    span, warmup, floor = int(span), int(warmup), float(floor)
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = decay(optimiser, kind, span - warmup, floor)
    if warmup > 0:
        rise = LinearLR(optimiser, start_factor=1 / warmup, total_iters=max(1, warmup - 1))
        schedule = SequentialLR(optimiser, [rise, schedule], milestones=[warmup])
    result = []
    for position in range(positions):
        ended = kind == "cosine" and position > span
        result.append(floor if ended else optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return result


def main():
    positions = int(sys.argv[2])
    rows = [factors(case, positions) for case in sys.argv[3:]]
    save_file({"factors": torch.tensor(rows, dtype=torch.float64)}, sys.argv[1])


if __name__ == "__main__":
    main()
