"""Lasso codes of patches by scikit-learn: reference_lasso.py FOLDER LAMBDA."""

import pathlib
import sys

import numpy
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import Lasso

folder, penalty = pathlib.Path(sys.argv[1]), float(sys.argv[2])
problem = load_file(folder / "problem.safetensors")
dictionary = problem["dictionary"].astype(numpy.float64)
patches = problem["patches"].astype(numpy.float64)
# Its squared error is divided by the number of samples, here the numbers of a patch.
lasso = Lasso(alpha=penalty / dictionary.shape[0], fit_intercept=False, tol=1e-12, max_iter=100_000)
codes = [lasso.fit(dictionary, patch).coef_.copy() for patch in patches]
save_file({"codes": numpy.stack(codes)}, folder / "expected.safetensors")
