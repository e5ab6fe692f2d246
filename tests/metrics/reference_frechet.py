"""The Fréchet distance in NumPy, through the eigenvalues of the covariances' product: the other side of the test.

usage: reference_frechet.py FILE A B
Prints the distance of the tensors A and B, [N, D], of the safetensors file.
"""

import sys

import numpy
from safetensors.numpy import load_file


def main():
    path, *names = sys.argv[1:]
    sets = load_file(path)
    a, b = (sets[name] for name in names)
    s1, s2 = numpy.cov(a, rowvar=False), numpy.cov(b, rowvar=False)
    eigenvalues = numpy.linalg.eigvals(s1 @ s2).astype(complex)
    common = numpy.sqrt(numpy.where(eigenvalues.real > 1e-9, eigenvalues, 0)).sum().real
    means = ((a.mean(0) - b.mean(0)) ** 2).sum()
    print(repr(float(means + numpy.trace(s1) + numpy.trace(s2) - 2 * common)))


if __name__ == "__main__":
    main()
