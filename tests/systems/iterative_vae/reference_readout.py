"""Logistic regression of scikit-learn on standardised features: reference_readout.py FOLDER PENALTY."""

import pathlib
import sys

import numpy
from safetensors.numpy import load_file, save_file
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

folder, penalty = pathlib.Path(sys.argv[1]), float(sys.argv[2])
samples = load_file(folder / "samples.safetensors")
inputs = StandardScaler().fit_transform(samples["features"].astype(numpy.float64))
fit = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000).fit(inputs, samples["labels"])
save_file(
    {
        # Row by row: what is saved is the memory as it lies.
        "weights": numpy.ascontiguousarray(fit.coef_, dtype=numpy.float32),
        "bias": fit.intercept_.astype(numpy.float32),
        "said": fit.predict(inputs).astype(numpy.int64),
    },
    folder / "expected.safetensors",
)
