#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Writes softmax_regression.json: scikit-learn's multinomial logistic regression, converged far beyond what is compared.

scikit-learn minimises C sum_i w_i loss_i + |W|^2 / 2, limpid mean loss + l2 / 2 |W|^2: C = 1 / (l2 sum w).
"""
import json
import pathlib
import platform

import numpy as np
import scipy
import sklearn
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression


def fit(name, x, y, l2, w=None):
    total = len(y) if w is None else float(np.sum(w))
    model = LogisticRegression(C=1 / (l2 * total), solver="newton-cholesky", tol=1e-13, max_iter=1000)
    model.fit(x, y, sample_weight=w)
    p = model.predict_proba(x)
    return {
        "name": name,
        "l2": l2,
        "x": x.tolist(),
        "y": y.tolist(),
        "w": [] if w is None else w.tolist(),
        "coef": model.coef_.tolist(),
        "intercept": model.intercept_.tolist(),
        "probabilities": p[:10].tolist(),
    }


iris_x, iris_y = load_iris(return_X_y=True)
digits_x, digits_y = load_digits(return_X_y=True)
rows = np.arange(0, 1797, 9)
weights = (np.arange(150) % 4).astype(float)  # weight 0 among them
cases = [
    fit("iris, l2 = 1e-2", iris_x, iris_y, 1e-2),
    fit("iris, l2 = 1e-4", iris_x, iris_y, 1e-4),
    fit("iris, weights 0 1 2 3", iris_x, iris_y, 1e-2, weights),
    fit("every ninth digit", digits_x[rows], digits_y[rows], 1e-2),
]
out = {
    "provenance": {
        "program": "sklearn.linear_model.LogisticRegression, solver newton-cholesky, tol 1e-13",
        "sklearn": sklearn.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "python": platform.python_version(),
        "data": "sklearn.datasets load_iris, load_digits",
    },
    "cases": cases,
}
path = pathlib.Path(__file__).with_name("softmax_regression.json")
path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
