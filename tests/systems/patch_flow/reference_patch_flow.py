"""The patch flow's networks from their description, in double precision, for files of weights.

Reads FOLDER/case.safetensors of every FOLDER named: weights under their names, noisy [B, 3, S, S], times [B]; its metadata
hold the sizes; where there are conditions, vision and semantic [B, n] and their weights [B, 2]. Writes
expected.safetensors: tokens [B, T, numbers] and, of their summed squares, the gradient by each weight."""

import math
import sys

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file

def run(folder):
    with safe_open(folder + "/case.safetensors", "pt") as file:
        told = file.metadata()
        tensors = {name: file.get_tensor(name).double() for name in file.keys()}
    noisy, times = tensors.pop("noisy"), tensors.pop("times")
    asked = {name: tensors.pop(name) for name in ("vision", "semantic", "weights") if name in tensors}
    tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith((".mean", ".deviation"))}
    w = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
    size, patch, width, depth, heads = (int(told[name]) for name in ("image_size", "patch", "width", "depth", "heads"))
    side = size // patch
    batch, head = len(noisy), width // heads


    def sinusoid(t, count):
        angles = [[x.item() * math.exp(-i * math.log(1e4) / (count - 1)) for i in range(count)] for x in t]
        return torch.tensor([[math.sin(a) for a in row] + [math.cos(a) for a in row] for row in angles], dtype=torch.double)


    def linear(name, x):
        return x @ w[name + ".weight"].T + w.get(name + ".bias", 0)


    def attention(q, k, v):
        """[B, T, heads, channels] each."""
        scores = torch.einsum("bthc,bshc->bhts", q, k) / math.sqrt(head)
        return torch.einsum("bhts,bshc->bthc", scores.softmax(-1), v).reshape(batch, side * side, width)


    def author():
        x = torch.einsum("bchw,oc->bohw", noisy, w["pixels.weight"][:, :, 0, 0]) + w["pixels.bias"][:, None, None]
        x = x + linear("time", sinusoid(times, 8))[:, :, None, None]
        patches = F.unfold(x, patch, stride=patch).transpose(1, 2)
        x = patches @ w["tokens.weight"].reshape(width, -1).T + w["tokens.bias"]
        half = width // 2
        turned = torch.empty_like(x)
        for token in range(side * side):
            for group, position in ((0, token // side), (1, token % side)):
                for c in range(half):
                    angle = position * 1e4 ** (-2 * (c // 2) / half)
                    partner = c + half // 2 if c < half // 2 else c - half // 2
                    sign = -1 if c < half // 2 else 1
                    turned[:, token, group * half + c] = (
                        x[:, token, group * half + c] * math.cos(angle)
                        + sign * x[:, token, group * half + partner] * math.sin(angle)
                    )
        x = turned
        for i in range(depth):
            b = f"blocks.{i}."
            h = F.layer_norm(x, (width,), w[b + "norm_1.weight"], w[b + "norm_1.bias"])
            q, k, v = (linear(b + name, h).reshape(batch, -1, heads, head) for name in ("query", "key", "value"))
            x = x + linear(b + "out", attention(q, k, v))
            h = F.layer_norm(x, (width,), w[b + "norm_2.weight"], w[b + "norm_2.bias"])
            x = x + linear(b + "linear", h) * F.silu(linear(b + "gate", h))
        return linear("head", x)


    def rms(x):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6)


    def modulated():
        windows = F.unfold(noisy, 2 * patch, stride=patch, padding=patch // 2).transpose(1, 2)
        x = windows @ w["embedding.weight"].reshape(width, -1).T + w["embedding.bias"] + w["positions"]
        moment = F.silu(linear("time", sinusoid(1000 * times, 64)))
        shared = linear("modulation", moment).reshape(batch, 6, width)
        asked_rows = 0
        for column, name in enumerate(("vision", "semantic")):
            if name in asked:
                inner = asked[name] @ w[f"conditions.{name}.narrow.weight"].T
                rows = linear(f"conditions.{name}.wide", inner).reshape(batch, 6 * depth + 2, width)
                asked_rows = asked_rows + asked["weights"][:, column, None, None] * rows
        asked_rows = asked_rows + torch.zeros(batch, 6 * depth + 2, width, dtype=torch.double)
        quarter = head // 4
        frequencies = [math.pi / 4 * 10 ** (-i / (quarter - 1)) for i in range(quarter)]
        angles = torch.tensor(
            [[(t // side) * f for f in frequencies] + [(t % side) * f for f in frequencies] for t in range(side * side)],
            dtype=torch.double,
        )[None, :, None]

        def turn(x):
            a, b = x[..., : head // 2], x[..., head // 2 :]
            return torch.cat([a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()], -1)

        for i in range(depth):
            b = f"blocks.{i}."
            m = (shared + asked_rows[:, 6 * i : 6 * i + 6] + w[b + "table"])[:, :, None]
            grid = x.transpose(1, 2).reshape(batch, width, side, side)
            grid = F.conv2d(grid, w[b + "neighbours.weight"], w[b + "neighbours.bias"], padding=1, groups=width)
            x = x + grid.reshape(batch, width, -1).transpose(1, 2)
            h = rms(x) * (1 + m[:, 1]) + m[:, 0]
            q, k, v = linear(b + "qkv", h).reshape(batch, -1, 3, heads, head).unbind(2)
            q, k = turn(rms(q) * w[b + "query_scale"]), turn(rms(k) * w[b + "key_scale"])
            x = x + m[:, 2] * linear(b + "out", attention(q, k, v))
            h = rms(x) * (1 + m[:, 4]) + m[:, 3]
            a, g = linear(b + "up", h).chunk(2, -1)
            x = x + m[:, 5] * linear(b + "down", F.silu(a) * g)
        last = (linear("head_modulation", moment) + asked_rows[:, 6 * depth :].reshape(batch, -1))[:, None]
        return linear("head", rms(x) * (1 + last[..., width:]) + last[..., :width])


    tokens = author() if told["network"] == "author" else modulated()
    (tokens * tokens).sum().backward()
    result = {"tokens": tokens.detach()}
    result |= {"gradient." + name: tensor.grad for name, tensor in w.items()}
    save_file({name: tensor.contiguous() for name, tensor in result.items()}, folder + "/expected.safetensors")


for each in sys.argv[1:]:
    run(each)
