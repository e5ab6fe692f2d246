"""The splat VAE's networks and renderer in Python, after the notes' formulas: the other side of
the interoperability test.

usage: reference_splat_vae.py FOLDER IMAGE_SIZE PACKETS LATENT
Writes FOLDER/model.pt (a state dict with the reference's names) and FOLDER/expected.safetensors
(pictures, mean, raw packets and rendered pictures that PyTorch computes from it).
"""

import math
import sys

import torch
from safetensors.torch import save_file
from torch import nn


class Encoder(nn.Module):
    def __init__(self, size, latent):
        super().__init__()
        layers, channels, width = [], 3, 32
        while size > 4:
            layers += [nn.Conv2d(channels, width, 4, 2, 1), nn.BatchNorm2d(width),
                       nn.LeakyReLU(0.2)]
            channels, width, size = width, min(2 * width, 512), size // 2
        self.conv = nn.Sequential(*layers)
        self.fc_mu = nn.Linear(16 * channels, latent)
        self.fc_lv = nn.Linear(16 * channels, latent)

    def forward(self, x):
        h = self.conv(x).flatten(1)
        return self.fc_mu(h), self.fc_lv(h)


class Decoder(nn.Module):
    def __init__(self, latent, packets):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(latent, 512), nn.LeakyReLU(0.2), nn.Linear(512, 512),
                                 nn.LeakyReLU(0.2), nn.Linear(512, 11 * packets))

    def forward(self, z):
        return self.net(z).view(len(z), -1, 11)


class Renderer(nn.Module):
    def __init__(self, size, packets):
        super().__init__()
        axis = torch.linspace(0, 1, size)
        self.register_buffer("GX", axis.view(1, 1, 1, size).expand(1, 1, size, size).clone())
        self.register_buffer("GY", axis.view(1, 1, size, 1).expand(1, 1, size, size).clone())
        places = torch.linspace(0.08, 0.92, math.ceil(math.sqrt(packets)))
        anchors = torch.cartesian_prod(places, places)[:packets]
        self.register_buffer("anchor_logit", torch.log(anchors / (1 - anchors)))

    def forward(self, raw):
        centre = torch.sigmoid(self.anchor_logit + raw[..., :2])
        width, frequency = 0.012 + 0.14 * torch.sigmoid(raw[..., 2]), 1 + 15 * torch.sigmoid(
            raw[..., 4])
        pixel = lambda t: t[..., None, None]
        dx, dy = self.GX - pixel(centre[..., 0]), self.GY - pixel(centre[..., 1])
        along = dx * pixel(raw[..., 3].cos()) + dy * pixel(raw[..., 3].sin())
        envelope = torch.exp(-(dx**2 + dy**2) / (2 * pixel(width)**2))
        phase = 2 * math.pi * pixel(frequency) * along
        q = torch.tanh(raw[..., 5:])
        field = [(envelope * (pixel(q[..., 2 * c]) * phase.cos() -
                              pixel(q[..., 2 * c + 1]) * phase.sin())).sum(1) for c in range(3)]
        return torch.sigmoid(torch.stack(field, 1))


class SplatVAE(nn.Module):
    def __init__(self, size, packets, latent):
        super().__init__()
        self.enc, self.dec = Encoder(size, latent), Decoder(latent, packets)
        self.ren = Renderer(size, packets)


def main():
    folder, size, packets, latent = sys.argv[1], *map(int, sys.argv[2:5])
    torch.manual_seed(5)
    torch.set_num_threads(1)
    model = SplatVAE(size, packets, latent)
    for module in model.modules():  # running statistics that matter
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
            module.num_batches_tracked.fill_(17)
    pictures = torch.rand(2, 3, size, size)
    torch.save(model.state_dict(), f"{folder}/model.pt")
    model.double().eval()
    with torch.no_grad():
        mean, _ = model.enc(pictures.double())
        raw = model.dec(mean)
        expected = {"pictures": pictures, "mean": mean, "raw": raw, "drawn": model.ren(raw)}
    save_file({k: v.float().contiguous() for k, v in expected.items()},
              f"{folder}/expected.safetensors")


if __name__ == "__main__":
    main()
