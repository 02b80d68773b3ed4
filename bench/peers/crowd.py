#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Answers of many workers in limpid and in Crowd-Kit, one thread each, runs alternating, the same number of iterations.

    python3 -m venv build/peers && build/peers/bin/pip install crowd-kit==1.4.2
    cmake --preset gcc-bench && cmake --build --preset gcc-bench --target peer.crowd
    build/peers/bin/python bench/peers/crowd.py [--build build/gcc-bench] [--repeats 3] [--only dawid] [--scale 1.0]

Seconds are processor time, the shortest of the repeats; limpid's include the making of the list, Crowd-Kit's start from a data frame.
`same` is the largest difference of a task's probability;
MACE starts from draws of its own, GLAD's maximisation ends at another tolerance. `memory` is the peak beyond the input.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

from run import isolated  # sets one thread before numpy is loaded

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]


def crowd(rng, tasks, answers, workers, classes):
    """Tasks answered by workers of different skill, most of them rarely; triples in random order."""
    truth = rng.integers(0, classes, tasks)
    skill = rng.beta(4, 2, workers)
    task = np.concatenate([np.arange(tasks), rng.integers(0, tasks, answers - tasks)])
    worker = (workers * rng.random(answers) ** 2).astype(int)
    right = rng.random(answers) < skill[worker]
    label = np.where(right, truth[task], rng.integers(0, classes, answers))
    _, first = np.unique(task * workers + worker, return_index=True)
    first = first[rng.permutation(len(first))]
    return np.stack([task[first], worker[first], label[first]]).astype(np.int32)


def crowd_kit(method, data, classes, iterations):
    import pandas as pd
    from crowdkit.aggregation import GLAD, MACE, DawidSkene, OneCoinDawidSkene
    frame = pd.DataFrame({"task": data[0], "worker": data[1], "label": data[2]})
    if method == "mace":  # its sums and its parameters agree on who is who only where workers and labels come in order
        frame = frame.sort_values(["worker", "label", "task"])
    model = {"dawid_skene": lambda: DawidSkene(n_iter=iterations, tol=-1e300),
             "one_coin": lambda: OneCoinDawidSkene(n_iter=iterations, tol=-1e300),
             "mace": lambda: MACE(n_restarts=1, n_iter=iterations),
             "glad": lambda: GLAD(n_iter=iterations, tol=-1e300)}[method]
    return lambda: model().fit_predict_proba(frame).sort_index()[list(range(classes))].to_numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "gcc-bench")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="")
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of answers")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    head = f"{'work':<58} {'limpid s':>9} {'of it the list':>14} {'peer s':>9} {'peer/limpid':>11}  {'memory MB (limpid, peer)':>25}  same"
    print(head + "\n" + "-" * len(head), flush=True)
    for method, answers, tasks, workers, classes, iterations in (
            ("dawid_skene", 1000000, 200000, 1000, 4, 10), ("dawid_skene", 1000000, 200000, 1000, 10, 10),
            ("dawid_skene", 1000000, 200000, 20000, 2, 10), ("one_coin", 1000000, 200000, 1000, 4, 10),
            ("mace", 100000, 20000, 500, 4, 10), ("glad", 50000, 10000, 500, 4, 2)):
        if args.only not in method:
            continue
        data = crowd(rng, int(tasks * args.scale), int(answers * args.scale), workers, classes)
        count = data.shape[1]
        with tempfile.TemporaryDirectory() as folder:
            data.tofile(folder + "/answers.bin")
            mine, memory, listed, theirs, their_memory, answer = 1e300, 0.0, 0.0, 1e300, 0.0, None
            peer = crowd_kit(method, data, classes, iterations)
            for _ in range(args.repeats):
                out = subprocess.run([args.build / "bench" / "peer.crowd", method, folder, str(count), str(classes),
                                      str(iterations)], check=True, capture_output=True, text=True).stdout.split()
                if float(out[0]) < mine:
                    mine, memory, listed = float(out[0]), float(out[1]), float(out[2])
                answer, seconds, their_memory = isolated(peer)
                theirs = min(theirs, seconds)
            ours = np.fromfile(folder + "/limpid.bin").reshape(-1, classes)
            name = f"{method} {count} answers, {ours.shape[0]} x {workers}, K={classes}, {iterations} it."
            print(f"{name:<58} {mine:>9.3f} {listed:>14.3f} {theirs:>9.3f} {theirs / mine:>11.1f}  "
                  f"{f'{memory / 1e6:.0f}, {their_memory / 1e6:.0f}':>25}  {np.abs(ours - answer).max():.1e}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
