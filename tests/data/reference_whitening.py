"""Whitening and local contrast in NumPy, window by window: the other side of the test.

usage: reference_whitening.py IN OUT
Each tensor of IN, a safetensors file, is named mirrored,cutoff,neighbourhood,spread,border,number; OUT gets
it whitened so under the same name.
"""

import sys

import numpy
from safetensors.numpy import load_file, save_file


def filtered(picture, mirrored, cutoff):
    grids = [numpy.linspace(-0.5, 0.5, n) if mirrored else numpy.fft.fftfreq(n) for n in picture.shape]
    f = numpy.hypot(*numpy.meshgrid(*grids, indexing="ij"))
    return numpy.fft.ifft2(numpy.fft.fft2(picture) * f * numpy.exp(-((f / cutoff) ** 4))).real


def neighbours(values, weights):
    n = len(weights)
    windows = numpy.lib.stride_tricks.sliding_window_view(numpy.pad(values, n // 2), (n, n))
    return (windows * weights).sum((2, 3))


def even_contrast(values, n, spread):
    x, y = numpy.meshgrid(numpy.linspace(-1, 1, n), numpy.linspace(-1, 1, n))
    weights = numpy.exp(-(x**2 + y**2) / spread)
    weights /= weights.sum()
    centred = values - neighbours(values, weights)
    deviation = numpy.sqrt(neighbours(centred**2, weights))
    return centred / numpy.maximum(deviation, deviation.mean())


def main():
    source, target = sys.argv[1:]
    done = {}
    for name, picture in load_file(source).items():
        mirrored, cutoff, n, spread, border, _ = (float(word) for word in name.split(","))
        values = even_contrast(filtered(picture, mirrored > 0, cutoff), int(n), spread)
        scores = (values - values.mean()) / values.std(ddof=1)
        b = int(border)
        done[name] = numpy.ascontiguousarray(scores[b : scores.shape[0] - b, b : scores.shape[1] - b])
    save_file(done, target)


if __name__ == "__main__":
    main()
