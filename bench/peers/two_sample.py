#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The permutation test of two samples by MMD in limpid and in hyppo, one thread each, runs alternating, 1000 permutations, float64.

    python3 -m venv build/peers && build/peers/bin/pip install -r bench/peers/requirements.txt
    cmake --preset gcc-bench && cmake --build --preset gcc-bench --target peer.two_sample
    build/peers/bin/python bench/peers/two_sample.py [--build build/gcc-bench] [--repeats 3] [--only 2000] [--whole]

Seconds are processor time, the shortest of the repeats, hyppo's after a first call that compiles it. From 1000 rows on, where hyppo's take the
better part of an hour, its seconds are those of 1 permutation and 999 times the mean of 10 more (marked ~), unless --whole is given; its
p-value is then left out. `memory` is the peak beyond the input.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

os.environ["NUMBA_NUM_THREADS"] = "1"
from run import isolated  # noqa: E402  (sets one thread before numpy is loaded)

import numpy as np  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PERMUTATIONS = 1000
warnings.filterwarnings("ignore")  # hyppo warns of few permutations


def hyppo(x, y, gamma, permutations):
    from hyppo.ksample import MMD
    return lambda: MMD(compute_kernel="rbf", gamma=gamma).test(x, y, reps=permutations, workers=1, auto=False, random_state=1)[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "gcc-bench")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--whole", action="store_true", help="all of hyppo's permutations at every size")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    hyppo(rng.standard_normal((50, 2)), rng.standard_normal((50, 2)), 1.0, 2)()  # compiled for all children
    head = f"{'work':<40} {'limpid s':>9} {'hyppo s':>9} {'hyppo/limpid':>12}  {'memory MB (limpid, hyppo)':>25}  p (limpid, hyppo)"
    print(head + "\n" + "-" * len(head), flush=True)
    for n, d in ((250, 10), (2000, 10), (2000, 100)):
        if args.only not in str(n):
            continue
        x, y = rng.standard_normal((n, d)), rng.standard_normal((n, d)) + 0.5 / np.sqrt(n)
        gamma = 1 / (2 * d)
        whole = args.whole or n < 1000
        with tempfile.TemporaryDirectory() as folder:
            x.tofile(folder + "/x.bin")
            y.tofile(folder + "/y.bin")
            mine, theirs, memory, their_memory, p, their_p = 1e300, 1e300, 0.0, 0.0, 0.0, "-"
            for _ in range(args.repeats):
                out = subprocess.run([args.build / "bench" / "peer.two_sample", folder, str(n), str(d), str(PERMUTATIONS),
                                      repr(gamma)], check=True, capture_output=True, text=True).stdout.split()
                mine, memory, p = min(mine, float(out[0])), float(out[1]), float(out[3])
                if whole:
                    answer, seconds, their_memory = isolated(hyppo(x, y, gamma, PERMUTATIONS))
                    their_p = f"{float(answer):.3f}"
                else:
                    _, one, _ = isolated(hyppo(x, y, gamma, 1))
                    _, more, their_memory = isolated(hyppo(x, y, gamma, 11))
                    seconds = one + (PERMUTATIONS - 1) * (more - one) / 10
                theirs = min(theirs, seconds)
            print(f"{f'n={n}+{n} d={d}, {PERMUTATIONS} permutations':<40} {mine:>9.3f} {('' if whole else '~') + f'{theirs:.1f}':>9} "
                  f"{theirs / mine:>12.0f}  {f'{memory / 1e6:.0f}, {their_memory / 1e6:.0f}':>25}  {p:.3f}, {their_p}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
