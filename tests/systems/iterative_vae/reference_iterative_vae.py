"""Iterative inference from its formulas in double precision, for one file of weights and noise.

Reads FOLDER/case.safetensors: weights under their names, x [B, M], noise.N for sample N (waits
[most, B, K] or normal [B, K]); its metadata hold the settings. Writes expected.safetensors: nll and
kl by frame, the last state and the gradient of the mean loss by each weight."""

import math
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file

folder = sys.argv[1]
with safe_open(folder + "/case.safetensors", "pt") as file:
    told = file.metadata()
    tensors = {name: file.get_tensor(name).double() for name in file.keys()}
x = tensors.pop("x")
noise = {int(name[6:]): tensors.pop(name) for name in list(tensors) if name.startswith("noise.")}
weights = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
poisson = told["model"] == "poisson"
frames, inner = int(told["frames"]), int(told["inner"])
beta, leak, tau, openness = (float(told[name]) for name in ("beta", "beta_inner", "temperature", "openness"))


def opened(tight, loose):
    return tight + openness * (loose - tight)


def clamp(value, ceiling):
    if poisson:
        return ceiling - torch.nn.functional.softplus(ceiling - torch.clamp(value, min=-8))
    return ceiling * torch.tanh(value / ceiling)


state_ceilings = [opened(2, 10)] if poisson else [opened(1, 7), opened(1, 2)]
change_ceilings = [opened(2, 10)] if poisson else [opened(1, 7), opened(1, 3)]
log_scale = 3.45 * torch.tanh(weights["log_scale"] / 3.45)
variance = torch.exp(2 * log_scale)
phi = weights["decoder.weight"]
bias = torch.exp(weights["log_bias"])
step = torch.exp(weights["log_step"])
names = ["prior.log_rate"] if poisson else ["prior.mean", "prior.log_sigma"]
state = [weights[name].expand(len(x), -1) for name in names]


def activity_and_slope(z):
    if told["activation"] == "relu":
        gain = torch.exp(weights["log_gain"])
        return gain * torch.relu(z), gain * (z > 0)
    return z, torch.ones_like(z)


def sample(state, number):
    if not poisson:
        return state[0] + torch.exp(state[1]) * noise[number]
    times = torch.cumsum(noise[number] / (torch.exp(state[0]) + 1.2e-7), 0)
    arrived = (1 - times) / tau
    if told["relaxation"] == "cubic":
        w = torch.clamp(arrived / 2 + 0.5, 0, 1)
        return (3 * w**2 - 2 * w**3).sum(0)
    return torch.sigmoid(arrived).sum(0)


def kl(new, old):
    if poisson:
        change = new[0] - old[0]
        rate = torch.exp(old[0] if told["kl"] == "exact" else new[0])
        return (rate * (1 + torch.exp(change) * (change - 1))).sum(1)
    sigma, old_sigma = torch.exp(new[1]), torch.exp(old[1])
    return (0.5 * (((new[0] - old[0]) / old_sigma) ** 2 + (sigma / old_sigma) ** 2
                   - 2 * torch.log(sigma / old_sigma) - 1)).sum(1)


number = 0
z = sample(state, number)
nlls, kls = [], []
for _ in range(frames):
    prior = state
    for _ in range(inner):
        activity, slope = activity_and_slope(z)
        error = (x - activity @ phi.T) / variance
        drive = slope * (error @ phi)
        if poisson:
            change = [step[0] * (drive - bias - leak * (state[0] - prior[0]))]
        else:
            mean, log_sigma = state
            sigma = torch.exp(log_sigma)
            epsilon = noise[number]
            by_mean = -drive + leak * (mean - prior[0]) / torch.exp(2 * prior[1])
            by_sigma = -drive * epsilon * sigma + leak * (torch.exp(2 * (log_sigma - prior[1])) - 1)
            change = [-step[0] * (sigma**2 * by_mean + bias), -step[1] * 0.5 * by_sigma]
        state = [clamp(u + clamp(du, c), top) for u, du, c, top
                 in zip(state, change, change_ceilings, state_ceilings)]
        number += 1
        z = sample(state, number)
    expected = activity_and_slope(z)[0] @ phi.T
    nll = (0.5 * (x - expected) ** 2 / variance + log_scale + 0.5 * math.log(2 * math.pi)).sum(1)
    nlls.append(nll.mean())
    kls.append(kl(state, prior).mean())
loss = sum(n + beta * k for n, k in zip(nlls, kls)) / frames
loss.backward()
result = {"gradient." + name: weight.grad for name, weight in weights.items()}
result.update({f"state.{i}": u.detach().contiguous() for i, u in enumerate(state)})
result["nll"] = torch.stack(nlls).detach()
result["kl"] = torch.stack(kls).detach()
save_file(result, folder + "/expected.safetensors")
