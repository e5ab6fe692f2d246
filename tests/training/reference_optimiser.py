"""Optimisers of real PyTorch, in double precision: the other side of the test.

usage: reference_optimiser.py FOLDER...
Of each reads FOLDER/case.json (the options, as in optimiser.h) and FOLDER/start.safetensors (weights as
start.NAME, gradients as gradient.NAME [batches, ...]), writes FOLDER/expected.safetensors: after
all batches the weights as weights.NAME and their average as average.NAME, and norms [steps], the
gradients' norms before clipping. The rate of step t is lr / (1 + t % 3).
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

KINDS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "adamax": torch.optim.Adamax}


def run(folder):
    case = json.loads((folder / "case.json").read_text())
    data = {name: tensor.double() for name, tensor in
            load_file(str(folder / "start.safetensors")).items()}
    start = {k[len("start."):]: v for k, v in data.items() if k.startswith("start.")}
    gradients = {name: data[f"gradient.{name}"] for name in start}
    # Names hold dots, which a ParameterDict does not take.
    model = torch.nn.ParameterList([torch.nn.Parameter(v) for v in start.values()])
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(case["average"]))
    optimiser = KINDS[case["kind"]](
        model.parameters(), lr=case["lr"], betas=(case["beta1"], case["beta2"]),
        eps=case["epsilon"], weight_decay=case["weight_decay"])
    norms = []
    for batch in range(next(iter(gradients.values())).shape[0]):
        if batch % case["accumulate"] == 0:
            optimiser.zero_grad()
        loss = sum((p * g[batch]).sum() for p, g in zip(model, gradients.values()))
        (loss / case["accumulate"]).backward()
        if (batch + 1) % case["accumulate"] != 0:
            continue
        limit = case["clip"] if case["clip"] > 0 else float("inf")
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), limit).item())
        optimiser.param_groups[0]["lr"] = case["lr"] / (1 + (len(norms) - 1) % 3)
        optimiser.step()
        average.update_parameters(model)
    expected = {"norms": torch.tensor(norms, dtype=torch.float64)}
    for name, weights, mean in zip(start, model, average.module):
        expected[f"weights.{name}"] = weights.detach().contiguous()
        expected[f"average.{name}"] = mean.detach().contiguous()
    save_file(expected, str(folder / "expected.safetensors"))


def main():
    torch.set_num_threads(1)
    for folder in sys.argv[1:]:
        run(pathlib.Path(folder))


if __name__ == "__main__":
    main()
