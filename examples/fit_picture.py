#!/usr/bin/env python3
"""Fits 512 packets to a picture by descent. fit_picture.py [PICTURE.npy] writes fit.ppm: the picture, the fit, and the
fit drawn anew at twice the size. Left out, the picture is a flower made here; an array is [H, W, 3] in [0, 1]."""

import sys

import numpy
import torch

import neurosplat

# %% The picture, [3, H, W] in [0, 1]
if len(sys.argv) > 1:
    picture = torch.from_numpy(numpy.load(sys.argv[1])).float().permute(2, 0, 1)
else:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 128), torch.linspace(-1, 1, 128), indexing="ij")
    petals = torch.sigmoid(25 * (0.55 + 0.22 * torch.cos(6 * torch.atan2(y, x)) - torch.hypot(x, y)))
    heart = torch.sigmoid(30 * (0.2 - torch.hypot(x, y)))
    picture = torch.stack([0.2 + 0.7 * petals, 0.4 - 0.2 * petals + 0.6 * heart, 0.3 + 0.2 * petals * (1 - heart) - 0.1 * y])
height, width = picture.shape[1:]

# %% The fit
packets = (0.3 * torch.randn(1, 512, 11, generator=torch.Generator().manual_seed(0))).requires_grad_()
adam = torch.optim.Adam([packets], lr=0.05)
for step in range(1, 401):
    drawn = neurosplat.render(packets, height, width)
    loss = (drawn[0] - picture).square().mean()
    adam.zero_grad()
    loss.backward()
    adam.step()
    if step % 100 == 0:
        print(f"step {step}: {-10 * loss.log10():.2f} dB")

# %% Beside it: packets have no pixels, so that any size can be drawn
with torch.no_grad():
    large = neurosplat.render(packets, 2 * height, 2 * width)[0]
sheet = torch.cat([torch.cat([picture, drawn[0].detach()], dim=1), large], dim=2).clamp(0, 1)
with open("fit.ppm", "wb") as file:
    file.write(b"P6 %d %d 255\n" % (sheet.shape[2], sheet.shape[1]))
    file.write((255 * sheet).round().byte().permute(1, 2, 0).numpy().tobytes())
