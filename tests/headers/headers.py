#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""What is true of the headers as files.

    headers.py list            every public header and what it needs: "<path> [need...]", as in headers.txt
    headers.py check-list      headers.txt names each header, and only those
                               and the umbrellas (limpid/<folder>.hpp, limpid/limpid.hpp) include what they promise
    headers.py update          writes headers.txt and the umbrellas
    headers.py check-layers    each layer includes only layers above it; families meet in core/ and ops/ only;
                               detail/ stays in its family; guards, licence line and file name are right
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include" / "limpid"
LIST = pathlib.Path(__file__).resolve().parent / "headers.txt"

# A layer may include itself and those above it. Families share one layer and do not see each other.
LAYERS = [["core"], ["tensor"], ["simd"], ["exec"], ["ops"], ["families"], ["classify"], ["audit"]]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
# exec/ implements the primitives for a policy: these headers see ops/ and are seen by nobody but the user.
POLICY_KERNELS = re.compile(r"exec/(detail/)?(cuda|mpi)[a-z_]*\.(hpp|cuh)$")

# Headers that need something that the library itself does not.
NEEDS = [
    (r"exec/(detail/)?par\b", "openmp"),
    (r"exec/cuda\b", "cuda"),  # its programs in exec/detail compile without
    (r"exec/(detail/)?mpi", "mpi"),
    (r"tensor/xtensor\b", "xtensor"),
    (r"tensor/torch\b", "torch"),
    (r"tensor/armadillo\b", "armadillo"),
    (r"tensor/opencv\b", "opencv"),
    (r"tensor/dlpack\b", "dlpack"),
    (r"tensor/arrow\b", "arrow"),
    (r"tensor/(cuda|thrust)", "cuda"),
]
INCLUDE_LINE = re.compile(r'^\s*#\s*include\s*[<"](limpid/[^>"]+)[>"]', re.M)


def layer(path):
    """limpid/<folder>/x.hpp -> its layer; headers of the root have none."""
    folder = path.split("/")[0] if "/" in path else ""
    return folder if folder in RANK or not folder else "families"


def headers(suffixes=(".hpp", ".cuh")):
    return sorted(str(p.relative_to(INCLUDE)) for p in INCLUDE.rglob("*") if p.suffix in suffixes)


def needs(path):
    return [need for pattern, need in NEEDS if re.search(pattern, path)]


def lines():
    return [" ".join(["limpid/" + h] + needs(h)) for h in headers((".hpp",))]


# What the umbrella of a folder says of it.
FOLDERS = {
    "core": "The vocabulary: views, the tensor trait, results' arrays, errors, random streams.",
    "exec": "The execution policies seq and simd, and par where the program is compiled with OpenMP.",
    "ops": "The primitives that every algorithm is made of.",
    "noise": "Noise generators: labels made wrong by a stated law.",
    "transition": "How labels are wrong: the transition matrix, and its use.",
    "kernel_mean": "Kernels, kernel means and distances between samples.",
    "reweight": "Importance weights.",
    "mixture": "Mixture models, and the split of losses into right and wrong labels.",
    "graph": "Neighbour graphs, and what labels do on them.",
    "loss": "Losses, targets and their gradients.",
    "select": "Which samples to trust.",
    "transport": "Matching and transport.",
    "prototype": "Prototypes of classes.",
    "crowd": "Many annotators for one label.",
    "multilabel": "Many labels for one sample.",
    "metric": "Measures of quality, and losses on distances.",
    "classify": "The classifier concept, softmax regression, out-of-fold probabilities.",
    "audit": "A data set in, a report of its label noise out.",
}


def umbrella(name, about, left_out, includes):
    guard = f"LIMPID_{name.upper()}_HPP"
    lines = ["// SPDX-License-Identifier: BSL-1.0", f"/// @file limpid/{name}.hpp", f"/// {about}"]
    lines += [f"/// {line}" for line in left_out]
    lines += [f"#ifndef {guard}", f"#define {guard}", ""] + includes + ["", f"#endif  // {guard}", ""]
    return "\n".join(lines)


def umbrellas():
    """name -> text, for every folder that has headers and for limpid.hpp."""
    texts = {}
    for folder, about in FOLDERS.items():
        mine = [h for h in headers((".hpp",)) if re.fullmatch(rf"{folder}/[^/]+\.hpp", h)]
        includes = [f"#include <limpid/{h}>" for h in mine if not needs(h)]
        if not includes:
            continue
        if folder == "exec":
            includes += ["#ifdef _OPENMP", "#include <limpid/exec/par.hpp>", "#endif"]
        texts[folder + ".hpp"] = umbrella(folder, about, [], includes)
    texts["limpid.hpp"] = umbrella(
        "limpid", "Everything that needs nothing but the library, Eigen and Boost headers.",
        ["Not included, since each needs something of its own: limpid/tensor/*.hpp, limpid/exec/cuda.hpp,",
         "limpid/exec/mpi.hpp. limpid/exec/par.hpp is included where the program is compiled with OpenMP."],
        [f"#include <limpid/{name}>" for name in sorted([*texts, "version.hpp"])])
    return texts


def check_umbrellas():
    folders = {h.split("/")[0] for h in headers((".hpp",)) if "/" in h} - set(FOLDERS) - {"tensor", "simd"}
    wrong = [f"{folder}/ has no line in FOLDERS (headers.py)" for folder in sorted(folders)]
    for name, text in umbrellas().items():
        path = INCLUDE / name
        if not path.exists() or path.read_text() != text:
            wrong.append(f"limpid/{name} does not include what limpid/{name[:-4]}/ holds")
    return wrong


def check_list():
    stored = LIST.read_text().split("\n")[:-1] if LIST.exists() else []
    wrong = [f"not in headers.txt: {line}" for line in lines() if line not in stored]
    wrong += [f"in headers.txt, but gone or with other needs: {line}" for line in stored if line not in lines()]
    wrong += check_umbrellas()
    if wrong:
        wrong.append("run tests/headers/headers.py update")
    return wrong


def check_layers():
    wrong = []
    for path in headers((".hpp", ".inl", ".inc", ".cuh")):
        text = (INCLUDE / path).read_text()
        mine = path.split("/")[0] if "/" in path else ""
        if not text.startswith("// SPDX-License-Identifier: BSL-1.0\n"):
            wrong.append(f"{path}: the first line is the licence")
        if path.endswith(".hpp"):
            guard = "LIMPID_" + re.sub(r"[/.]", "_", path).upper()
            if f"#ifndef {guard}\n#define {guard}\n" not in text:
                wrong.append(f"{path}: its include guard is {guard}")
        if re.search(r"^\s*using namespace (?!detail)", text, re.M) and path.endswith(".hpp"):
            for found in re.findall(r"^using namespace [^;]+;", text, re.M):
                wrong.append(f"{path}: {found}")
        for used in INCLUDE_LINE.findall(text):
            target = used[len("limpid/"):]
            if not (INCLUDE / target).exists():
                wrong.append(f"{path}: includes {used}, which does not exist")
                continue
            theirs = target.split("/")[0] if "/" in target else ""
            if not theirs or not mine:  # version.hpp, the umbrella and the families' umbrellas
                if mine and target not in ("version.hpp",):
                    wrong.append(f"{path}: includes the umbrella {used}")
                continue
            if POLICY_KERNELS.search(path):
                if RANK[layer(target)] > RANK["ops"]:
                    wrong.append(f"{path}: a policy knows primitives, not {used}")
            elif POLICY_KERNELS.search(target):
                wrong.append(f"{path}: only the user includes {used}")
            elif RANK[layer(target)] > RANK[layer(path)]:
                wrong.append(f"{path}: {layer(path)} includes {used}, a lower layer")
            elif layer(path) == layer(target) == "families" and mine != theirs:
                wrong.append(f"{path}: families meet in core/ and ops/, not by {used}")
            if "/detail/" in target and theirs != mine:
                wrong.append(f"{path}: {used} is a detail of {theirs}/")
    return wrong


def main():
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    if what == "list":
        print("\n".join(lines()))
    elif what == "update":
        for name, text in umbrellas().items():
            (INCLUDE / name).write_text(text)
        LIST.write_text("".join(line + "\n" for line in lines()))
    elif what in ("check-list", "check-layers"):
        wrong = check_list() if what == "check-list" else check_layers()
        print("\n".join(wrong) if wrong else f"{what}: {len(headers())} headers")
        return 1 if wrong else 0
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
