#!/usr/bin/env python3
"""Tables and charts of bench/peers.sh: reads results.ndjson in a directory, writes results.json,
report.md and one SVG a table beside it, and prints the Markdown. Standard library only."""

import html
import json
import math
import os
import statistics
import sys

# peer, variant: name, acknowledged when synced, what can be shown to somebody else afterwards
WAYS = {
    ("tallystick", "bdb"): ("Tallystick, bdb", True, "Merkle tree, signed when asked"),
    ("tallystick", "flatfile"): ("Tallystick, flatfile", True, "Merkle tree, signed when asked"),
    ("tallystick", "http-signed"): ("Tallystick, FastCGI, members sign", True,
                                    "Merkle tree, signed receipts, members' signatures"),
    ("tallystick", "http"): ("Tallystick, FastCGI", True, "Merkle tree, signed receipts"),
    ("floor", "one"): ("plain file", True, "nothing"),
    ("floor", "group"): ("plain file, 16 at a time", True, "nothing"),
    ("bdb", "-"): ("Berkeley DB", True, "nothing"),
    ("sqlite", "-"): ("SQLite, hash chain", True, "the whole chain"),
    ("postgres", "chain"): ("PostgreSQL, hash chain", True, "the whole chain"),
    ("postgres", "plain"): ("PostgreSQL, rows alone", True, "nothing"),
    ("hypercore", "async"): ("hypercore, not synced", False, "Merkle tree, signed each time"),
    ("hypercore", "synced"): ("hypercore, synced from outside", True, "Merkle tree, signed each time"),
    ("immudb", "default"): ("immudb store, sync every 20 ms", True, "Merkle tree"),
    ("immudb", "quick"): ("immudb store, sync every 1 ms", True, "Merkle tree"),
    ("tessera", "default"): ("Tessera, groups of 250 ms", True, "Merkle tree, signed at intervals"),
    ("tessera", "quick"): ("Tessera, groups of 1 ms", True, "Merkle tree, signed at intervals"),
}

# table: title, the row that ratios refer to
TABLES = {
    "single-1": ("Single appends, 1 writer", ("tallystick", "bdb")),
    "single-16": ("Single appends, 16 writers", ("tallystick", "bdb")),
    "single-64": ("Single appends, 64 writers", ("tallystick", "bdb")),
    "batch-1": ("Batches of 1,000, 1 writer", ("tallystick", "bdb")),
    "batch-4": ("Batches of 1,000, 4 writers", ("tallystick", "bdb")),
    "socket-64": ("Single appends over a socket, 64 connections", ("tallystick", "http-signed")),
    "http-batch-4": ("Batches of 1,000 over a socket, 4 connections", ("tallystick", "http")),
}

MEASURES = ("rate", "p50_ms", "p99_ms", "p999_ms")


def read(directory):
    machine, left_out, rows = {}, [], {}
    with open(os.path.join(directory, "results.ndjson"), encoding="utf-8") as lines:
        for line in lines:
            item = json.loads(line)
            if "machine" in item:
                machine = item["machine"]
            elif "left_out" in item:
                left_out.append(item)
            else:
                key = (item["table"], item["peer"], item["variant"])
                rows.setdefault(key, []).append(item)
    return machine, left_out, rows


def median_row(key, rounds):
    """One row of a table out of its rounds."""
    name, synced, shows = WAYS[key[1:]]
    row = {"table": key[0], "peer": key[1], "variant": key[2], "name": name, "synced": synced,
           "shows": shows, "writers": rounds[0]["writers"], "batch": rounds[0]["batch"],
           "rounds": len(rounds), "count": sum(r["result"]["count"] for r in rounds)}
    for measure in MEASURES:
        row[measure] = statistics.median(r["result"][measure] for r in rounds)
    row["lowest"] = min(r["result"]["rate"] for r in rounds)
    row["highest"] = max(r["result"]["rate"] for r in rounds)
    row["version"] = rounds[0]["result"].get("version", "")
    return row


def summarise(rows):
    """Table by table, in order; within one the fastest first."""
    tables = {}
    for table, (_, base) in TABLES.items():
        found = [median_row(key, rounds) for key, rounds in rows.items() if key[0] == table]
        found.sort(key=lambda row: -row["rate"])
        ours = next((row["rate"] for row in found if (row["peer"], row["variant"]) == base), None)
        for row in found:
            row["ratio"] = row["rate"] / ours if ours else None
        if found:
            tables[table] = found
    return tables


# ---- Markdown ----

def rate_text(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def ms_text(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown_table(table, rows):
    title, base = TABLES[table]
    yield f"## {title}\n"
    yield f"![{title}]({table}.svg)\n"
    yield ("| | appends/s | lowest to highest | to Tallystick | p50 ms | p99 ms | p99.9 ms "
           "| on disk when acknowledged | can be shown |")
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |"
    for row in rows:
        ratio = f"{row['ratio']:.2f}" if row["ratio"] is not None else "-"
        name = f"**{row['name']}**" if row["peer"] == "tallystick" else row["name"]
        yield (f"| {name} | {rate_text(row['rate'])} | {rate_text(row['lowest'])} to "
               f"{rate_text(row['highest'])} | {ratio} | {ms_text(row['p50_ms'])} | "
               f"{ms_text(row['p99_ms'])} | {ms_text(row['p999_ms'])} | "
               f"{'yes' if row['synced'] else '**no**'} | {row['shows']} |")
    yield (f"\nRates to that of {WAYS[base][0]}. Latencies are of one call: "
           f"{'one record' if min(row['batch'] for row in rows) == 1 else 'a whole batch'}.\n")


def markdown(machine, left_out, tables):
    yield "# Tallystick beside its peers\n"
    if machine.get("short"):
        yield "**A smoke test: it shows that everything runs. Its numbers say nothing.**\n"
    yield (f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}; {machine['kernel']}; "
           f"{machine['file_system']}; load before {machine['load']}; {machine['date']}.")
    rounds = machine["rounds"]
    yield (f"Payloads of {machine['size']} bytes; {'one round' if rounds == 1 else f'medians of {rounds} rounds'}, "
           f"each row {machine['seconds']} s a round, all rows in turn.\n")
    versions = {}
    for rows in tables.values():
        for row in rows:
            if row["version"]:
                versions[row["peer"]] = row["version"]
    yield "Versions: " + "; ".join(
        [machine["tallystick"]] + [f"{peer} {text}" for peer, text in sorted(versions.items())]) + ".\n"
    for item in left_out:
        yield f"Left out: {item['left_out']} ({item['why']}).\n"
    for table, rows in tables.items():
        yield from markdown_table(table, rows)


# ---- charts ----

WIDTH, LEFT, RIGHT, TOP, BAR, GAP, BOTTOM = 890, 280, 110, 52, 20, 10, 52

# Colours that are read on white and on black; the page's own background shows through.
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.title { font-size: 15px; font-weight: 600; }
.ours { font-weight: 600; }
.unit, .tick { fill: #57606a; }
.grid { stroke: #57606a; stroke-opacity: 0.25; }
.bar { fill: #8c959f; } .bar.ours { fill: #0969da; } .bar.unsynced { fill-opacity: 0.35; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .unit, .tick { fill: #9da7b3; } .grid { stroke: #9da7b3; }
  .bar { fill: #7d8590; } .bar.ours { fill: #4493f8; }
}
"""


def axis(highest):
    """Some four steps of 1, 2 or 5 times a power of ten, the last at or above the highest."""
    rough = highest / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(f * power for f in (1, 2, 5, 10) if f * power >= rough)
    return [step * i for i in range(math.ceil(highest / step - 1e-9) + 1)]


def tick_text(value):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def chart(table, rows):
    ticks = axis(max(row["rate"] for row in rows))
    scale = (WIDTH - LEFT - RIGHT) / ticks[-1]
    bottom = TOP + len(rows) * (BAR + GAP)
    title = html.escape(TABLES[table][0])
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + BOTTOM}" '
           f'width="{WIDTH}" height="{bottom + BOTTOM}" role="img" aria-label="{title}">')
    yield f"<title>{title}</title><style>{STYLE}</style>"
    yield f'<text class="title" x="{LEFT}" y="24">{title}</text>'
    for tick in ticks:
        x = LEFT + tick * scale
        yield f'<line class="grid" x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom}"/>'
        yield (f'<text class="tick" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">'
               f'{tick_text(tick)}</text>')
    yield (f'<text class="unit" x="{(LEFT + WIDTH - RIGHT) / 2:.1f}" y="{bottom + 40}" '
           f'text-anchor="middle">appends a second, median</text>')
    for i, row in enumerate(rows):
        y = TOP + i * (BAR + GAP)
        ours = " ours" if row["peer"] == "tallystick" else ""
        loose = "" if row["synced"] else " unsynced"
        width = max(row["rate"] * scale, 1)
        yield (f'<text class="name{ours}" x="{LEFT - 10}" y="{y + 15}" text-anchor="end">'
               f'{html.escape(row["name"])}</text>')
        yield f'<rect class="bar{ours}{loose}" x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="2"/>'
        yield f'<text x="{LEFT + width + 6:.1f}" y="{y + 15}">{rate_text(row["rate"])}</text>'
    yield "</svg>"


def write(directory, name, lines):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def main():
    directory = sys.argv[1]
    machine, left_out, rows = read(directory)
    tables = summarise(rows)
    for table, found in tables.items():
        write(directory, f"{table}.svg", chart(table, found))
    write(directory, "results.json", [json.dumps(
        {"machine": machine, "left_out": left_out, "tables": tables}, indent=1)])
    text = list(markdown(machine, left_out, tables))
    write(directory, "report.md", text)
    print("\n".join(text))


if __name__ == "__main__":
    main()
