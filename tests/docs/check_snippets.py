#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Every code block of a page that names its source is that source, line by line.

    <!-- snippet: tests/transition/dual_t.test.cpp use -->   the lines between two `//! [use]`, dedented
    <!-- file: examples/quickstart.cpp -->                   the whole file after its licence line

`check_snippets.py --update` writes the blocks anew. A ```cpp block without such a line is an error.
"""
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"(?:<!-- (snippet|file): (\S+)(?: (\S+))? -->\n\s*)?```(?:cpp|c\+\+)\n(.*?)```", re.S)


def pages():
    return [p for p in sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")) if "build" not in p.parts]


def wanted(kind, name, region):
    source = ROOT / name
    if not source.exists():
        raise LookupError(f"{name} does not exist")
    text = source.read_text()
    if kind == "file":
        return text.split("\n", 1)[1] if text.startswith("// SPDX") else text
    mark = re.compile(rf"^[ \t]*//! \[{re.escape(region or '')}\][ \t]*\n", re.M)
    parts = mark.split(text)
    if len(parts) != 3:
        raise LookupError(f"{name} has {len(parts) - 1} lines `//! [{region}]`; two mark a region")
    return textwrap.dedent(parts[1])


def main():
    update = "--update" in sys.argv
    wrong, blocks = [], 0
    for page in pages():
        text = page.read_text()
        known = set()

        def check(match):
            nonlocal blocks
            kind, name, region, code = match.groups()
            blocks += 1
            line = text.count("\n", 0, match.start()) + 1
            where = f"{page.relative_to(ROOT)}:{line}"
            if not kind:
                wrong.append(f"{where}: this block names no source")
                return match.group(0)
            known.add((name, region))
            try:
                code_wanted = wanted(kind, name, region)
            except LookupError as missing:
                wrong.append(f"{where}: {missing}")
                return match.group(0)
            if code != code_wanted:
                if not update:
                    wrong.append(f"{where}: differs from {name} {region or ''}; check_snippets.py --update")
                return match.group(0).replace(code + "```", code_wanted + "```") if code else (
                    match.group(0)[:-3] + code_wanted + "```")
            return match.group(0)

        new = BLOCK.sub(check, text)
        for kind, name, region in re.findall(r"<!-- (snippet|file): (\S+)(?: (\S+))? -->", text):
            if (name, region or None) not in known:
                wrong.append(f"{page.relative_to(ROOT)}: no ```cpp block after {name} {region}")
        if update and new != text:
            page.write_text(new)
    print("\n".join(wrong) if wrong else f"{blocks} code blocks")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
