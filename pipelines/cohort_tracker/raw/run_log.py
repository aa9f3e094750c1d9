"""What the log of runs says of a class: found by index, however long the log is.

Functions of a connection to a raw store that has the table `sync_runs`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any, NamedTuple

from .migrations import FIRST_SOURCE, columns_of

ClassKey = tuple[str, str]
"""A source and the id that a class has there."""

STATUSES = ("ok", "unverified", "failed")
MODES = ("full", "incremental")

_KINDS = ", ".join(
    f"('{status}', '{mode}', {is_quick}, {is_described})"
    for status, mode, is_quick, is_described in product(STATUSES, MODES, (0, 1), (0, 1))
)
# A shortcut counts runs for twenty hours; so many can hardly be in them.
_MOST_COUNTED = 10_000


class LoggedRun(NamedTuple):
    """A run of a class, as far as a later one depends on it; `row` grows with each run stored."""

    row: int
    status: str
    mode: str
    is_quick: bool
    is_described: bool
    finished_at: datetime | None
    newest_completed_at: datetime | None
    reported_total: int | None
    stored_total: int


def as_moment(text: str | None) -> datetime | None:
    """A stored UTC time as an aware datetime."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def source_column(db: sqlite3.Connection, table: str) -> str:
    """The column that says where a row came from, or what stands for it in an older file."""
    return "source" if "source" in columns_of(db, table) else f"'{FIRST_SOURCE}'"


def logged_classes(db: sqlite3.Connection) -> Iterator[ClassKey]:
    """Every class of which a run is logged: from each straight to the next one."""
    source = source_column(db, "sync_runs")
    key: ClassKey = ("", "")
    while key := db.execute(
        f"SELECT {source}, class_id FROM sync_runs WHERE ({source}, class_id) > (?, ?)"  # noqa: S608
        f" ORDER BY {source}, class_id LIMIT 1",
        key,
    ).fetchone():
        yield key


def newest_of_each_kind(db: sqlite3.Connection, key: ClassKey) -> list[LoggedRun]:
    """The newest run of a class of each status, mode, quick or not, described or not; in order.

    Whatever a run depends on is the newest one of some of these kinds.
    """
    source = source_column(db, "sync_runs")
    rows = db.execute(
        f"WITH kinds (status, mode, is_quick, is_described) AS (VALUES {_KINDS})"  # noqa: S608
        " SELECT run.rowid, run.status, run.mode, run.is_quick, run.is_described, run.finished_at,"
        " run.newest_completed_at, run.reported_total, run.stored_total"
        " FROM kinds CROSS JOIN sync_runs AS run ON run.rowid = (SELECT max(rowid) FROM sync_runs"
        f" WHERE {source} = ? AND class_id = ? AND status = kinds.status AND mode = kinds.mode"
        " AND is_quick = kinds.is_quick AND is_described = kinds.is_described)"
        " ORDER BY run.rowid",
        key,
    )
    return [
        LoggedRun(
            row,
            status,
            mode,
            bool(is_quick),
            bool(is_described),
            as_moment(finished),
            as_moment(newest),
            *totals,
        )
        for row, status, mode, is_quick, is_described, finished, newest, *totals in rows
    ]


def newest(
    runs: list[LoggedRun], is_meant: Callable[[LoggedRun], bool] = lambda _run: True
) -> LoggedRun | None:
    """The newest of the runs that are meant."""
    return next(filter(is_meant, reversed(runs)), None)


def is_ok(run: LoggedRun) -> bool:
    """Whether the run read the class to its end and proved it."""
    return run.status == "ok"


def was_read(run: LoggedRun) -> bool:
    """Whether the run read the class to its end."""
    return run.status != "failed"


def count_after(db: sqlite3.Connection, key: ClassKey, row: int) -> int:
    """How many runs of a class were stored after that one; of very many, not all are counted."""
    source = source_column(db, "sync_runs")
    found: int = db.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM sync_runs WHERE {source} = ? AND class_id = ?"  # noqa: S608
        " AND rowid > ? LIMIT ?)",
        (*key, row, _MOST_COUNTED),
    ).fetchone()[0]
    return found


def last_run(db: sqlite3.Connection, runs: list[LoggedRun]) -> dict[str, Any]:
    """All columns of the newest of the runs, which are not none, and `last_ok_at`; times aware."""
    cursor = db.execute("SELECT * FROM sync_runs WHERE rowid = ?", (runs[-1].row,))
    names = [column[0] for column in cursor.description]
    columns = dict(zip(names, cursor.fetchone(), strict=True))
    last_ok = newest(runs, is_ok)
    return {
        **columns,
        "started_at": as_moment(columns["started_at"]),
        "finished_at": as_moment(columns["finished_at"]),
        "last_ok_at": last_ok.finished_at if last_ok else None,
    }


def runs_back(db: sqlite3.Connection, key: ClassKey) -> Iterator[dict[str, Any]]:
    """Runs of a class, the newest first, as far back as they are asked for; times aware."""
    source = source_column(db, "sync_runs")
    names = ("run_id", "finished_at", "status", "error", "fetched", "rejected")
    for row in db.execute(
        f"SELECT {', '.join(names)} FROM sync_runs WHERE {source} = ? AND class_id = ?"  # noqa: S608
        " ORDER BY rowid DESC",
        key,
    ):
        run = dict(zip(names, row, strict=True))
        yield {**run, "finished_at": as_moment(run["finished_at"])}
