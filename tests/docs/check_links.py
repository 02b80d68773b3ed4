#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Links between the project's pages and files resolve, headings too; every page of docs/ is reached from docs/index.md, which lists them.

`check_links.py --update` writes the lists of docs/index.md anew.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)|!\[[^\]\n]*\]\(([^)\s]+)\)")


def anchors(text):
    found = set()
    for heading in re.findall(r"^#+\s+(.*)$", text, re.M):
        plain = re.sub(r"[`*]", "", heading).strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


FAMILIES = ["tensor", "exec", "ops", "simd", "noise", "transition", "kernel_mean", "reweight", "mixture", "graph", "loss", "select",
            "transport", "prototype", "crowd", "multilabel", "metric", "classify", "audit"]
BEGIN = "<!-- pages: written by tests/docs/check_links.py -->\n"


def index_lists():
    """A list per folder; each page by its title."""
    folders = sorted({p.parent.name for p in (ROOT / "docs").glob("*/*.md")},
                     key=lambda f: FAMILIES.index(f) if f in FAMILIES else len(FAMILIES))
    text = ""
    for folder in folders:
        text += f"\n## {folder}\n\n"
        for page in sorted((ROOT / "docs" / folder).glob("*.md")):
            title = re.search(r"^# (.*)$", page.read_text(), re.M)
            text += f"- [{title.group(1) if title else page.stem}]({folder}/{page.name})\n"
    return text


def main():
    index = ROOT / "docs" / "index.md"
    if "--update" in sys.argv:
        index.write_text(index.read_text().split(BEGIN)[0] + BEGIN + index_lists())
    pages = {p.resolve(): re.sub(r"```.*?```", "", p.read_text(), flags=re.S)
             for p in sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))}
    wrong, links, to = [], 0, {}
    if index.read_text().split(BEGIN)[1:] != [index_lists()]:
        wrong.append("docs/index.md: its lists are old; check_links.py --update")
    for page, text in pages.items():
        for match in LINK.finditer(text):
            target = match.group(1) or match.group(2)
            if re.match(r"[a-z]+:", target):
                continue
            links += 1
            name, _, anchor = target.partition("#")
            path = (page.parent / name).resolve() if name else page
            if not path.exists():
                wrong.append(f"{page.relative_to(ROOT)}: {target} does not exist")
            elif anchor and path in pages and anchor not in anchors(pages[path]):
                wrong.append(f"{page.relative_to(ROOT)}: {target} names no heading")
            to.setdefault(page, set()).add(path)
    reached, open_pages = set(), [ROOT / "docs" / "index.md"]
    while open_pages:
        page = open_pages.pop()
        if page in reached:
            continue
        reached.add(page)
        open_pages += [p for p in to.get(page, ()) if p in pages]
    for page in pages:
        if "docs" in page.relative_to(ROOT).parts and page not in reached:
            wrong.append(f"{page.relative_to(ROOT)}: not reached from docs/index.md")
    print("\n".join(wrong) if wrong else f"{links} links, {len(pages)} pages")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
