"""A hierarchical VAE with PyTorch's own layers, in double precision.

Reads FOLDER/case.safetensors: weights under their names, pictures [B, 3, S, S] in 255ths, noise_I [B, c, s, s] of every
block. Writes expected.safetensors: mean_I (posterior means, each given the means before), all and coarse (pictures from all
means and from those of the first four blocks), reconstruction [B] and kl [B, blocks] (nats, with latents drawn by the noise)."""

import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

folder = sys.argv[1]
w = {name: tensor.double() for name, tensor in load_file(folder + "/case.safetensors").items()}
pictures = w.pop("pictures")
noise = [w.pop(f"noise_{i}") for i in range(sum(name.startswith("noise_") for name in w))]
levels = 5


def conv(x, name):
    weight = w[name + ".weight"]
    return F.conv2d(x, weight, w[name + ".bias"], padding=weight.shape[2] // 2)


def inner(h, name):
    for layer in ("c2", "c3"):
        h = conv(F.gelu(h), f"{name}.{layer}")
    return F.gelu(h)


def residual(x, name):
    return x + conv(inner(conv(F.gelu(x), name + ".c1"), name), name + ".c4")


def blocks_of(name):
    return sorted({int(key.split(".")[1]) for key in w if key.startswith(name + ".")})


def normal(parameters):
    mean, log_deviation = parameters.chunk(2, 1)
    return torch.distributions.Normal(mean, torch.exp(5 * torch.tanh(log_deviation / 5)))


def encoder():
    x = conv(F.pixel_unshuffle(4 * pictures - 2, 2), "stem")
    maps = {}
    for level in reversed(range(levels)):
        for i in blocks_of(f"up_{level}"):
            x = residual(x, f"up_{level}.{i}")
        maps[level] = x
        if level > 0:
            coarser = w[f"start_{level - 1}"].shape[2]
            x = conv(F.adaptive_avg_pool2d(x, coarser), f"from_finer_{level}")
    return maps


def decoder(choose):
    maps, number = encoder(), 0
    x = w["start_0"].expand(len(pictures), -1, -1, -1)
    for level in range(levels):
        if level > 0:
            side = w[f"start_{level}"].shape[2]
            x = F.interpolate(conv(x, f"from_coarser_{level}"), size=(side, side), mode="nearest") + w[f"start_{level}"]
        for i in blocks_of(f"down_{level}"):
            name = f"down_{level}.{i}"
            h = inner(conv(F.gelu(x), name + ".prior.c1"), name + ".prior")
            seen = conv(F.gelu(x), name + ".posterior.c1") + conv(F.gelu(maps[level]), name + ".from_encoder")
            latents = choose(number, normal(conv(h, name + ".prior.c4")),
                             normal(conv(inner(seen, name + ".posterior"), name + ".posterior.c4")))
            x = residual(x + conv(h, name + ".feature") + conv(latents, name + ".from_latents"), name + ".residual")
            number += 1
    h = F.pixel_shuffle(conv(F.gelu(x), "to_pixels"), 2)
    h = h + conv(F.gelu(conv(F.gelu(h), "pixels_1")), "pixels_2")
    mean, log_scale = conv(F.gelu(h), "picture").chunk(2, 1)
    return mean, (log_scale - 1.5).clamp(min=-7)


means, divergences = {}, {}


def take_mean(number, prior, posterior):
    means[number] = posterior.mean
    return posterior.mean


def take_coarse(number, prior, posterior):
    return means[number] if number < 4 else prior.mean


def draw(number, prior, posterior):
    divergences[number] = torch.distributions.kl_divergence(posterior, prior).sum((1, 2, 3))
    return posterior.mean + posterior.stddev * noise[number]


def picture(drawn):
    return ((drawn[0] + 1) / 2).clamp(0, 1)


whole, coarse = picture(decoder(take_mean)), picture(decoder(take_coarse))
mean, log_scale = decoder(draw)
value, scale = 2 * pictures - 1, log_scale.exp()
upper = torch.where(pictures > 254.5 / 255, torch.inf, (value + 1 / 255 - mean) / scale)
lower = torch.where(pictures < 0.5 / 255, -torch.inf, (value - 1 / 255 - mean) / scale)
# In the tail that is nearer, where the distribution function has digits.
mass = torch.where(value > mean, torch.sigmoid(-lower) - torch.sigmoid(-upper), torch.sigmoid(upper) - torch.sigmoid(lower))
expected = {f"mean_{number}": latents.contiguous() for number, latents in means.items()}
expected |= {"all": whole.contiguous(), "coarse": coarse.contiguous(),
             "reconstruction": -mass.log().sum((1, 2, 3)),
             "kl": torch.stack([divergences[number] for number in range(len(divergences))], 1)}
save_file(expected, folder + "/expected.safetensors")
