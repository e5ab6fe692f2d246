"""The renderers. Each is an operator, torch.ops.neurosplat.NAME, of the same arguments."""

import torch

from neurosplat import _library  # noqa: F401, which loads the operators


def render(packets, height, width, *, form="raw", output="sigmoid", renderer="auto", cutoff=1e-7, chunk=64):
    """Draws packets [B, N, 5 + 2C] as pictures [B, C, height, width].

    packets: float32, or float64 with the dense renderer; B, N, C >= 1; contiguous or not. The numbers of one are
        x, y, width, orientation, frequency, a_1, b_1, ..., a_C, b_C.
    height, width: pixels, 2 to 65536. The canvas is the unit square, first and last pixels on its edges.
    form: "raw" takes any reals, as a network gives them: x, y are offsets of the logits of a grid of anchors,
        everything is squashed. "activated" takes x, y in canvas sides, width (the standard deviation of the
        envelope) in canvas sides, orientation in radians, frequency in cycles a canvas side, coefficients of any
        size; activate() makes them.
    output: "sigmoid" gives colours in (0, 1), "linear" the field that goes into it.
    renderer: "auto", "matrix" (float32 on the CPU), "dense" (the plain sum, any device and dtype) or "cuda".
    cutoff: envelopes below it may be left out, (0, 0.1]; with the default the field is within 2e-6.
    chunk: packets summed at a time by the dense renderer.

    Differentiable once, with respect to the packets; the gradient does not draw again. Uses
    torch.get_num_threads() threads. Under autocast it draws in float32. docs/neuro-splat.md has the formulas."""
    return torch.ops.neurosplat.render(
        packets, height, width, form=form, output=output, renderer=renderer, cutoff=cutoff, chunk=chunk
    )


def activate(raw):
    """Raw packets [B, N, 5 + 2C] to activated ones of the same shape: what render(form="activated") takes.
    Centres in (0, 1) and widths in (.012, .152), both in canvas sides; orientation in radians as given; frequencies
    in (1, 16) cycles a canvas side; coefficients in (-1, 1). float32 or float64, differentiable once."""
    return torch.ops.neurosplat.activate(raw)


def render_patches(splats, tile=8, *, kernel="cosine", sharing="own", renderer="auto"):
    """Draws splats that are given tile by tile, [B, rows, columns, S, 9], as pictures
    [B, 3, rows * tile, columns * tile] in about [-1, 1].

    splats: activated (activate_patches()), float32, or float64 with the eager renderer: offset x, y (tile sides from
        the tile's corner), scale x, y (per tile side), correlation in [-1, 1], red, green, blue, log-weight.
    tile: pixels along a tile's side, >= 1.
    kernel: "exponential", "cosine", "sharp" or "sharp-post".
    sharing: "own" draws a tile's own splats, "3x3" those of its eight neighbours too.
    renderer: "auto", "fused" (float32 on the CPU), "eager" (any device and dtype) or "cuda".

    Differentiable once; the way back draws once more."""
    return torch.ops.neurosplat.render_patches(splats, tile, kernel=kernel, sharing=sharing, renderer=renderer)


def activate_patches(raw, *, depth_gain=1.0, width_bias=0.0, colour_limit=1.0):
    """A network's numbers [B, rows, columns, S, 9] to what render_patches() takes. depth_gain: the log-weight is
    64 sigmoid(gain * raw); width_bias: scales are 4 sigmoid(raw + bias); colour_limit: colours lie in (0, limit)."""
    return torch.ops.neurosplat.activate_patches(
        raw, depth_gain=depth_gain, width_bias=width_bias, colour_limit=colour_limit
    )
