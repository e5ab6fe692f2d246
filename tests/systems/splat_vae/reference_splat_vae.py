"""The splat VAE's networks and renderer in Python, after the notes' formulas: the other side of
the interoperability test.

usage: reference_splat_vae.py FOLDER IMAGE_SIZE PACKETS LATENT
Writes FOLDER/model.pt, a state dict with the names, shapes and strides of the published files, the
same in FOLDER/checkpoint.pt, wrapped.pt, half.pt and cuda.pt, and FOLDER/expected.safetensors: what
PyTorch computes from it in double, pictures, mean, raw packets, rendered pictures, and those of
four latents from seed 3.
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
        with torch.no_grad():
            self.net[-1].weight *= 0.1
            self.net[-1].bias.zero_()

    def forward(self, z):
        return self.net(z).view(len(z), -1, 11)


class Renderer(nn.Module):
    def __init__(self, size, packets):
        super().__init__()
        # As the published model.pt holds them: views of `size` stored numbers.
        axis = torch.linspace(0, 1, size)
        down, across = torch.meshgrid(axis, axis, indexing="ij")
        self.register_buffer("GX", across[None, None])
        self.register_buffer("GY", down[None, None])
        assert self.GX.stride() == (0, 0, 0, 1) and self.GY.stride() == (size, size, 1, 0)
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


def write_models(model, folder):
    """The state dict in the forms in which people keep it."""
    state = model.state_dict()

    def save(name, what):
        torch.save(what, f"{folder}/{name}.pt")

    save("model", state)
    save("checkpoint", {"epoch": 3, "model": state, "lr": 2e-4})
    latent = model.enc.fc_mu.out_features  # the predictor keeps its operator in the same module
    save("predictor", {**state, "koop.weight": torch.eye(latent)})
    save("wrapped", nn.DataParallel(model).state_dict())
    save("half", {name: t.half() if t.is_floating_point() else t for name, t in state.items()})
    # As where the tensors lie on a GPU: moved there, no buffer stays a view.
    torch.serialization.register_package(0, lambda storage: "cuda:0", lambda storage, place: None)
    save("cuda", {name: tensor.contiguous() for name, tensor in state.items()})


def main():
    folder, size, packets, latent = sys.argv[1], *map(int, sys.argv[2:5])
    torch.manual_seed(5)
    torch.set_num_threads(1)
    model = SplatVAE(size, packets, latent)
    with torch.no_grad():  # as after some training: weights and running statistics that matter
        model.dec.net[-1].weight *= 10
        model.dec.net[-1].bias.normal_(0, 0.1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
            module.num_batches_tracked.fill_(17)
    pictures = torch.rand(2, 3, size, size)
    write_models(model, folder)
    model.double().eval()
    with torch.no_grad():
        mean, _ = model.enc(pictures.double())
        raw = model.dec(mean)
        latents = torch.randn(4, latent, generator=torch.Generator().manual_seed(3))
        expected = {"pictures": pictures, "mean": mean, "raw": raw, "drawn": model.ren(raw),
                    "sampled": model.ren(model.dec(latents.double()))}
    save_file({k: v.float().contiguous() for k, v in expected.items()},
              f"{folder}/expected.safetensors")


if __name__ == "__main__":
    main()
