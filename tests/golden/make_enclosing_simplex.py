#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Writes enclosing_simplex.json: the smallest simplex around posteriors, and the one that sets them farthest apart, by
sequences of linear programmes (scipy.optimize.linprog, HiGHS), for tests/transition/{minimum_volume,total_variation}.

Posteriors are rounded to 6 digits before anything is solved, so that the file holds what was solved.
"""
import json
import pathlib
import platform

import numpy as np
import scipy
from scipy.optimize import linprog

BOX = 50.0


def posteriors(k, n, sd, seed):
    rng = np.random.default_rng(seed)
    t = 2 * np.eye(k) + 2 * rng.random((k, k)) / k
    t /= t.sum(1, keepdims=True)
    c = rng.gamma(0.7, size=(n, k)) + 1e-3
    face = rng.random(n) < 0.6  # on a face, though on no vertex
    c[face, rng.integers(k, size=n)[face]] = 0
    c = 0.7 * c / c.sum(1, keepdims=True) + 0.3 * np.where(c > 0, 1, 0) / (c > 0).sum(1, keepdims=True)
    p = np.clip(c @ t + sd * rng.standard_normal((n, k)), 1e-6, None)
    p = np.round(p / p.sum(1, keepdims=True), 6)
    p[:, -1] = np.round(1 - p[:, :-1].sum(1), 6)
    return t, p


def programme(cost, p, weight):
    """max <cost, Q> - weight sum max(0, -(PQ)) s.t. Q 1 = 1, |Q| <= BOX; weight inf: P Q >= 0."""
    n, k = p.shape
    face = np.zeros((n * k, k * k))
    for j in range(k):
        face[j * n : (j + 1) * n, j::k] = -p
    rows = np.kron(np.eye(k), np.ones(k))
    if np.isinf(weight):
        r = linprog(-cost.ravel(), face, np.zeros(n * k), rows, np.ones(k), [(-BOX, BOX)] * (k * k), method="highs")
    else:
        c = np.concatenate([-cost.ravel(), np.full(n * k, weight)])
        a = np.hstack([face, -np.eye(n * k)])
        e = np.hstack([rows, np.zeros((k, n * k))])
        bounds = [(-BOX, BOX)] * (k * k) + [(0, None)] * (n * k)
        r = linprog(c, a, np.zeros(n * k), e, np.ones(k), bounds, method="highs")
    assert r.status == 0, r.message
    return r.x[: k * k].reshape(k, k)


def volume(q, p, weight):
    sign, logs = np.linalg.slogdet(q)
    if sign <= 0:
        return -np.inf
    return logs - (0 if np.isinf(weight) else weight * np.maximum(-(p @ q), 0).sum())


def smallest(p, penalty):
    n, k = p.shape
    weight = penalty / n
    q = np.eye(k)
    for _ in range(200):
        d = programme(np.linalg.inv(q).T, p, weight)
        steps = np.linspace(0, 1, 2001)
        values = [volume(q + s * (d - q), p, weight) for s in steps]
        best = int(np.argmax(values))
        if values[best] - values[0] < 1e-12:
            break
        q = q + steps[best] * (d - q)
    return q, volume(q, p, weight)


def farthest(p):
    """All ordered pairs, a row with itself among them."""
    n, k = p.shape
    gaps = (p[:, None, :] - p[None, :, :]).reshape(-1, k)
    q = np.eye(k)
    value = 0.5 * np.abs(gaps @ q).sum() / len(gaps)
    while True:
        d = programme(0.5 * gaps.T @ np.sign(gaps @ q) / len(gaps), p, np.inf)
        new = 0.5 * np.abs(gaps @ d).sum() / len(gaps)
        if new - value < 1e-12:
            return q, value
        q, value = d, new


cases = []
for k, n, sd, penalty, seed in [
    (3, 40, 0, np.inf, 1),
    (4, 60, 0, np.inf, 2),
    (5, 90, 0, np.inf, 3),
    (3, 60, 0.01, np.inf, 4),
    (3, 60, 0.01, 30, 5),
    (3, 60, 0.03, 30, 6),
    (4, 60, 0.02, 30, 7),
]:
    t, p = posteriors(k, n, sd, seed)
    q, value = smallest(p, penalty)
    case = {
        "K": k,
        "sd": sd,
        "penalty": None if np.isinf(penalty) else penalty,
        "T": t.tolist(),
        "P": p.tolist(),
        "T_volume": np.linalg.inv(q).tolist(),
        "volume": value,
    }
    if np.isinf(penalty):
        q, value = farthest(p)
        case |= {"T_distance": np.linalg.inv(q).tolist(), "distance": value}
    cases.append(case)
    print(k, n, sd, penalty, np.abs(np.linalg.inv(q) - t).max(), value)

out = {
    "provenance": {
        "program": "make_enclosing_simplex.py",
        "env": {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__},
    },
    "cases": cases,
}
path = pathlib.Path(__file__).with_name("enclosing_simplex.json")
path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
