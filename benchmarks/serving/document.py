"""What `serve` costs, for the page of numbers, from the results alone."""

from __future__ import annotations

from typing import Any

ROWS = {
    "answers": "the health of every student of the class, as JSON",
    "known": "the same, when the client has it already (304)",
    "refused": "the same, asked for too often (429)",
    "peer": "the same rows by bare DuckDB and JSON in one process, without a server",
    "pages": "the page of the class, as a browser gets it",
    "files_under_load": "the answers again, while other tables are published",
    "silent": "the answers again, beside 200 connections that send nothing",
}
"""What was measured, in the order of the tables, and what it is."""

_CLAIMS = {
    "errors": ("wrong or missing answers", "answers"),
    "p95_ms": ("an answer, 95 of 100 within", "ms"),
    "ratio_304": ("304 against an answer, requests/s", "×"),
    "peak_rss_mb": ("memory of the server at most", "MB"),
    "growth_mb": ("memory at the end against the second tenth", "MB"),
    "start_s": ("from the command to the first answer", "s"),
}
AT_LEAST = frozenset({"ratio_304"})
"""Limits that are lower ones; all others are upper ones."""


def verdicts(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The limits of the server in the form in which the other goals have theirs."""
    told = []
    for name, verdict in found["verdicts"].items():
        claim, unit = _CLAIMS[name]
        told.append(
            verdict | {"claim": f"serve: {claim}", "unit": unit, "at_least": name in AT_LEAST}
        )
    return told


def rows(found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the table."""
    headings = ["what", "requests/s", "half within ms", "95 % within ms", "errors"]
    told = []
    for name, what in ROWS.items():
        row = found[name]
        figures = [row["per_s"], row["half_ms"], row["p95_ms"], row.get("errors", "")]
        told.append([what, *map(str, figures)])
    return headings, told


def note(found: dict[str, Any]) -> str:
    """How that was measured."""
    under = found["files_under_load"]
    return (
        f"Taken on {found['date']} by `make bench-serve`, with hey: {found['clients']} clients at "
        "once, on the class of the demo, on the same machine. What is compared takes turns. "
        f"{found['files']} sets of tables were published during {under['requests']:,} requests; "
        f"the server held {min(under['rss_mb'])} to {max(under['rss_mb'])} MB meanwhile."
    )
