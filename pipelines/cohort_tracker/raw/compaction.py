"""Making the old part of the log of runs short, a bounded bit in each sync.

Of days long over, a class keeps the last run, and every run that stored, removed or rejected
anything. It always keeps its last two runs, by which troubles are told, and the newest run of each
kind, by which the next one knows what was proven. All stay with their pages.
A day is one of UTC: neither a setting nor another time zone makes it another one.

What is deleted leaves room that the next rows take. No row gets another number, and the newest of
either table is never deleted, so no number is ever given twice.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

from .store import RawStore

RUNS_PER_STEP = 2_000
"""So many runs are looked at in one transaction: it holds the file for less than a reader waits."""

STEPS_PER_SYNC = 5

_DOOMED = """
    CREATE TEMP TABLE doomed (run INTEGER PRIMARY KEY, run_id TEXT, source TEXT, class_id TEXT)
"""

# The next run of the class is of the same day and not its last, and one of the same kind is newer.
_DOOM = """
    INSERT INTO doomed
    SELECT run.rowid, run.run_id, run.source, run.class_id
    FROM sync_runs AS run
    WHERE run.rowid BETWEEN :first AND :last
      AND run.new + run.changed + run.removed + run.rejected = 0
      AND (substr(run.finished_at, 1, 10), 1) = (
          SELECT substr(later.finished_at, 1, 10), later.run_id <> run.run_id
          FROM sync_runs AS later
          WHERE later.source = run.source AND later.class_id = run.class_id
            AND later.rowid > run.rowid
          ORDER BY later.rowid LIMIT 1
      )
      AND 2 = (
          SELECT count(*) FROM (
              SELECT 1 FROM sync_runs AS later
              WHERE later.source = run.source AND later.class_id = run.class_id
                AND later.rowid > run.rowid
              LIMIT 2
          )
      )
      AND EXISTS (
          SELECT 1 FROM sync_runs AS later
          WHERE later.source = run.source AND later.class_id = run.class_id
            AND later.status = run.status AND later.mode = run.mode
            AND later.is_quick = run.is_quick AND later.is_described = run.is_described
            AND later.rowid > run.rowid
            AND (run.pages = 0 OR later.pages > 0)
            AND (run.fetched = 0 OR (later.fetched > 0 AND later.rejected = 0))
      )
      AND (run.run_id, run.source, run.class_id) NOT IN (
          SELECT run_id, source, class_id FROM classes
          UNION ALL SELECT run_id, source, class_id FROM class_states
      )
"""

# What came unreadable and is readable again as it was is stored, but counts as no change.
_SPARE_RECOVERIES = """
    DELETE FROM doomed WHERE (run_id, source, class_id) IN (
        SELECT version.run_id, version.source, version.class_id
        FROM (
            SELECT DISTINCT source, class_id FROM doomed WHERE EXISTS (
                SELECT 1 FROM rejected_records AS rejected
                WHERE rejected.source = doomed.source AND rejected.class_id = doomed.class_id
            )
        ) AS class
        CROSS JOIN progressions AS version
            ON version.source = class.source AND version.class_id = class.class_id
    )
"""

_DELETE_PAGES = """
    DELETE FROM sync_pages WHERE run_id = ?1
    AND (source, class_id) IN (SELECT source, class_id FROM doomed WHERE run_id = ?1)
"""


class Stretch(NamedTuple):
    """Runs that were stored one after the other, by the numbers of the first and the last."""

    first: int
    last: int


def compact_log(store: RawStore, *, days: int, now: datetime) -> int:
    """Delete runs, with their pages, that are more than so many days old and tell nothing.

    Each step is one transaction: if the process dies, it was done or it was not, and the next sync
    goes on from there. `now` is aware. Returns how many runs were deleted. Raises StoreError.
    """
    today = now.astimezone(UTC).date()
    young_from = (today - timedelta(days=days)).isoformat()
    not_yet = (today + timedelta(days=2)).isoformat()  # of a clock that was wrong
    deleted = 0
    with store.writing() as db:
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute(_DOOMED)
        for _ in range(STEPS_PER_SYNC):
            stretch = _next_stretch(db, young_from, not_yet)
            if stretch is None:
                break
            db.execute("BEGIN IMMEDIATE")
            deleted += _compact(db, stretch)
            db.execute("COMMIT")
    return deleted


def _next_stretch(db: sqlite3.Connection, young_from: str, not_yet: str) -> Stretch | None:
    """The runs to look at next, all of them old; None where there are none.

    Runs are looked at in the order in which they were stored, each once. Those that are dated in
    the future stay, and stop nothing.
    """
    (done,) = db.execute("SELECT coalesce(max(up_to), 0) FROM raw_compacted").fetchone()
    found = db.execute(
        "SELECT rowid FROM sync_runs WHERE rowid > ? AND finished_at < ? ORDER BY rowid LIMIT 1",
        (done, not_yet),
    ).fetchone()
    if found is None:
        return None
    rows = db.execute(
        "SELECT rowid, finished_at FROM sync_runs WHERE rowid >= ? ORDER BY rowid LIMIT ?",
        (*found, RUNS_PER_STEP),
    )
    old = [row for row, _ in takewhile(lambda run: run[1] < young_from, rows)]
    return Stretch(old[0], old[-1]) if old else None


def _compact(db: sqlite3.Connection, stretch: Stretch) -> int:
    """Compact a stretch of the log, and note that it was; returns how many runs were deleted."""
    db.execute("DELETE FROM doomed")
    db.execute(_DOOM, stretch._asdict())
    db.execute(_SPARE_RECOVERIES)
    run_ids = db.execute("SELECT DISTINCT run_id FROM doomed").fetchall()
    db.executemany(_DELETE_PAGES, run_ids)
    runs = db.execute("DELETE FROM sync_runs WHERE rowid IN (SELECT run FROM doomed)")
    db.execute("INSERT OR REPLACE INTO raw_compacted (one, up_to) VALUES (1, ?)", (stretch.last,))
    return runs.rowcount
