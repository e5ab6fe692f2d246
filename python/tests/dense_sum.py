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
    """The same as one matrix product a picture: what a Python user would write to have it fast."""
    u = torch.linspace(0, 1, width, dtype=active.dtype)
    v = torch.linspace(0, 1, height, dtype=active.dtype)
    x, y, deviation, theta, frequency = (active[..., i, None] for i in range(5))
    dx, dy = u - x, v - y
    kx = 2 * math.pi * frequency * torch.cos(theta)
    ky = 2 * math.pi * frequency * torch.sin(theta)
    ex, ey = torch.exp(-(dx**2) / (2 * deviation**2)), torch.exp(-(dy**2) / (2 * deviation**2))
    rows = torch.cat([ex * torch.cos(kx * dx), ex * torch.sin(kx * dx)], dim=1)  # [B, 2N, W]
    cosine, sine = ey * torch.cos(ky * dy), ey * torch.sin(ky * dy)  # [B, N, H]
    a, b = active[..., 5::2, None], active[..., 6::2, None]  # [B, N, C, 1]
    real = a * cosine[:, :, None] - b * sine[:, :, None]
    imaginary = a * sine[:, :, None] + b * cosine[:, :, None]
    left = torch.cat([real, -imaginary], dim=1).permute(0, 2, 3, 1)  # [B, C, H, 2N]
    batch, channels = left.shape[:2]
    return (left.reshape(batch, channels * height, -1) @ rows).view(batch, channels, height, width)


def draw(raw, height, width, sum_packets=field):
    return torch.sigmoid(sum_packets(activated(raw), height, width))


def random_raw(batch, count, channels=3, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, count, 5 + 2 * channels, generator=generator, dtype=torch.float64).to(dtype)
