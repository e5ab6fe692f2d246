"""A stored splat VAE and the lock. The networks and the solvers are the library's own, in C++."""

import os
import typing

import torch

from neurosplat import _library, operators


def load_model(path=None):
    """Reads a splat VAE: a run folder, a .safetensors file or the reference's PyTorch state dict; left out, the
    shipped flowers-128. Returns a SplatVae on the CPU."""
    return SplatVae(_library.shipped("flowers-128.safetensors") if path is None else path)


class SplatVae(torch.nn.Module):
    """Encoder -> latent -> decoder -> packets -> renderer, in evaluation mode. Its weights are frozen (they are
    no parameters of this module; neurosplat-train trains), gradients reach latents and pictures.

    image_size: pixels a side of the pictures that it takes; packets: N; latent: numbers of the latent."""

    def __init__(self, path):
        super().__init__()
        self._model = torch.classes.neurosplat.SplatVae(os.fspath(path))
        sizes = self._model.sizes()
        self.image_size, self.packets, self.latent = (sizes[name] for name in ("image_size", "packets", "latent"))

    def encode(self, pictures):
        """Pictures [B, 3, S, S] in [0, 1], float32, S the image_size, to latents [B, latent]: the posteriors'
        means."""
        return self._model.encode(pictures)[0]

    def posterior(self, pictures):
        """Means and log-variances of the latents, both [B, latent]."""
        return self._model.encode(pictures)

    def decode(self, latents):
        """Latents [B, latent], float32, to raw packets [B, N, 11]."""
        return self._model.decode(latents)

    def draw(self, latents, size=None):
        """Latents [B, latent] to pictures [B, 3, size, size] in (0, 1); size: pixels, the image_size when left out.
        Packets have no pixels: any size will do."""
        size = self.image_size if size is None else size
        return operators.render(self.decode(latents), size, size)

    def forward(self, pictures):
        """Pictures [B, 3, S, S] in [0, 1] to their reconstructions."""
        return self.draw(self.encode(pictures))

    def weights(self):
        """The network's tensors by their names in the file; shared, not copies."""
        return dict(self._model.state())

    def metadata(self):
        """What the file says of the model, text by key."""
        return dict(self._model.metadata())

    def _apply(self, function, recurse=True):
        device = function(torch.empty(0)).device  # .to(), .cpu(), .cuda()
        self._model.to(str(device))
        return super()._apply(function, recurse)

    def extra_repr(self):
        return f"{self._model.file()}, image_size={self.image_size}, packets={self.packets}, latent={self.latent}"


class LockView(typing.NamedTuple):
    """What the lock makes of a frame; float32 on the CPU, no gradients."""

    prior: torch.Tensor
    """[3, S, S] in (0, 1): what the model expects."""
    locked: torch.Tensor
    """[3, S, S] in (0, 1): what the packets draw now."""
    packets: torch.Tensor
    """[N, 11], activated: render(packets[None], S, S, form="activated") draws them."""
    psnr_db: float
    """Of `locked` against the frame, dB."""
    steps: int
    """Updates made for this frame."""


class Lock:
    """Packets that follow one frame after another: state is kept from frame to frame. docs/lock.md.

    model: a SplatVae. solver: "closed-form", "adam", "latent" or "iterative". geometry, of the closed form: where
    packets stand at first, by the "picture", "anchors" or "decoder". settings, each with the default of
    neurosplat-live lock: steps, learning_rate (adam, latent); ridge, threshold, narrowest, adapt (closed-form);
    inner_steps, observation_noise, samples, drift, seed (iterative)."""

    def __init__(self, model, solver="closed-form", *, geometry="picture", **settings):
        numbers = {name: float(value) for name, value in settings.items()}
        self._lock = torch.classes.neurosplat.Lock(model._model, solver, geometry, numbers)

    def follow(self, frame, budget_ms=33.0):
        """frame: [3, S, S] in [0, 1], float32 on the CPU, S the model's image_size. budget_ms: wall-clock
        milliseconds for this call, exceeded by one step at most. Returns a LockView."""
        return LockView(*self._lock.follow(frame, budget_ms))

    def reset(self):
        """Forgets everything seen: the next frame is the first."""
        self._lock.reset()

    def expect(self, latent):
        """From now on the prior of each frame is this latent [latent]; None: the encoder's again."""
        self._lock.expect(latent)
