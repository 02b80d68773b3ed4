#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""docs/systems.md has exactly one row for every system of systems.txt. A working system links to its page; a planned one
has none. Rows are never dropped."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "systems.md"


def main():
    wanted = dict(line.split(" ", 1) for line in
                  (pathlib.Path(__file__).parent / "systems.txt").read_text().split("\n") if line)
    wrong, seen, working = [], set(), 0
    for line in PAGE.read_text().split("\n"):
        if not re.match(r"\| \d{3}-\d+ \|", line):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 6:
            wrong.append(f"not six cells: {line}")
            continue
        system, name, must, lives, status, link = cells
        if system in seen:
            wrong.append(f"{system} twice")
        seen.add(system)
        if wanted.get(system) != name:
            wrong.append(f"{system} is {wanted.get(system)!r}, not {name!r}")
        if not must or not lives:
            wrong.append(f"{system}: what must work, and where?")
        if status == "working":
            working += 1
            links = re.findall(r"\]\(([^)#]+)[^)]*\)", link)
            if not links:
                wrong.append(f"{system} works but links to no page")
            wrong += [f"{system}: {name} does not exist" for name in links if not (PAGE.parent / name).exists()]
        elif status != "planned" or link:
            wrong.append(f"{system}: status {status!r} with link {link!r}; planned rows have no link, working rows one")
    wrong += [f"{system} {name} has no row" for system, name in wanted.items() if system not in seen]
    print("\n".join(wrong) if wrong else f"{len(seen)} systems, {working} working")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
