"""Pictures from coloured Gabor packets, and models that lock onto what they see: the C++ library neurosplat as
operators of PyTorch.

    import neurosplat
    pictures = neurosplat.render(packets, 128, 128)     # differentiable, and torch.compile traces it
    model = neurosplat.load_model()                     # the shipped one
    view = neurosplat.Lock(model).follow(frame, budget_ms=33)

Shapes: B pictures, N packets a picture, C channels (3 in colour), H x W pixels. Every wrong argument is a
ValueError that names it, what was expected and what was given."""

from neurosplat._library import library_path
from neurosplat.model import Lock, LockView, SplatVae, load_model
from neurosplat.operators import activate, activate_patches, render, render_patches

__all__ = [
    "Lock",
    "LockView",
    "SplatVae",
    "activate",
    "activate_patches",
    "library_path",
    "load_model",
    "render",
    "render_patches",
]
