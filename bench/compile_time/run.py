#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What a header costs its user at -O0: seconds of compiler time against a budget.

    run.py [--compiler g++] [--budget 2.0] [--repeats 3] [header...]

Without arguments: each public header alone, and the call of calls.txt where there is one. The shortest of the repeats
counts (processor time of the compiler, not of its neighbours). Fails if a header is over its budget.
"""
import argparse
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include" / "limpid"
CALLS = pathlib.Path(__file__).resolve().parent / "calls.txt"
# Umbrellas hold many methods, adapters their backend: their budgets are their own.
BUDGETS = [(r"^limpid\.hpp$", 8.0), (r"^[a-z_]+\.hpp$", 4.0), (r"^tensor/(xtensor|ublas|multi_array)\.hpp$", 4.0)]
NEEDS_MORE = re.compile(r"^exec/(cuda|mpi)|^tensor/(torch|armadillo|opencv|arrow|dlpack)")


def seconds(compiler, text):
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "one.cpp"
        source.write_text(text)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([compiler, "-std=c++20", "-O0", "-fopenmp", f"-I{ROOT}/include", "-isystem",
                               "/usr/include/eigen3", "-c", str(source), "-o", str(source) + ".o"],
                              capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            return None, done.stderr.split("\n")[0]
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--budget", type=float, default=2.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("headers", nargs="*")
    args = parser.parse_args()
    calls = dict(line.split(" ", 1) for line in CALLS.read_text().split("\n") if line and line[0] != "#")
    found = sorted(str(p.relative_to(INCLUDE)) for p in INCLUDE.rglob("*.hpp") if "detail" not in p.parts)
    over = 0
    print(f"{'seconds':>8} {'budget':>7}  header")
    for header in args.headers or found:
        header = header.removeprefix("limpid/")
        if NEEDS_MORE.search(header):
            continue
        text = f"#include <limpid/{header}>\n" + calls.get(header, "").replace("%", "\n") + "\n"
        budget = next((b for pattern, b in BUDGETS if re.search(pattern, header)), args.budget)
        best, error = min((seconds(args.compiler, text) for _ in range(args.repeats)), key=lambda r: r[0] or 1e9)
        failed = best is None or best > budget
        over += failed
        print(f"{'-' if best is None else f'{best:.2f}':>8} {budget:>7.1f}  {header}"
              f"{' + call' if header in calls else ''}{'  OVER' if failed else ''} {error}", flush=True)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
