#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Confident learning in limpid and in cleanlab, one thread each; one table of ratios.

    python3 -m venv build/peers && build/peers/bin/pip install -r bench/peers/requirements.txt
    cmake --preset gcc-bench && cmake --build --preset gcc-bench --target peer.confident_learning
    build/peers/bin/python bench/peers/confident_learning.py [--build build/gcc-bench] [--repeats 2] [--only find] [--scale 1.0]

Seconds are processor time, the shortest of the repeats. `GB/s` are the bytes of P, once, over limpid's seconds, beside those of
a loop that only adds them up. `same` is the number of rows judged alike, or the largest difference of a count or score; P is
float32, where cleanlab rounds thresholds and margins to float32 and limpid does not. `memory` is the peak beyond the input. One
process holds the matrix at a time; cleanlab's 1e6 x 1000 takes 12 GB with it.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile
import warnings

from run import isolated, probabilities  # sets one thread before numpy is loaded

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]


def write_data(folder, n, classes):
    """In pieces, so that the matrix is not in memory twice."""
    rng = np.random.default_rng(0)
    with open(folder + "/x.bin", "wb") as x, open(folder + "/y.bin", "wb") as y:
        for first in range(0, n, 100000):
            p, given = probabilities(rng, min(100000, n - first), classes)
            p.tofile(x)
            given.tofile(y)


def cleanlab(what, folder, n, classes):
    warnings.simplefilter("ignore")
    from cleanlab.count import compute_confident_joint
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores
    p = np.fromfile(folder + "/x.bin", dtype=np.float32).reshape(n, classes)
    y = np.fromfile(folder + "/y.bin", dtype=np.int32)
    return isolated(lambda: {"confident_joint": lambda: compute_confident_joint(y, p),
                             "find_label_issues": lambda: find_label_issues(y, p, n_jobs=1),
                             "normalized_margin": lambda: get_label_quality_scores(y, p, method=what)}[what]())


def agreement(what, mine, theirs):
    theirs = theirs.ravel()
    if what == "find_label_issues":
        return f"{np.sum(mine == theirs)} of {len(theirs)} rows ({int(theirs.sum())} flagged)"
    return f"{np.max(np.abs(mine - theirs)):.2g} apart"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "gcc-bench")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of rows")
    args = parser.parse_args()
    driver = args.build / "bench" / "peer.confident_learning"
    head = f"{'work':<36} {'limpid s':>9} {'cleanlab s':>10} {'cleanlab/limpid':>15} {'GB/s (of read)':>15}  " \
           f"{'memory MB (limpid, peer)':>25}  same"
    print(head + "\n" + "-" * len(head), flush=True)
    for rows, classes in ((1000000, 10), (1000000, 1000)):
        n = max(1000, int(rows * args.scale))
        with tempfile.TemporaryDirectory() as folder:
            write_data(folder, n, classes)

            def limpid(what):
                answer = subprocess.run([driver, what, folder, str(n), str(classes)], check=True, capture_output=True,
                                        text=True).stdout.split()
                return float(answer[0]), float(answer[1]), np.fromfile(folder + "/limpid.bin")

            reading, _, _ = limpid("read")
            for what in ("confident_joint", "find_label_issues", "normalized_margin"):
                if args.only not in what:
                    continue
                mine, theirs = 1e300, 1e300
                for _ in range(args.repeats):
                    seconds, memory, ours = limpid(what)
                    mine = min(mine, seconds)
                    result, seconds, peer_memory = cleanlab(what, folder, n, classes)
                    theirs = min(theirs, seconds)
                size = 4e-9 * n * classes
                speeds = f"{size / mine:.1f} ({size / reading:.1f})"
                print(f"{f'{what} {n} x {classes}':<36} {mine:>9.3f} {theirs:>10.3f} {theirs / mine:>15.1f} {speeds:>15}  "
                      f"{f'{memory / 1e6:.0f}, {peer_memory / 1e6:.0f}':>25}  {agreement(what, ours, result)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
