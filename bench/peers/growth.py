#!/usr/bin/env python3
"""The table and the chart of bench/growth.sh: reads growth.ndjson in a directory, writes growth.svg beside
it, and prints the table as Markdown. Standard library only."""

import html
import json
import os
import sys

from report import STYLE, axis, tick_text, write

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 890, 420, 80, 120, 52, 60
LINES = {"bdb": ("#8250df", "#a371f7"), "flatfile": ("#0969da", "#4493f8")}


def read(directory):
    """Lines by work and driver."""
    found = {}
    with open(os.path.join(directory, "growth.ndjson"), encoding="utf-8") as lines:
        for line in lines:
            item = json.loads(line)
            found.setdefault((item["work"], item["driver"]), []).append(item)
    return found


def table(found):
    yield "| work | driver | journals | rate, first and last third | longest wait, ms |"
    yield "| --- | --- | --- | --- | --- |"
    for (work, driver), items in found.items():
        third = max(len(items) // 3, 1)
        mean = [sum(i["rate"] for i in part) / len(part) for part in (items[:third], items[-third:])]
        yield (f"| {work} | {driver} | {items[0]['journals']:,} to {items[-1]['journals']:,} | "
               f"{mean[0]:,.0f} and {mean[1]:,.0f} a second | {max(i['longest_ms'] for i in items):.0f} |")


def within(items, size):
    """Those up to a size, and the next one, put there."""
    inside = [i for i in items if i["journals"] <= size]
    return inside + [{**i, "journals": size} for i in items[len(inside):len(inside) + 1]]


def chart(found):
    lines = {driver: items for (work, driver), items in found.items() if work == "batches"}
    size = max(items[-1]["journals"] for items in lines.values())
    disk = {driver: within(items, size) for (work, driver), items in found.items() if work == "disk"}
    rates = axis(max(i["rate"] for items in [*lines.values(), *disk.values()] for i in items))
    sizes = axis(size)
    across = (WIDTH - LEFT - RIGHT) / sizes[-1]
    up = (HEIGHT - TOP - BOTTOM) / rates[-1]
    floor = HEIGHT - BOTTOM
    title = "Rate of batches of 1,000 while a ledger grows"
    style = STYLE + "".join(
        f".{name} {{ stroke: {light}; fill: none; stroke-width: 2; }} .{name}-text {{ fill: {light}; }}\n"
        f"@media (prefers-color-scheme: dark) {{ .{name} {{ stroke: {dark}; }} .{name}-text {{ fill: {dark}; }} }}\n"
        for name, (light, dark) in LINES.items())
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
           f'height="{HEIGHT}" role="img" aria-label="{title}">')
    yield f"<title>{title}</title><style>{style}</style>"
    yield f'<text class="title" x="{LEFT}" y="24">{title}</text>'
    for tick in rates:
        y = floor - tick * up
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick_text(tick)}</text>'
    for tick in sizes:
        x = LEFT + tick * across
        yield f'<text class="tick" x="{x:.1f}" y="{floor + 20}" text-anchor="middle">{tick_text(tick)}</text>'
    yield (f'<text class="unit" x="{(LEFT + WIDTH - RIGHT) / 2:.1f}" y="{floor + 44}" '
           f'text-anchor="middle">journals in the ledger</text>')
    yield f'<text class="unit" x="{LEFT}" y="{TOP - 10}">journals a second</text>'
    for driver, items, dashes, name in [(d, i, "", d) for d, i in lines.items()] + [
            (d, i, ' stroke-dasharray="2 4"', f"disk, as {d}") for d, i in disk.items() if i]:
        points = [(LEFT + i["journals"] * across, floor - i["rate"] * up) for i in items]
        yield (f'<polyline class="{driver}"{dashes} points="'
               + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) + '"/>')
        x, y = (points[0][0], points[0][1] - 8) if dashes else (points[-1][0] + 8, points[-1][1] + 4)
        yield f'<text class="{driver}-text" x="{x:.1f}" y="{y:.1f}">{html.escape(name)}</text>'
    yield "</svg>"


def main():
    directory = sys.argv[1]
    found = read(directory)
    write(directory, "growth.svg", chart(found))
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
