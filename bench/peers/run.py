#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""The same work in limpid and in its peers, one thread each, runs alternating; one table of ratios.

    python3 -m venv build/peers && build/peers/bin/pip install -r bench/peers/requirements.txt
    cmake --preset gcc-bench && cmake --build --preset gcc-bench --target peer.work peer.peak
    build/peers/bin/python bench/peers/run.py [--build build/gcc-bench] [--repeats 5] [--only knn] [--scale 1.0]

Seconds are processor time, the shortest of the repeats: on a shared machine the clock on the wall measures the neighbours.
`same` says how far the results agree: shared neighbours, largest relative difference, largest difference of counts.
`memory` is the peak beyond the input.
"""
import argparse
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "LOKY_MAX_CPU_COUNT"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402  (threads are set first)

ROOT = pathlib.Path(__file__).resolve().parents[2]


def resident(which, reset=False):
    """Bytes of memory now (VmRSS) or at the peak since the last reset (VmHWM)."""
    if reset:
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    for line in pathlib.Path("/proc/self/status").read_text().split("\n"):
        if line.startswith(which):
            return 1024 * int(line.split()[1])
    return 0


def isolated(function):
    """Runs function in a child: (result, seconds of processor time, peak bytes beyond what was there)."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        before = resident("VmRSS", reset=True)
        start = time.process_time()
        result = function()
        seconds = time.process_time() - start
        peak = resident("VmHWM") - before
        with os.fdopen(write, "wb") as pipe:
            pickle.dump((np.asarray(result, dtype=np.float64), seconds, peak), pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pickle.load(pipe)
    os.waitpid(child, 0)
    return answer


def faiss_flat(x):
    import faiss
    faiss.omp_set_num_threads(1)

    def run():
        index = faiss.IndexFlatL2(x.shape[1])
        index.add(x)
        return index.search(x, 11)[1]  # the row itself is among the 11
    return run


def sklearn_brute(x):
    from sklearn.neighbors import NearestNeighbors
    return lambda: NearestNeighbors(n_neighbors=10, algorithm="brute", n_jobs=1).fit(x).kneighbors(return_distance=False)


def sklearn_rbf(x):
    from sklearn.metrics.pairwise import rbf_kernel
    return lambda: rbf_kernel(x, gamma=1.0 / x.shape[1]).sum(1)


def sklearn_mean(x):
    from sklearn.metrics.pairwise import rbf_kernel
    half = len(x) // 2
    weights = np.where(np.arange(half) % 2, 0.5, 1.0).astype(np.float32)
    return lambda: rbf_kernel(x[half:], x[:half], gamma=1.0 / x.shape[1]) @ weights


def sklearn_mixture(x):
    from sklearn.mixture import GaussianMixture

    def run():
        z = (x - x.min()) / (x.max() - x.min())
        model = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=0).fit(z)
        return model.predict_proba(z)[:, model.means_.argmin()]
    return run


def cleanlab_joint(p, y):
    from cleanlab.count import compute_confident_joint
    return lambda: compute_confident_joint(y, p)


def shared_neighbours(mine, theirs, n):
    mine, theirs = mine.reshape(n, 10).astype(int), theirs.reshape(n, -1).astype(int)
    hits = 0
    for i in range(n):
        hits += np.isin(mine[i], theirs[i][theirs[i] != i][:10]).sum()
    return f"{hits / (10 * n):.5f} shared"


def relative(mine, theirs, n):
    return f"{np.max(np.abs(mine - theirs) / np.maximum(np.abs(theirs), 1e-12)):.1e} rel"


def mean_difference(mine, theirs, n):
    return f"{np.mean(np.abs(mine - theirs)):.1e} mean abs"


def counts(mine, theirs, n):
    return f"{np.max(np.abs(mine - theirs.ravel())):.0f} of {n} rows"


def blobs(rng, n, d):
    return (rng.standard_normal((n, d)) + 2 * rng.standard_normal((20, d))[rng.integers(0, 20, n)]).astype(np.float32)


def losses(rng, n):
    wrong = rng.random(n) < 0.3
    return np.where(wrong, rng.normal(3, 0.7, n), rng.gamma(2, 0.15, n)).clip(0).astype(np.float32).reshape(n, 1)


def probabilities(rng, n, classes):
    """Softmax of noise with a bump at the true class; a fifth of the given labels are wrong."""
    true = rng.integers(0, classes, n)
    p = rng.standard_normal((n, classes), dtype=np.float32)
    p[np.arange(n), true] += 5
    np.exp(p, out=p)
    p /= p.sum(1, keepdims=True)
    given = np.where(rng.random(n) < 0.2, rng.integers(0, classes, n), true)
    return p, given.astype(np.int32)


def work(scale):
    """(work, what the driver is asked, data, peers, comparison, floating-point operations)"""
    rng = np.random.default_rng(0)
    size = lambda n: max(1000, int(n * scale))  # noqa: E731
    for d in (64, 784):
        n = size(20000)
        x = blobs(rng, n, d)
        yield (f"knn n={n} d={d} k=10", "knn", x, None,
               {"FAISS IndexFlatL2": faiss_flat(x), "scikit-learn brute": sklearn_brute(x)}, shared_neighbours, 2.0 * n * n * d)
    n = size(10000)
    for d in (64, 784):
        x = blobs(rng, n, d)
        yield (f"kernel row sums n={n} d={d}", "kernel_sums", x, None, {"scikit-learn rbf_kernel": sklearn_rbf(x)},
               relative, 2.0 * n * n * d)
    n = size(20000)
    for d in (64, 784):
        x = blobs(rng, 2 * n, d)
        yield (f"weighted kernel mean n={n} queries={n} d={d}", "kernel_mean", x, None,
               {"scikit-learn rbf_kernel @ w": sklearn_mean(x)}, relative, 2.0 * n * n * d)
    x = losses(rng, size(1000000))
    yield (f"split losses n={len(x)}", "split_losses", x, None, {"scikit-learn GaussianMixture": sklearn_mixture(x)},
           mean_difference, 0)
    for classes in (10, 1000):
        p, y = probabilities(rng, size(1000000), classes)
        yield (f"confident joint {len(p)} x {classes}", "confident_joint", p, y, {"cleanlab": cleanlab_joint(p, y)}, counts, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "gcc-bench")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of rows")
    args = parser.parse_args()
    driver, peak_driver = args.build / "bench" / "peer.work", args.build / "bench" / "peer.peak"

    head = f"{'work':<32} {'peer':<28} {'limpid s':>9} {'peer s':>9} {'peer/limpid':>11} {'% of peak':>9}  " \
           f"{'memory MB (limpid, peer)':>25}  same"
    print(head + "\n" + "-" * len(head), flush=True)
    for name, what, x, y, peers, compare, flops in work(args.scale):
        if args.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            x.tofile(folder + "/x.bin")
            if y is not None:
                y.tofile(folder + "/y.bin")
            mine, mine_memory, peak = 1e300, 0.0, 0.0
            best = {peer: (1e300, 0.0, None) for peer in peers}
            for _ in range(args.repeats):
                answer = subprocess.run([driver, what, folder, str(x.shape[0]), str(x.shape[1])], check=True,
                                        capture_output=True, text=True).stdout.split()
                mine, mine_memory = min(mine, float(answer[0])), float(answer[1])
                if flops:
                    peak = max(peak, float(subprocess.run([peak_driver], check=True, capture_output=True,
                                                          text=True).stdout.split()[0]))
                for peer, run in peers.items():
                    result, seconds, memory = isolated(run)
                    best[peer] = (min(best[peer][0], seconds), memory, result)
            ours = np.fromfile(folder + "/limpid.bin")
            share = f"{100 * flops / mine * 1e-9 / peak:.0f}" if flops else ""
            for peer, (seconds, memory, theirs) in best.items():
                print(f"{name:<32} {peer:<28} {mine:>9.3f} {seconds:>9.3f} {seconds / mine:>11.2f} {share:>9}  "
                      f"{f'{mine_memory / 1e6:.0f}, {memory / 1e6:.0f}':>25}  {compare(ours, theirs, len(x))}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
