"""Results as tables: for the terminal and for the page of numbers."""

from __future__ import annotations

from typing import Any

from .results import number, verdict_lines

# Column of a table: number in the medians, heading, factor.
_COLUMNS = (
    ("wall_s", "wall s"),
    ("cpu_s", "CPU s"),
    ("peak_mb", "peak MB"),
    ("tree_mb", "tree MB"),
    ("records_per_s", "records/s"),
    ("shuffled", "shuffled bytes each"),
    ("requests", "requests"),
    ("progressions_requests", "pages"),
    ("server_cpu_s", "server CPU s"),
)


def table(goal: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of medians, with the ratio to the first scenario of the same title."""
    scenarios = goal["scenarios"]
    columns = [
        (name, heading)
        for name, heading in _COLUMNS
        if any(name in scenario["median"] for scenario in scenarios)
    ]
    by_title: dict[str, float] = {}
    for scenario in scenarios:
        by_title.setdefault(scenario["title"], scenario["median"].get("wall_s", 0.0))
    compares = len(by_title) < len(scenarios)
    headings = ["what", *(["who"] if compares else []), "runs"]
    headings += [heading for _, heading in columns]
    headings += ["range s", *(["ours is ×"] if compares else [])]
    rows = []
    for scenario in scenarios:
        medians = scenario["median"]
        walls = [run["wall_s"] for run in scenario["runs"]]
        row = [scenario["title"], *([scenario["who"]] if compares else []), str(len(walls))]
        row += [number(medians[name]) if name in medians else "" for name, _ in columns]
        row.append(f"{number(min(walls))}–{number(max(walls))}")
        if compares:
            row.append(number(by_title[scenario["title"]] / medians["wall_s"]))
        rows.append(row)
    return headings, rows


def print_goal(goal: dict[str, Any]) -> None:
    """Show a goal on standard output."""
    headings, rows = table(goal)
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    print(f"\n{goal['title']}")
    for row in (headings, *rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
    for line in verdict_lines(goal["verdicts"]):
        print(f"  {line}")
