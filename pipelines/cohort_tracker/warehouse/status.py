"""Questions to the published warehouse and to the run log: what `status` shows.

Imports neither dlt nor dbt: it must answer at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..config import Settings
from ..errors import StoreError
from ..raw.store import RawStore
from ..runtime.lock import interrupted_run
from ..thresholds import changed_thresholds, thresholds_in_force
from .fingerprint import FailedBuild, failed_build, noted_file_problems, tables_confirmed_at


@dataclass(frozen=True)
class ClassStatus:
    """What is known of one class. Counts are None before the first build."""

    id: str
    friendly_id: str | None
    name: str | None
    students: int | None
    assignments: int | None
    progressions: int | None
    last_sync_at: datetime | None
    last_status: str | None
    last_error: str | None
    rejected: int


@dataclass(frozen=True)
class Status:
    """What `status` shows; times aware, UTC. Counts are None before the first build.

    `tables_at`: when the tables were last known to be those of what is stored, by a build or by a
    sync that had nothing to change; None while there are none. `changed_thresholds`: those of the
    settings that are not the defaults. `file_problems`: lines of files that did not count at the
    last build, in words.
    """

    config_path: Path | None
    data_dir: Path
    students: int | None
    assignments: int | None
    progressions: int | None
    last_sync_at: datetime | None
    tables_at: datetime | None
    failed_build: FailedBuild | None
    stale: bool
    interrupted_at: str | None
    changed_thresholds: Mapping[str, Any]
    file_problems: list[str]
    classes: list[ClassStatus] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The object that `status --json` prints."""
        return {
            "config_path": str(self.config_path) if self.config_path else None,
            "data_dir": str(self.data_dir),
            "students": self.students,
            "assignments": self.assignments,
            "progressions": self.progressions,
            "last_sync_at": _iso(self.last_sync_at),
            "tables_at": _iso(self.tables_at),
            "failed_build": {
                "since": _iso(self.failed_build.since),
                "last_at": _iso(self.failed_build.last_at),
                "reason": self.failed_build.reason,
            }
            if self.failed_build
            else None,
            "stale": self.stale,
            "interrupted_at": self.interrupted_at,
            "thresholds": thresholds_in_force(self.changed_thresholds),
            "changed_thresholds": sorted(self.changed_thresholds),
            "file_problems": self.file_problems,
            "classes": [
                {
                    "id": item.id,
                    "friendly_id": item.friendly_id,
                    "name": item.name,
                    "students": item.students,
                    "assignments": item.assignments,
                    "progressions": item.progressions,
                    "last_sync_at": _iso(item.last_sync_at),
                    "last_status": item.last_status,
                    "last_error": item.last_error,
                    "rejected": item.rejected,
                }
                for item in self.classes
            ],
        }


_DAMAGE_HINT = "Run `cohort-tracker sync`: it sets a damaged file aside and builds a new one."
_HEADER_BYTES = 3 * 4096
"""What stands before the blocks of a DuckDB file."""

_CLASS_COUNTS = """
    with
    student_counts as (
        select class_id, count(*) as students from core.enrollments
        where has_started group by class_id
    ),
    assignment_counts as (
        select class_id, count(*) as assignments from core.curriculum group by class_id
    ),
    progression_counts as (
        select class_id, count(*) as progressions from core.progressions group by class_id
    )
    select
        classes.id, classes.friendly_id, classes.name,
        coalesce(students, 0), coalesce(assignments, 0), coalesce(progressions, 0)
    from core.classes
    left join student_counts on classes.id = student_counts.class_id
    left join assignment_counts on classes.id = assignment_counts.class_id
    left join progression_counts on classes.id = progression_counts.class_id
    order by classes.name, classes.id
"""
_TOTALS = """
    select
        (select count(distinct student_id) from core.enrollments where has_started),
        (select count(*) from core.assignments),
        (select count(*) from core.progressions)
"""


def read_status(settings: Settings, *, now: datetime | None = None) -> Status:
    """What is stored, how fresh it is, and what failed last. Raises StoreError."""
    now = now or datetime.now(UTC)
    store = RawStore(settings.raw_path)
    store.check()
    runs = store.last_runs()
    described = store.class_versions()
    totals: tuple[int | None, int | None, int | None] = (None, None, None)
    counts: dict[str, tuple[Any, ...]] = {}
    if settings.warehouse_path.exists():
        _require_whole(settings.warehouse_path)
        total_rows = query(settings.warehouse_path, _TOTALS)
        totals = total_rows[0]
        counts = {row[0]: row for row in query(settings.warehouse_path, _CLASS_COUNTS)}
    classes = []
    for class_id in [*counts, *(key for key in runs if key not in counts)]:
        if class_id not in counts and _is_of_the_past(settings, runs[class_id]):
            continue
        run = runs.get(class_id, {})
        version = described.get(class_id)
        row = counts.get(class_id, (class_id, None, None, None, None, None))
        classes.append(
            ClassStatus(
                id=class_id,
                friendly_id=row[1] or (version.friendly_id if version else None),
                name=row[2] or (version.name if version else None),
                students=row[3],
                assignments=row[4],
                progressions=row[5],
                last_sync_at=run.get("last_ok_at"),
                last_status=run.get("status"),
                last_error=run.get("error"),
                rejected=run.get("rejected", 0),
            )
        )
    synced = [item.last_sync_at for item in classes if item.last_sync_at is not None]
    last_sync_at = max(synced, default=None)
    limit = timedelta(hours=settings.stale_after_hours)
    interrupted = interrupted_run(settings.data_dir)
    return Status(
        config_path=settings.config_path,
        data_dir=settings.data_dir,
        students=totals[0],
        assignments=totals[1],
        progressions=totals[2],
        last_sync_at=last_sync_at,
        tables_at=tables_confirmed_at(settings),
        failed_build=failed_build(settings),
        stale=last_sync_at is None or now - last_sync_at > limit,
        interrupted_at=interrupted.get("started_at") if interrupted else None,
        changed_thresholds=changed_thresholds(settings.dbt_vars),
        file_problems=noted_file_problems(settings),
        classes=classes,
    )


def _is_of_the_past(settings: Settings, run: dict[str, Any]) -> bool:
    """Whether a class was never read and nobody asks for it any more: a mistyped id, say."""
    return run["last_ok_at"] is None and run["class_id"] not in settings.class_ids


def _require_whole(warehouse: Path) -> None:
    """Raise StoreError when the file is shorter than it says: a cut need not hit what is read."""
    [(block_size, blocks)] = query(
        warehouse, "SELECT block_size, total_blocks FROM pragma_database_size()"
    )
    if warehouse.stat().st_size < _HEADER_BYTES + block_size * blocks:
        raise StoreError(f"{warehouse}: the end of the file is missing", _DAMAGE_HINT)


def query(warehouse: Path, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    """Run one read-only question against the published warehouse; raises StoreError."""
    import duckdb

    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            return connection.execute(sql, parameters or []).fetchall()
    except duckdb.Error as error:
        raise StoreError(f"{warehouse}: {str(error).splitlines()[0]}", _DAMAGE_HINT) from error


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
