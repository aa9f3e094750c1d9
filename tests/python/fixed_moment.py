"""Invented cohorts read at a moment of their own, so that the tables are the same on every day.

A sync is by the clock. A cohort that ends today has other lives in it at each second, and another
running week on each day: what a test finds there is luck. So a cohort ends at `MOMENT`, and what
the raw store says of the clock is moved there before the tables are built.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cohort_tracker.config import Settings
from cohort_tracker.raw.schema import RAW_TABLES
from cohort_tracker.raw.store import RawStore
from cohort_tracker.runtime.lock import sync_lock
from cohort_tracker.sync import rebuild, run_sync

MOMENT = datetime(2026, 3, 25, 16, tzinfo=UTC)
"""A Wednesday, at noon in New York, where the invented school is."""

OF_ANY_AGE: dict[str, Any] = {"stale_after_hours": 87_600, "log_days": 0}
"""Settings with which what was read long ago is neither told to be old nor shortened."""


def read_for(settings: Settings, moment: datetime, *, full: bool = False) -> None:
    """Sync without a build, and let the store say that it was at `moment`."""
    began = datetime.now(UTC)
    report = run_sync(settings, full=full, build=False)
    assert report.exit_code == 0, report.errors
    _move(settings.raw_path, began, moment)


def build(settings: Settings) -> None:
    """Build the tables from what is stored, and publish them."""
    with sync_lock(settings.data_dir, "build"):
        report = rebuild(settings, RawStore(settings.raw_path))
    assert report.exit_code == 0, report.errors


def _move(raw: Path, began: datetime, moment: datetime) -> None:
    """Move every time from `began` on, as if `began` had been `moment`."""
    since = began.replace(tzinfo=None)
    shift = moment - began

    def moved(text: str | None) -> str | None:
        if text is None or datetime.fromisoformat(text) < since:
            return text
        return (datetime.fromisoformat(text) + shift).isoformat(" ", timespec="microseconds")

    with closing(sqlite3.connect(raw)) as db, db:
        db.create_function("moved", 1, moved)
        for table, columns in RAW_TABLES.items():
            for name in (column.name for column in columns if column.type == "timestamp"):
                db.execute(f'UPDATE "{table}" SET "{name}" = moved("{name}")')
