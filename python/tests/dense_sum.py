"""The packet renderer written out in PyTorch, packet by packet and pixel by pixel, after docs/neuro-splat.md:
what the operators are tested against. Nothing here comes from the library."""

import math

import torch


def anchors(count, dtype):
    """Logits [N] of the anchors' x and y."""
    side = math.ceil(math.sqrt(count))
    place = torch.linspace(0.08, 0.92, side, dtype=torch.float64) if side > 1 else torch.tensor([0.08]).double()
    index = torch.arange(count)
    logits = [torch.logit(place[index // side]), torch.logit(place[index % side])]
    return [logit.to(dtype) for logit in logits]


def activated(raw):
    x, y = anchors(raw.shape[1], raw.dtype)
    return torch.cat(
        [
            torch.sigmoid(raw[..., 0:1] + x[:, None]),
            torch.sigmoid(raw[..., 1:2] + y[:, None]),
            0.012 + 0.14 * torch.sigmoid(raw[..., 2:3]),
            raw[..., 3:4],
            1 + 15 * torch.sigmoid(raw[..., 4:5]),
            torch.tanh(raw[..., 5:]),
        ],
        dim=-1,
    )


def field(active, height, width):
    """[B, C, H, W] of activated packets [B, N, 5 + 2C]."""
    u = torch.linspace(0, 1, width, dtype=active.dtype)
    v = torch.linspace(0, 1, height, dtype=active.dtype)
    x, y, deviation, theta, frequency = (active[..., i, None, None] for i in range(5))
    dx, dy = u[None, :] - x, v[:, None] - y
    phase = 2 * math.pi * frequency * (dx * torch.cos(theta) + dy * torch.sin(theta))
    envelope = torch.exp(-(dx**2 + dy**2) / (2 * deviation**2))
    real, imaginary = envelope * torch.cos(phase), envelope * torch.sin(phase)
    a, b = active[..., 5::2], active[..., 6::2]
    return torch.einsum("bnc,bnhw->bchw", a, real) - torch.einsum("bnc,bnhw->bchw", b, imaginary)


def product_field(active, height, width):
    """The same as matrix products: what a Python user would write to have it fast."""
    u = torch.linspace(0, 1, width, dtype=active.dtype)
    v = torch.linspace(0, 1, height, dtype=active.dtype)
    x, y, deviation, theta, frequency = active[..., :5].unbind(-1)  # [B, N] each
    kx = 2 * math.pi * frequency * torch.cos(theta)
    ky = 2 * math.pi * frequency * torch.sin(theta)
    dx = u - x[:, :, None]  # [B, N, W]
    dy = v[:, None] - y[:, None, :]  # [B, H, N]
    ex = torch.exp(-(dx**2) / (2 * deviation[:, :, None] ** 2))
    ey = torch.exp(-(dy**2) / (2 * deviation[:, None, :] ** 2))
    cosine, sine = ey * torch.cos(ky[:, None, :] * dy), ey * torch.sin(ky[:, None, :] * dy)
    a = active[..., 5::2].transpose(1, 2)[:, :, None]  # [B, C, 1, N]
    b = active[..., 6::2].transpose(1, 2)[:, :, None]
    real = (a * cosine[:, None] - b * sine[:, None]).flatten(1, 2)  # [B, C * H, N]
    imaginary = (a * sine[:, None] + b * cosine[:, None]).flatten(1, 2)
    phase = kx[:, :, None] * dx
    drawn = real @ (ex * torch.cos(phase)) - imaginary @ (ex * torch.sin(phase))
    return drawn.unflatten(1, (-1, height))


def draw(raw, height, width, sum_packets=field):
    return torch.sigmoid(sum_packets(activated(raw), height, width))


def random_raw(batch, count, channels=3, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, count, 5 + 2 * channels, generator=generator, dtype=torch.float64).to(dtype)
