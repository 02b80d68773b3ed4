#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""cost_plot.py < FILE > SVG: what cost.cpp prints, drawn: seconds against rows (left) and classes (right), log scales."""
import collections
import math
import sys

WIDTH, HEIGHT, LEFT, TOP, PANEL_W, PANEL_H, GAP, NAMES = 980, 560, 56, 34, 300, 470, 150, 140
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #222 } .tick { fill: #777; font-size: 11px } .grid { stroke: #ddd }
.line { fill: none; stroke-width: 1.6 } rect { fill: #fff }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .tick { fill: #999 } .grid { stroke: #333 } rect { fill: #111 } }
"""


def panel(out, curves, colours, left, title, label):
    xs = sorted({x for points in curves.values() for x, _ in points})
    ys = [y for points in curves.values() for _, y in points]
    low, high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    x0, x1 = math.log10(xs[0]), math.log10(xs[-1])
    place_x = lambda x: left + PANEL_W * (math.log10(x) - x0) / (x1 - x0)
    place_y = lambda y: TOP + PANEL_H * (high - math.log10(y)) / (high - low)
    out.append(f'<text x="{left}" y="{TOP - 14}">{title}</text>')
    for power in range(low, high + 1):
        y = place_y(10 ** power)
        out.append(f'<path class="grid" d="M{left} {y:.1f}H{left + PANEL_W}"/>')
        text = f"{10 ** power:g} s" if power >= 0 else f"{10 ** (power + 3):g} ms" if power >= -3 else f"{10 ** (power + 6):g} µs"
        out.append(f'<text class="tick" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    for x in xs:
        out.append(f'<text class="tick" x="{place_x(x):.1f}" y="{TOP + PANEL_H + 18}" text-anchor="middle">{x}</text>')
    out.append(f'<text class="tick" x="{left + PANEL_W / 2}" y="{TOP + PANEL_H + 36}" text-anchor="middle">{label}</text>')
    ends = []
    for name, points in curves.items():
        colour = colours[name]
        path = "L".join(f"{place_x(x):.1f} {place_y(y):.1f}" for x, y in sorted(points))
        out.append(f'<path class="line" stroke="{colour}" d="M{path}"/>')
        for x, y in points:
            out.append(f'<circle cx="{place_x(x):.1f}" cy="{place_y(y):.1f}" r="2" fill="{colour}"/>')
        x, y = max(points)
        ends.append([place_y(y), place_x(x), place_y(y), name, colour])
    floor = -1e9  # names are spread until none overlaps
    for end in sorted(ends):
        end[0] = floor = max(end[0], floor + 14)
    excess = max(0.0, floor - (TOP + PANEL_H))
    ceiling = 1e9
    for end in sorted(ends, reverse=True):
        end[0] = ceiling = min(end[0], ceiling - 14, TOP + PANEL_H if excess else 1e9)
    at = left + PANEL_W + 14
    for y, x, real, name, colour in ends:
        out.append(f'<path class="line" stroke="{colour}" stroke-opacity=".5" stroke-dasharray="2 2" '
                   f'd="M{x:.1f} {real:.1f}L{at - 3} {y:.1f}"/>')
        out.append(f'<text x="{at}" y="{y + 4:.1f}" style="fill:{colour}">{name}</text>')


def main():
    rows, classes = collections.OrderedDict(), collections.OrderedDict()
    for line in sys.stdin:
        name, n, k, took = line.strip().split(";")
        if k == "10":
            rows.setdefault(name, []).append((int(n), float(took)))
        if n == "10000":
            classes.setdefault(name, []).append((int(k), float(took)))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">', f"<style>{STYLE}</style>",
           f'<rect width="{WIDTH}" height="{HEIGHT}"/>']
    names = list(collections.OrderedDict.fromkeys([*rows, *classes]))
    colours = {name: f"hsl({i * 360 / len(names):.0f} 65% {42 + 12 * (i % 2)}%)" for i, name in enumerate(names)}
    panel(out, rows, colours, LEFT, "K = 10", "rows")
    panel(out, classes, colours, LEFT + PANEL_W + GAP + 40, "10 000 rows", "classes")
    print("\n".join(out + ["</svg>"]))


main()
