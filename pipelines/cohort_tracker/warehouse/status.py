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
from ..raw.backup import list_backups, taken_at
from ..raw.class_states import ClassState, is_retired
from ..raw.global_id import global_id
from ..raw.run_log import ClassKey
from ..raw.store import RawStore
from ..runtime.lock import interrupted_run
from ..thresholds import changed_thresholds, thresholds_in_force
from .fingerprint import FailedBuild, failed_build, noted_file_problems, tables_confirmed_at
from .postgres.note import PublishedCopy, published_copy
from .published import change_log
from .query import DAMAGE_HINT, query
from .roster import RosterStatus, read_roster_status


@dataclass(frozen=True)
class ClassStatus:
    """What is known of one class. Counts are None before the first build.

    `unlisted_since`: when the account listed it no longer; `is_retired`: nothing is asked of it.
    """

    id: str
    source: str
    friendly_id: str | None
    name: str | None
    students: int | None
    assignments: int | None
    progressions: int | None
    last_sync_at: datetime | None
    last_status: str | None
    last_error: str | None
    rejected: int
    unlisted_since: datetime | None
    is_retired: bool


@dataclass(frozen=True)
class Backups:
    """The backups of the raw store: how many there are, and the newest with its time."""

    count: int = 0
    newest: Path | None = None
    taken_at: datetime | None = None


@dataclass(frozen=True)
class Status:
    """What `status` shows; times aware, UTC. Counts are None before the first build.

    `tables_at`: when the tables were last known to be those of what is stored, by a build or by a
    sync that had nothing to change; None while there are none. `changed_thresholds`: those of the
    settings that are not the defaults. `pending_migrations`: what the next sync will change in a
    raw store of an older version, by name. `postgres`: the copy of the tables in the database that
    the settings name; None where they name none. `file_problems`: lines of the mentors and schedule
    files that did not count at the last build, in words.
    """

    config_path: Path | None = None
    data_dir: Path | None = None
    students: int | None = None
    assignments: int | None = None
    progressions: int | None = None
    last_sync_at: datetime | None = None
    tables_at: datetime | None = None
    failed_build: FailedBuild | None = None
    stale: bool | None = None
    interrupted_at: str | None = None
    changed_thresholds: Mapping[str, Any] = field(default_factory=dict)
    pending_migrations: list[str] = field(default_factory=list)
    backups: Backups = field(default_factory=Backups)
    roster: RosterStatus = field(default_factory=RosterStatus)
    postgres: PublishedCopy | None = None
    file_problems: list[str] = field(default_factory=list)
    classes: list[ClassStatus] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The object that `status --json` prints."""
        return {
            "config_path": str(self.config_path) if self.config_path else None,
            "data_dir": str(self.data_dir) if self.data_dir else None,
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
            "pending_migrations": self.pending_migrations,
            "backups": {
                "count": self.backups.count,
                "newest": str(self.backups.newest) if self.backups.newest else None,
                "taken_at": _iso(self.backups.taken_at),
            },
            "roster": self.roster.as_json(),
            "postgres": self.postgres.as_json() if self.postgres else None,
            "file_problems": self.file_problems,
            "classes": [
                {
                    "id": item.id,
                    "source": item.source,
                    "friendly_id": item.friendly_id,
                    "name": item.name,
                    "students": item.students,
                    "assignments": item.assignments,
                    "progressions": item.progressions,
                    "last_sync_at": _iso(item.last_sync_at),
                    "last_status": item.last_status,
                    "last_error": item.last_error,
                    "rejected": item.rejected,
                    "unlisted_since": _iso(item.unlisted_since),
                    "is_retired": item.is_retired,
                }
                for item in self.classes
            ],
        }


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
        classes.id, classes.source, classes.friendly_id, classes.name,
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
    totals: tuple[int | None, int | None, int | None] = (None, None, None)
    counts: dict[str, tuple[Any, ...]] = {}
    if settings.warehouse_path.exists():
        if change_log(settings.warehouse_path).exists():
            raise StoreError(
                f"{change_log(settings.warehouse_path)} is there: another program wrote into the"
                " tables",
                "Run `cohort-tracker sync`: it sets that file aside and builds the tables anew"
                " where they were changed.",
            )
        _require_whole(settings.warehouse_path)
        totals = query(settings.warehouse_path, _TOTALS)[0]
        counts = {row[0]: row for row in query(settings.warehouse_path, _CLASS_COUNTS)}
    classes = _classes(settings, store, counts, now)
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
        pending_migrations=store.pending_migrations(),
        backups=_backups(settings),
        roster=read_roster_status(settings),
        postgres=published_copy(settings),
        file_problems=noted_file_problems(settings),
        classes=classes,
    )


def _classes(
    settings: Settings, store: RawStore, counts: dict[str, tuple[Any, ...]], now: datetime
) -> list[ClassStatus]:
    """Every class of the tables, then those of which nothing is there yet."""
    runs, described, states = store.last_runs(), store.class_versions(), store.class_states()
    keys: dict[str, ClassKey] = {global_id(*key): key for key in (*described, *runs)}
    found = []
    for id_ in [*counts, *(id_ for key in runs if (id_ := global_id(*key)) not in counts)]:
        row = counts.get(id_, (id_, None, None, None, None, None, None))
        key = keys.get(id_, (row[1] or settings.source, id_))
        run, version = runs.get(key, {}), described.get(key)
        friendly_id = row[2] or (version.friendly_id if version else None)
        state = states.get(key, ClassState())
        if id_ not in counts and run["last_ok_at"] is None and key[1] not in settings.class_ids:
            continue  # never read, and nobody asks for it any more: a mistyped id, say
        found.append(
            ClassStatus(
                id=id_,
                source=key[0],
                friendly_id=friendly_id,
                name=row[3] or (version.name if version else None),
                students=row[4],
                assignments=row[5],
                progressions=row[6],
                last_sync_at=run.get("last_ok_at"),
                last_status=run.get("status"),
                last_error=run.get("error"),
                rejected=run.get("rejected", 0),
                unlisted_since=state.unlisted_since,
                is_retired=is_retired(state, (key[1], friendly_id), settings.retired_classes, now),
            )
        )
    return found


def _backups(settings: Settings) -> Backups:
    found = list_backups(settings.backup_path)
    return Backups(len(found), found[0], taken_at(found[0])) if found else Backups()


def _require_whole(warehouse: Path) -> None:
    """Raise StoreError when the file is shorter than it says: a cut need not hit what is read."""
    [(block_size, blocks)] = query(
        warehouse,
        "SELECT block_size, total_blocks FROM pragma_database_size()"
        " WHERE database_name = current_database()",
    )
    if warehouse.stat().st_size < _HEADER_BYTES + block_size * blocks:
        raise StoreError(f"{warehouse}: the end of the file is missing", DAMAGE_HINT)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None
