"""The page of numbers, from the results alone: `python -m benchmarks.document JSON PAGE`."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from pathlib import Path
from typing import Any

from .environment import ROOT
from .report import table
from .results import OURS, number
from .serving import document as serving

_SERVING = ROOT / "benchmarks" / "serving" / "results.json"

_HEAD = """# Performance

<!-- Written by `python -m benchmarks.document` from {source}; do not edit. -->

What a sync costs, beside what people would use instead. `make bench` takes these numbers again and
writes this page; `make bench-quick` is a small version that says whether something went wrong.

Taken on {date}: {processor}, {cores} cores, {memory_gb} GB memory, {system}; load {load_at_start}
when it began.
"""

_METHOD = """
## How it is measured

Every run is a whole process, from its start to its end, imports included, with fresh data: wall
time, processor time (user and system, with all processes it started), and the memory of its largest
process (*peak*; never less than the 23 MB of the harness that starts it) and of all its processes
together (*tree*, looked at every 0.1 s). Runs of what is compared take turns; the tables show
medians and the range. The server is the project's sandbox on
loopback, in a process of its own on the same machine: its processor time is shown apart and is in
no other number, but it takes a core from what it serves. A run counts only if every record was
stored, once, and, with a pace, if the server never saw two requests closer than that.
"""


def write_document(results: Path, page: Path) -> None:
    """Write `page` from the JSON file `results`, and from `spark.json` beside it."""
    found: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
    spark = results.with_name("spark.json")
    if spark.exists():
        found["goals"] |= _of_another_run(json.loads(spark.read_text(encoding="utf-8")))
    inside = results.resolve().is_relative_to(ROOT) and page.resolve().is_relative_to(ROOT)
    # A page outside of the project names no place of this machine.
    source = os.path.relpath(results, page.parent) if inside else results.name
    parts = [_HEAD.format(source=source, date=found["date"], **found["machine"])]
    plot = results.with_suffix(".svg")
    if found["size"] != "full":
        parts.append(f"**Sizes: {found['size']}.** These are not the numbers to judge by.\n")
    if plot.exists() and inside:
        parts.append(f"![Side by side]({os.path.relpath(plot, page.parent)})\n")
    served = json.loads(_SERVING.read_text(encoding="utf-8"))
    verdicts = [verdict for goal in found["goals"].values() for verdict in goal["verdicts"]]
    parts += ["## Goals\n", _verdicts(verdicts + serving.verdicts(served)), _METHOD]
    for goal in found["goals"].values():
        parts.append(f"## {goal['title']}\n")
        parts.append(_markdown(*table(goal)))
        parts += [textwrap.fill(note, 100) + "\n" for note in (*goal["notes"], *_faster(goal))]
    parts += ["## serve: API and pages\n", _markdown(*serving.rows(served))]
    parts.append(textwrap.fill(serving.note(served), 100) + "\n")
    parts.append("## Versions\n")
    for who, packages in found["versions"].items():
        listed = ", ".join(f"{name} {version}" for name, version in packages.items())
        parts.append(f"{who.capitalize()}: {listed}.\n")
    page.write_text("\n".join(parts), encoding="utf-8")


def _of_another_run(found: dict[str, Any]) -> dict[str, Any]:
    """Goals that were not measured with the others, each with a note that says when and where."""
    where = "Taken on {date}: {processor}, {cores} cores; load {load_at_start} when it began."
    note = where.format(date=found["date"], **found["machine"])
    return {key: {**goal, "notes": [*goal["notes"], note]} for key, goal in found["goals"].items()}


def _faster(goal: dict[str, Any]) -> list[str]:
    """Who was faster than ours, case by case, in words."""
    found = []
    for title in dict.fromkeys(scenario["title"] for scenario in goal["scenarios"]):
        walls = {
            scenario["who"]: scenario["median"]["wall_s"]
            for scenario in goal["scenarios"]
            if scenario["title"] == title
        }
        faster = [
            f"{who} (ours takes {number(walls[OURS] / wall)} times as long)"
            for who, wall in walls.items()
            if who != OURS and OURS in walls and wall < walls[OURS]
        ]
        if faster and len(walls) > 1 and goal["key"] == "side":
            found.append(f"{title}: faster than ours are {', '.join(faster)}.")
    return found


def _verdicts(verdicts: list[dict[str, Any]]) -> str:
    rows = [
        [
            verdict["claim"],
            f"{number(verdict['value'])} {verdict['unit']}",
            f"{'≥' if verdict['at_least'] else '≤'} {number(verdict['limit'])} {verdict['unit']}",
            "yes" if verdict["met"] else "**no**",
        ]
        for verdict in verdicts
    ]
    return _markdown(["goal", "measured", "limit", "met"], rows)


def _markdown(headings: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (headings, ["---"] * len(headings))]
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines += [f"| {' | '.join(row)} |" for row in escaped]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_document(Path(sys.argv[1]), Path(sys.argv[2]))
