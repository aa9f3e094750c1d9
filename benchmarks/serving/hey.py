"""Bursts of requests by `hey`, and what its lines tell."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from .server import HEALTH, PAGE, Running, Site


@dataclass(frozen=True)
class Burst:
    """What came of some requests: seconds of each answer, how many were wrong, how long in all."""

    seconds: tuple[float, ...]
    errors: int
    took: float


def find_hey() -> str:
    """Where `hey` is. Ends the program where it is not."""
    found = shutil.which("hey")
    if found is None:
        sys.exit("This needs hey: https://github.com/rakyll/hey, `apt install hey`.")
    return found


def burst(site: Site, running: Running, requests: int, clients: int, *, known: str = "") -> Burst:
    """The health of the class, asked for so many times; `known`: the tag that the client has.

    hey leaves a rest out, so each client must have as many requests as the others.
    """
    headers = {"Authorization": f"Bearer {site.key}"} | ({"If-None-Match": known} if known else {})
    return _burst(running, HEALTH, headers, requests, clients)


def pages(running: Running, requests: int, clients: int, *, cookie: str) -> Burst:
    """The page of the class, as a browser that is logged in gets it."""
    return _burst(running, PAGE, {"Cookie": cookie}, requests, clients)


def _burst(
    running: Running, path: str, headers: dict[str, str], requests: int, clients: int
) -> Burst:
    many = ["-n", str(requests), "-c", str(clients), "-o", "csv"]
    sent = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    began = time.monotonic()
    done = subprocess.run(
        [find_hey(), *many, *sent, running.url + path], capture_output=True, text=True, check=True
    )
    # Of refusals one is an answer now and then: a token comes back.
    expected = (
        {"304"} if "If-None-Match" in headers else {"429", "200"} if running.is_strict else {"200"}
    )
    return read(done.stdout, requests, time.monotonic() - began, expected)


def read(lines: str, requests: int, took: float, expected: set[str]) -> Burst:
    """The lines of hey: one for each request that was answered at all."""
    rows = list(csv.DictReader(lines.splitlines()))
    right = [float(row["response-time"]) for row in rows if row["status-code"] in expected]
    return Burst(tuple(right), requests - len(right), took)


def summed(bursts: Sequence[Burst]) -> dict[str, Any]:
    """The figures of several bursts; requests a second of the one in the middle."""
    seconds = [second for one in bursts for second in one.seconds]
    return {
        "per_s": round(median(len(one.seconds) / one.took for one in bursts)),
        "half_ms": round(1000 * median(seconds), 1),
        "p95_ms": round(1000 * quantiles(seconds, n=20)[-1], 1),
        "errors": sum(one.errors for one in bursts),
    }
