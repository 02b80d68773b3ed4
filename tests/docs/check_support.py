#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""docs/support.md has a row for every public function and for every adapter, and says what the headers say.

    check_support.py                     compares
    check_support.py --update            writes the table of functions anew
    check_support.py --static-asserts [cuda]    C++ that asks the compiler about the host columns, or that one, on stdout
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include" / "limpid"
PAGE = ROOT / "docs" / "support.md"
BEGIN, END = "<!-- functions: written by tests/docs/check_support.py -->\n", "<!-- end of functions -->"
LOWER = {"core", "tensor", "simd", "exec", "ops"}
HOST = ["seq", "simd", "par"]
REMOTE = ["cuda", "mpi"]


def strip(text):
    return re.sub(r"//[^\n]*", "", text)


def structs(text):
    """Function objects' types of a header: (name, what stands in their braces)."""
    for match in re.finditer(r"\bstruct\s+(\w+_fn)\b[^;{]*\{", text):
        depth, at = 1, match.end()
        while depth and at < len(text):
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        yield match.group(1), text[match.end():at]


def catalogue():
    """Public functions [(family::name, header, page)], and for each function type what it is made of."""
    functions, parts = [], {}
    for path in sorted(INCLUDE.rglob("*.hpp")):
        relative = path.relative_to(INCLUDE)
        if len(relative.parts) < 2:
            continue
        text = strip(path.read_text())
        for name, body in structs(text):
            uses = re.search(r"using\s+primitives\s*=\s*((?:limpid::)?uses<[^;]*>|\w+_fn::primitives)\s*;", body)
            parts[name] = set(re.findall(r"(\w+_fn)\b", uses.group(1))) if uses else None
        if relative.parts[0] in LOWER or "detail" in relative.parts:
            continue
        for found in re.finditer(r"^inline constexpr (\w+_fn) (\w+)\{\};", text, re.M):
            space = re.findall(r"^namespace limpid::([\w:]+) \{", text[:found.start()], re.M)
            if space and "detail" not in space[-1].split("::"):
                page = ROOT / "docs" / relative.with_suffix(".md")
                if not page.exists():  # or a page of its folder that names it
                    named = re.compile(rf"\b{space[-1].split('::')[-1]}::{found.group(2)}\b")
                    page = next((p for p in sorted(page.parent.glob("*.md")) if named.search(p.read_text())), page)
                takes_policy = any(kind == found.group(1) and "execution_policy" in body for kind, body in structs(text))
                functions.append((f"{space[-1]}::{found.group(2)}", found.group(1), str(relative),
                                  page if page.exists() else None, takes_policy))
    return functions, parts


def kernels(policy):
    """Primitives that have a kernel for a remote policy, by name or by the concept that its programs are written on."""
    concept = {"cuda": "detail::grid_policy"}.get(policy)
    found = set()
    for path in INCLUDE.glob("exec/**/*.hpp"):
        text = path.read_text()
        found |= set(re.findall(rf"struct\s+(?:limpid::)?kernel<\s*(?:ops::)?(\w+_fn)\s*,\s*{policy}_policy", text))
        if concept:
            found |= set(re.findall(rf"template <{concept} P>\s+struct kernel<ops::(\w+_fn), P>", text))
    return found


def supported(function, parts, have):
    made_of = parts.get(function)
    if made_of is None:
        return function in have
    return all(supported(part, parts, have) for part in made_of)


def table():
    functions, parts = catalogue()
    have = {policy: kernels(policy) for policy in REMOTE}
    rows = ["| function | " + " | ".join(HOST + REMOTE) + " | header |",
            "|---|" + "---|" * len(HOST + REMOTE) + "---|"]
    for name, kind, header, page, takes_policy in functions:
        link = f"[`{name}`]({page.relative_to(PAGE.parent)})" if page else f"`{name}`"
        cells = ["yes"] * len(HOST) + ["yes" if supported(kind, parts, have[p]) else "no" for p in REMOTE]
        if not takes_policy:
            cells = ["-"] * len(HOST + REMOTE)  # a result's small matrices, on the host
        rows.append(f"| {link} | " + " | ".join(cells) + f" | `limpid/{header}` |")
    return "\n".join(rows) + "\n", functions


def static_asserts(policies):
    functions, parts = catalogue()
    lines = [f"#include <limpid/{header}>" for header in sorted({f[2] for f in functions})]
    lines += [f"#include <limpid/exec/{p}.hpp>" for p in policies]
    for p in policies:
        have = kernels(p)
        for name, kind, _, _, takes_policy in functions:
            if not takes_policy:
                continue
            no = "" if p in HOST or supported(kind, parts, have) else "!"
            full = "limpid::" + name.rsplit("::", 1)[0] + "::" + kind
            lines.append(f"static_assert({no}limpid::supports<{full}, limpid::{p}_policy>);")
    return "\n".join(lines)


def main():
    if "--static-asserts" in sys.argv:
        print(static_asserts(sys.argv[2:] or HOST))
        return 0
    text = PAGE.read_text()
    rows, functions = table()
    head, rest = text.split(BEGIN)
    old, tail = rest.split(END)
    if "--update" in sys.argv:
        PAGE.write_text(head + BEGIN + rows + END + tail)
        return 0
    wrong = [f"docs/support.md lacks or misstates: {row}" for row in rows.split("\n") if row and row not in old.split("\n")]
    wrong += [f"docs/support.md says, the headers do not: {row}" for row in old.split("\n") if row and row not in rows.split("\n")]
    for path in sorted(INCLUDE.glob("tensor/*.hpp")):
        if f"| `limpid/tensor/{path.name}` |" not in head + tail:
            wrong.append(f"docs/support.md has no row of adapters for limpid/tensor/{path.name}")
    for name in re.findall(r"\| `(limpid/tensor/[\w.]+)` \|", head + tail):
        if not (ROOT / "include" / name).exists():
            wrong.append(f"docs/support.md: {name} does not exist")
    for name, kind, header, page, _ in functions:
        if not page:
            wrong.append(f"{name} has no page docs/{header[:-4]}.md")
    if wrong:
        wrong.append("the table of functions is written by tests/docs/check_support.py --update")
    print("\n".join(wrong) if wrong else f"{len(functions)} functions")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
