"""A log of runs as syncs would have left it, and what must remain of it, worked out anew here."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from cohort_tracker.raw.schema import Row
from cohort_tracker.raw.store import RawStore

SOURCE = "openclass"


def logged(class_id: str, at: datetime, number: int, **columns: Any) -> list[Row]:
    """A run of a class and its pages; what is not given is that of a run that found nothing new."""
    key = {"run_id": f"{at:%Y%m%dT%H%M%SZ}-{number:06x}", "source": SOURCE, "class_id": class_id}
    run: dict[str, Any] = {
        **{"started_at": at, "finished_at": at, "mode": "incremental", "status": "ok"},
        **{"is_quick": False, "is_described": False, "verified": True, "timezone": "UTC"},
        **{"pages": 1, "fetched": 9, "new": 0, "changed": 0, "removed": 0, "rejected": 0},
        **{"reported_total": 9, "stored_total": 9, "page_size": 200, "newest_completed_at": at},
        **columns,
    }
    pages: list[Row] = [
        (
            "sync_pages",
            key | {"seq": seq + 1, "page": seq, "records_processed": 9, "synced_at": at},
        )
        for seq in range(run["pages"])
    ]
    return [*pages, ("sync_runs", key | run)]


def every_hour(classes: Iterable[str], end: datetime, runs: int) -> Iterator[Row]:
    """Runs of all classes, an hour apart, the last one an hour before `end`."""
    names = list(classes)
    for number in range(runs):
        at = end - timedelta(hours=runs - number)
        first = {"mode": "full", "new": 9} if number == 0 else {}
        described = {"is_described": number % 24 == 0, "is_quick": number % 20 != 0}
        for class_id in names:
            yield from logged(class_id, at, number, **{**described, **first})


def at_random(seed: int, end: datetime, *, days: int = 30, classes: int = 9) -> list[Row]:
    """Runs of all kinds, whatever may come of them, some days without any; also failing classes."""
    chance = random.Random(seed)
    rows: list[Row] = []
    number = 0
    for day in range(days, -1, -1):
        for hour in sorted(chance.sample(range(24), chance.randrange(0, 16))):
            at = end - timedelta(days=day, hours=23 - hour)
            number += 1
            for room in range(classes):
                share = 0.1 if room % 3 else 0.95  # a third of the classes fails nearly always
                rows += logged(f"c{room}", at, number, **_of_a_run(chance, share))
    return rows


def _of_a_run(chance: random.Random, failing: float) -> dict[str, Any]:
    how: dict[str, Any] = {
        "mode": chance.choice(["full", *["incremental"] * 9]),
        "is_quick": chance.random() < 0.7,
        "is_described": chance.random() < 0.1,
    }
    if chance.random() < failing:
        pages = chance.choice([0, 0, 0, 1, 2])
        how |= {"status": "failed", "pages": pages, "fetched": 9 * pages * chance.choice([0, 1])}
    elif chance.random() < 0.05:
        how["status"] = "unverified"
    if chance.random() < 0.15 and how.get("pages", 1):
        how[chance.choice(["new", "changed", "removed", "rejected"])] = 1
    return how


def write_log(path: Path, rows: Iterable[Row]) -> RawStore:
    """Append rows of the log to a store, in its layout."""
    store = RawStore(path)
    store.lay_out()
    store.append_log(list(rows))
    return store


def stored_log(path: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All runs, and all pages, with their `rowid`, as they were stored."""
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        runs, pages = (
            [dict(row) for row in db.execute(f"SELECT rowid, * FROM {table} ORDER BY rowid")]
            for table in ("sync_runs", "sync_pages")
        )
    return runs, pages


def key_of(row: dict[str, Any]) -> tuple[str, str, str]:
    """The run that a row of the log is about."""
    return row["run_id"], row["source"], row["class_id"]


def what_stays(
    runs: list[dict[str, Any]], young_from: str, others: Iterable[tuple[str, str, str]] = ()
) -> set[tuple[str, str, str]]:
    """The runs of which the definition says that they stay. `others`: what stored something."""
    stays = {key_of(run) for run in runs if run["finished_at"] >= young_from} | set(others)
    of_class: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        of_class.setdefault(run["class_id"], []).append(run)
    for log in of_class.values():
        stays |= {key_of(run) for run in log[-2:]}
        for _, day in groupby(log, key=lambda run: run["finished_at"][:10]):
            stays.add(key_of(list(day)[-1]))
        newest: dict[tuple[Any, ...], dict[str, Any]] = {}
        for run in log:
            if any(run[name] for name in ("new", "changed", "removed", "rejected")):
                stays.add(key_of(run))
            for told in ("", "pages", "fetched"):
                if told == "fetched" and run["rejected"]:
                    continue
                if not told or run[told]:
                    kind = ("status", "mode", "is_quick", "is_described")
                    newest[(told, *(run[name] for name in kind))] = run
        stays |= {key_of(run) for run in newest.values()}
    return stays


def day(moment: datetime) -> str:
    """The day of a moment, in UTC, as the log has it."""
    return moment.astimezone(UTC).date().isoformat()
