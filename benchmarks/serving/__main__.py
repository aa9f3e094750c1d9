"""`python -m benchmarks.serving`: measure `serve` under load, print a table, write JSON.

It needs `hey`. Everything is on loopback, on the invented class of `cohort-tracker demo`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from ..environment import ROOT, clean_environment
from ..machine import machine, versions
from .document import AT_LEAST, ROWS
from .hey import Burst, burst, find_hey, pages, summed
from .load import files_under_load, silent_connections
from .server import Site, made_in

_LIMITS = {
    "errors": 0,
    "p95_ms": 100.0,
    "ratio_304": 5.0,
    "peak_rss_mb": 250.0,
    "growth_mb": 15.0,
    "start_s": 1.5,
}


def main() -> int:
    """Run it; 1 where an answer was wrong, 0 otherwise, whether limits were met or not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="over all files")
    parser.add_argument("--files", type=int, default=50, help="published one after the other")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5, help="of what is compared")
    parser.add_argument(
        "--burst", type=int, default=600, help="answers in a round; 304: five times"
    )
    parser.add_argument("--work", type=Path, help="a directory with room for the data")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks/serving/results.json")
    given = parser.parse_args()
    find_hey()
    found: dict[str, Any] = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "versions": versions(None)["ours"],
        "requests": given.requests,
        "files": given.files,
        "clients": given.clients,
    }
    with tempfile.TemporaryDirectory(prefix="serving-", dir=given.work) as work:
        site = made_in(Path(work))
        found["start_s"] = round(_start(site, given.rounds), 2)
        found |= _compared(site, given.rounds, given.clients, given.burst)
        with site.serving() as running:
            found["files_under_load"] = files_under_load(
                site, running, given.requests, given.files, given.clients
            )
        with site.serving() as running:
            found["silent"] = silent_connections(site, running, given.clients)
    found["load_at_end"] = round(os.getloadavg()[0], 2)
    found["verdicts"] = _verdicts(found)
    given.results.parent.mkdir(parents=True, exist_ok=True)
    given.results.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    _print(found)
    return 1 if _errors(found) else 0


def _start(site: Site, rounds: int) -> float:
    """From the command to the first answer, the median."""
    taken = []
    for _ in range(rounds):
        with site.serving() as running:
            taken.append(running.started_in)
    return median(taken)


def _compared(site: Site, rounds: int, clients: int, size: int) -> dict[str, Any]:
    """Answers, what the client has already, refusals and the peer, in turn in the same minutes."""
    told: dict[str, list[Burst]] = {"answers": [], "known": [], "refused": [], "pages": []}
    peers = []
    with site.serving() as running, site.serving(requests_per_minute=1) as strict:
        tag = site.ask(running).headers["ETag"]
        cookie = site.logged_in(running)
        burst(site, strict, clients, clients)
        for _ in range(rounds):
            told["answers"].append(burst(site, running, size, clients))
            told["known"].append(burst(site, running, 5 * size, clients, known=tag))
            told["refused"].append(burst(site, strict, 5 * size, clients))
            told["pages"].append(pages(running, size, clients, cookie=cookie))
            peers.append(_peer(site, clients, size))
    found: dict[str, Any] = {name: summed(bursts) for name, bursts in told.items()}
    found["peer"] = {key: round(median(p[key] for p in peers), 1) for key in peers[0]}
    found["ratio_304"] = round(found["known"]["per_s"] / found["answers"]["per_s"], 1)
    return found


def _peer(site: Site, clients: int, size: int) -> dict[str, float]:
    command = [sys.executable, str(Path(__file__).with_name("peer.py"))]
    done = subprocess.run(
        [*command, str(site.warehouse), site.class_id, str(size), str(clients)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _errors(found: dict[str, Any]) -> int:
    return sum(found[part].get("errors", 0) for part in ROWS)


def _verdicts(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    under = found["files_under_load"]
    values = {
        "errors": _errors(found),
        "p95_ms": found["answers"]["p95_ms"],
        "ratio_304": found["ratio_304"],
        "peak_rss_mb": under["peak_rss_mb"],
        "growth_mb": under["growth_mb"],
        "start_s": found["start_s"],
    }
    return {
        name: {
            "value": value,
            "limit": _LIMITS[name],
            "met": value >= _LIMITS[name] if name in AT_LEAST else value <= _LIMITS[name],
        }
        for name, value in values.items()
    }


def _print(found: dict[str, Any]) -> None:
    print(f"{'':18}{'per s':>8}{'half ms':>9}{'95 % ms':>9}{'errors':>8}")
    for name in ROWS:
        row = found[name]
        print(
            f"{name:18}{row['per_s']:>8}{row['half_ms']:>9}{row['p95_ms']:>9}"
            f"{row.get('errors', '-'):>8}"
        )
    print()
    for name, verdict in found["verdicts"].items():
        print(
            f"{name:18}{verdict['value']:>8}  {'met' if verdict['met'] else 'MISSED'}"
            f" (limit {verdict['limit']})"
        )
    under = found["files_under_load"]
    print(
        f"memory, MB, by tenths of the run: {', '.join(map(str, under['rss_mb']))};"
        f" open files of the tables: {under['open_files']}"
    )


if __name__ == "__main__":
    sys.exit(main())
