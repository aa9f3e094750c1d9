"""One sync: lock, extract and load, build, publish."""

from __future__ import annotations

import os
import secrets
import shlex
import stat
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .access.backup import back_up_access
from .access.store import FILE_NAME, AccessStore
from .config import Settings
from .errors import (
    BuildError,
    CohortTrackerError,
    ConfigError,
    DamagedStoreError,
    StoreError,
)
from .project import project_dir
from .raw.aside import stores_aside
from .raw.backup import back_up, list_backups
from .raw.compaction import compact_log
from .raw.restore import clear_unfinished
from .raw.rewrite import memory_of
from .raw.store import RawStore
from .runtime.folders import clear
from .runtime.interruption import interruptible
from .runtime.lock import require_files, sync_lock
from .runtime.run_note import note_run
from .sources import connect

if TYPE_CHECKING:
    from .sources.api import Source
    from .sources.outcome import ClassOutcome, Observer
    from .warehouse.build import BuildReport, WarehouseBuild
    from .warehouse.postgres.run import Publication
    from .warehouse.roster import RosterStatus

TIMINGS = (
    *("import", "login", "classes", "pages", "load"),
    *("dbt_import", "parse", "build", "models", "tests", "publish", "postgres"),
)
_OTHER_DIR = "Name another folder: data_dir in the settings, or COHORT_TRACKER_DATA_DIR."


@dataclass
class SyncReport:
    """How a sync went, class by class and for the warehouse (None: no build was asked for).

    `publication` is what became of the tables in PostgreSQL, where the settings name a database.
    `roster` is what became of its lines, where there is one and it is in the tables. `backup` is
    the backup that was made; a `backup_error` does not make the sync a failed one.
    `timings` says where the time went, in seconds; what dbt does while pages are awaited is in
    none of them.
    """

    run_id: str
    duration_s: float = 0.0
    classes: list[ClassOutcome] = field(default_factory=list)
    warehouse: BuildReport | None = None
    error: CohortTrackerError | None = None
    publication: Publication | None = None
    publish_error: CohortTrackerError | None = None
    roster: RosterStatus | None = None
    damage: list[CohortTrackerError] = field(default_factory=list)
    backup: Path | None = None
    backup_error: CohortTrackerError | None = None
    timings: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TIMINGS, 0.0))

    @property
    def errors(self) -> list[CohortTrackerError]:
        """Everything that failed, each once, in the order it happened."""
        failed = [*self.damage]
        failed += [outcome.error for outcome in self.classes if outcome.error is not None]
        failed += [error for error in (self.error, self.publish_error) if error is not None]
        return list(dict.fromkeys(failed))

    @property
    def exit_code(self) -> int:
        """0 when all is well; the code that all failures share; else 1."""
        codes = {error.exit_code for error in self.errors}
        if len(codes) == 1:
            return codes.pop()
        return 1 if codes else 0

    def as_json(self) -> dict[str, Any]:
        """The object that `sync --json` prints."""
        build = self.warehouse
        return {
            "status": "ok" if self.exit_code == 0 else "failed",
            "run_id": self.run_id,
            "duration_s": round(self.duration_s, 3),
            "error": next(
                (e.message for e in (self.error, self.publish_error, *self.damage) if e), None
            ),
            "classes": [
                {
                    "class_id": outcome.info.class_id,
                    "friendly_id": outcome.info.friendly_id,
                    "status": outcome.status,
                    "mode": outcome.result.mode,
                    "pages": outcome.result.pages,
                    "fetched": outcome.result.fetched,
                    "new": outcome.result.new,
                    "changed": outcome.result.changed,
                    "removed": outcome.result.removed,
                    "rejected": outcome.result.rejected,
                    "reported_total": outcome.result.reported_total,
                    "stored_total": outcome.result.stored_total,
                    "verified": outcome.result.verified,
                    "error": outcome.error.message if outcome.error else None,
                }
                for outcome in self.classes
            ],
            "warehouse": {
                "published": build.published if build else False,
                "models": build.models if build else 0,
                "tests": build.tests if build else 0,
                "failures": build.failures if build else [],
                "skipped": build.skipped if build else None,
            },
            "postgres": {
                "build_id": self.publication.build_id if self.publication else None,
                "replaced": self.publication.is_new if self.publication else False,
                "error": self.publish_error.message if self.publish_error else None,
            },
            "roster": self.roster.as_json() if self.roster else None,
            "backup": {
                "path": str(self.backup) if self.backup else None,
                "error": self.backup_error.message if self.backup_error else None,
            },
            "timings": {name: round(seconds, 3) for name, seconds in self.timings.items()},
        }


def new_run_id(now: datetime) -> str:
    """A name for a run that sorts by its start: UTC time and a random tail."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def run_sync(
    settings: Settings,
    *,
    full: bool = False,
    only: Sequence[str] = (),
    build: bool = True,
    observer: Observer | None = None,
    since: float | None = None,
) -> SyncReport:
    """Bring the raw store up to date with the API, then build and publish the warehouse.

    Args:
        settings: where, who, what.
        full: read every page, whatever is stored.
        only: ids or friendly ids of the classes to sync; empty: those of the settings.
        build: whether to build the warehouse afterwards.
        observer: hears how it goes.
        since: `time.monotonic()` at the start of the process, from which the duration counts;
            None: now.

    Returns what happened, errors of the API, the store and the build included. Raises
    ConfigError, SyncRunningError or StoreError when it could not even begin, InterruptionError
    when a signal ended it.
    """
    source = connect(settings)
    started = time.monotonic() if since is None else since
    report = SyncReport(new_run_id(datetime.now(UTC)))
    with interruptible(), ExitStack() as stack:
        prepare_data_dir(settings.data_dir)
        stack.enter_context(sync_lock(settings.data_dir, report.run_id))
        store = _open_store(settings, report, observer)
        # A signal may interrupt what removes these folders, too; and dead runs leave them.
        for name in ("build", "load", "publish"):
            clear(settings.data_dir / name)
            stack.callback(clear, settings.data_dir / name)
        _guard_warehouse(settings, observer)
        warehouse = None
        if build:
            from .warehouse.build import WarehouseBuild

            # Started now, so that dbt is ready when the pages are in.
            try:
                warehouse = stack.enter_context(WarehouseBuild(settings, report.run_id))
            except BuildError as error:
                _note_failed(settings, error.message)
                raise
        try:
            _extract_and_load(source, settings, store, report, full, only, observer)
        except CohortTrackerError as error:
            report.error = error
        if report.error is None:
            _compact_log(settings, store, observer)
        is_idle = report.error is None and not report.classes  # all are retired
        if warehouse is not None and (
            is_idle or any(item.status != "failed" for item in report.classes)
        ):
            _build(warehouse, settings, store, report)
            _publish(settings, report)
            if observer is not None and report.warehouse is not None:
                for told in (report.warehouse.note, *report.warehouse.file_problems):
                    if told:
                        observer.note(told)
        _accept_loss(settings, store, report)
        _back_up(settings, store, report)
        note_run(
            settings.data_dir,
            datetime.now(UTC),
            error=report.errors[0].message if report.errors else None,
            backup_error=report.backup_error.message if report.backup_error else None,
            read_nothing=not report.classes,
        )
    report.duration_s = time.monotonic() - started
    return report


def _open_store(settings: Settings, report: SyncReport, observer: Observer | None) -> RawStore:
    """The raw store in its layout; a damaged one is set aside for a new one. Raises StoreError."""
    store = RawStore(settings.raw_path)
    try:
        store.check(thorough=True)
    except DamagedStoreError as error:
        aside = store.set_aside()
        report.damage.append(
            StoreError(
                f"{error.message}; it was set aside as {aside.name}",
                f"{_way_back(settings)} The old file may still have more: docs/reliability.md says"
                f" how to get at it ({aside}).",
            )
        )
    else:
        _look_for_loss(settings, store, report)
    clear_unfinished(settings.raw_path)
    _make_private(settings.raw_path)
    # Whoever was forgotten stays so in a new file.
    memory = None if store.has_tables() else memory_of(stores_beside(settings))
    migrated = store.lay_out(memory)
    if migrated and observer is not None:
        observer.note(f"{store.path} now has this version's layout: {', '.join(migrated)}")
    return store


def stores_beside(settings: Settings) -> list[Path]:
    """The backups, the newest first, and what else may be a raw store beside raw.db."""
    backups = [path for folder in backup_folders(settings) for path in list_backups(folder)]
    return backups + stores_aside(settings.raw_path)


def backup_folders(settings: Settings) -> list[Path]:
    """Where backups are, and where they were before `backup_dir` was set."""
    return list(dict.fromkeys((settings.backup_path, settings.data_dir / "backups")))


def _guard_warehouse(settings: Settings, observer: Observer | None) -> None:
    """Let what others wrote beside the published file be no part of it. Raises StoreError."""
    from .warehouse.published import set_change_log_aside, set_permissions

    path = settings.warehouse_path
    try:
        told = set_change_log_aside(path)
        set_permissions(path, settings.warehouse_permissions)  # it may have been another setting
    except OSError as error:
        raise StoreError(
            f"{error.filename or path}: {error.strerror}", "Check its owner and permissions."
        ) from error
    if told is not None and observer is not None:
        observer.note(told)


def _look_for_loss(settings: Settings, store: RawStore, report: SyncReport) -> None:
    """Report a store that has fewer records or contacts than at the last build: none ever go."""
    from .warehouse.fingerprint import noted_held

    before, now = noted_held(settings), store.held()
    if not now.lacks(before):
        return
    records = f"{now.record_versions:,} records (earlier versions counted)"
    what = f"holds only {records}" if now.record_versions else "is empty"
    held = f"{before.record_versions:,}"
    if before.contacts:  # of what people typed it is said where there was some
        what += f" and {now.contacts:,} rows of contacts" if now.record_versions else ""
        held += f" and {before.contacts:,}"
    if not store.path.exists():
        what = "is gone"
    report.damage.append(
        StoreError(
            f"{store.path} {what}; when the tables were last built it held {held}",
            _way_back(settings),
        )
    )


def _way_back(settings: Settings) -> str:
    """What becomes of a store that lost its content, and what its owner can do."""
    backups = list_backups(settings.backup_path)
    if not backups:
        return (
            "What the API shows now was read again. What changed before, and whom you contacted, is"
            f" lost unless you kept a copy: there is no backup in {settings.backup_path}."
        )
    return (
        "What the API shows now was read again. To get back what changed before, and whom you"
        f" contacted, from {backups[0].name}: cohort-tracker restore"
    )


def _accept_loss(settings: Settings, store: RawStore, report: SyncReport) -> None:
    """Once told is enough: what the store has now is what later syncs compare with."""
    from .warehouse.fingerprint import note_held, noted_held

    now = store.held()
    if report.damage and now.lacks(noted_held(settings)):
        note_held(settings, now)


def _back_up(settings: Settings, store: RawStore, report: SyncReport) -> None:
    """Back raw.db and access.db up when that is due; not when the first lost something just now."""
    if report.damage:
        return
    folder, keep, now = settings.backup_path, settings.backups, datetime.now(UTC)
    try:
        report.backup = back_up(store, folder, keep=keep, now=now)
        back_up_access(AccessStore(settings.data_dir / FILE_NAME), folder, keep=keep, now=now)
    except StoreError as error:
        report.backup_error = error


def _compact_log(settings: Settings, store: RawStore, observer: Observer | None) -> None:
    """Make the old part of the log short; where that fails, the next sync does it."""
    if settings.log_days == 0:
        return
    try:
        compact_log(store, days=settings.log_days, now=datetime.now(UTC))
    except StoreError as error:
        if observer is not None:
            observer.note(f"The log was not compacted, the next sync tries again: {error.message}")


def _build(
    warehouse: WarehouseBuild, settings: Settings, store: RawStore, report: SyncReport
) -> None:
    """Build and publish, unless the published warehouse would come out the same."""
    from .warehouse.build import BuildReport, in_plain_words
    from .warehouse.fingerprint import (
        build_basis,
        note_confirmed,
        note_published,
        published_build,
        reason_to_build,
    )
    from .warehouse.roster import read_roster_status

    try:
        now = datetime.now(UTC)
        basis = build_basis(settings, store, project_dir(), now)
        held = store.held()
        before = published_build(settings)
        if before is not None and reason_to_build(settings, basis, before) is None:
            report.warehouse = BuildReport(
                published=True,
                models=before.get("models", 0),
                tests=before.get("tests", 0),
                skipped="nothing new since the last build",
                file_problems=before.get("file_problems", []),
            )
            note_confirmed(settings, before, now)
            if settings.roster is not None:
                report.roster = read_roster_status(settings)
            return
        built = report.warehouse = warehouse.finish()
        report.timings.update(built.seconds)
        if built.published:
            note_published(
                settings,
                basis,
                now,
                models=built.models,
                tests=built.tests,
                held=held,
                file_problems=built.file_problems,
            )
        if built.set_aside is not None:
            report.damage.append(
                StoreError(
                    f"{settings.warehouse_path} was damaged;"
                    f" it was set aside as {built.set_aside.name}",
                    "All its tables were made again from raw.db; the old file can go.",
                )
            )
        if built.failures:
            reason = in_plain_words(built.failures[0])
            _note_failed(settings, reason)
            kept = "The tables of the last good build are still there, unchanged."
            if not settings.warehouse_path.exists():
                kept = "There are no tables yet."
            raise BuildError(
                "What was fetched is stored, but the tables could not be rebuilt from it:"
                f" {reason}",
                f"{kept} Run `cohort-tracker sync` again; if that fails too,"
                f" {settings.data_dir / 'logs' / 'build.log'} says why.",
            )
        if settings.roster is not None:
            report.roster = read_roster_status(settings)
    except CohortTrackerError as error:
        if report.warehouse is None or not report.warehouse.failures:
            _note_failed(settings, error.message)
        report.error = report.error or error


def rebuild(settings: Settings, store: RawStore) -> SyncReport:
    """Build and publish the tables from what is stored, asking no API; to be called under the lock.

    Errors are in the report. Raises BuildError where dbt cannot be started.
    """
    from .warehouse.build import WarehouseBuild

    report = SyncReport(new_run_id(datetime.now(UTC)))
    with interruptible(), WarehouseBuild(settings, report.run_id) as warehouse:
        _build(warehouse, settings, store, report)
        _publish(settings, report)
    return report


def _publish(settings: Settings, report: SyncReport) -> None:
    """Bring the tables to PostgreSQL, also those of an earlier build that are not there yet."""
    is_good = report.warehouse is not None and report.warehouse.published
    if settings.publish is None or not is_good:
        return
    from .warehouse.postgres.run import publish

    started = time.monotonic()
    try:
        report.publication = publish(settings)
    except CohortTrackerError as error:
        report.publish_error = error
    report.timings["postgres"] = time.monotonic() - started


def _note_failed(settings: Settings, reason: str) -> None:
    from .warehouse.fingerprint import note_failed

    note_failed(settings, reason, datetime.now(UTC))


def _extract_and_load(
    source: Source,
    settings: Settings,
    store: RawStore,
    report: SyncReport,
    full: bool,
    only: Sequence[str],
    observer: Observer | None,
) -> None:
    begun = time.monotonic()
    from .raw.load import RawLoader
    from .sources.choose import ClassChoice
    from .sources.extract import Extraction
    from .sources.files.rows import FileExtraction
    from .sources.outcome import Observer

    observer = observer or Observer()
    # dlt takes longer to import than the first answers take to come: it begins now.
    with RawLoader(store, settings.data_dir) as loader:
        report.timings["import"] = time.monotonic() - begun
        begun = time.monotonic()
        source.log_in()
        report.timings["login"] = time.monotonic() - begun
        begun = time.monotonic()
        known = store.known(source.name)
        choice = ClassChoice(source, settings, only, known, observer)
        classes = choice.classes()
        report.timings["classes"] = time.monotonic() - begun
        extraction = Extraction(
            source, known, settings, run_id=report.run_id, full=full, observer=observer
        )
        extraction.instead = choice.instead
        files = FileExtraction(settings, known, extraction.seen, observer.note)
        report.classes = extraction.outcomes
        try:
            states = partial(choice.state_rows, extraction.seen)
            loader.load(chain(states(), files.rows(), extraction.rows(classes), states()))
        except StoreError as error:
            for outcome in extraction.outcomes[loader.stored_runs :]:
                outcome.status = "failed"  # however well it was read
                outcome.error = outcome.error or error
            raise
        finally:
            report.timings["pages"] = extraction.page_seconds
            report.timings["load"] = loader.seconds
    if files.errors:
        raise files.errors[0]
    if choice.error is not None:
        raise choice.error


def prepare_data_dir(data_dir: Path) -> None:
    """Make the data directory, readable by its owner only.

    Raises StoreError, or ConfigError where it or something in it is not to be trusted.
    """
    if "?" in str(data_dir):
        # DuckDB takes what follows for options and puts its log elsewhere.
        raise StoreError(f"{data_dir}: the path must not hold a question mark", _OTHER_DIR)
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        _require_own(data_dir)
        if not os.access(data_dir, os.W_OK | os.X_OK):
            raise StoreError(f"{data_dir}: no permission to write", _OTHER_DIR)
    except OSError as error:
        raise StoreError(f"{data_dir}: {error.strerror}", _OTHER_DIR) from error
    require_files(data_dir)


def _require_own(data_dir: Path) -> None:
    """Refuse a directory in which others could plant files. Raises OSError or ConfigError."""
    found = data_dir.stat()
    # What is root's is as safe as the machine: volumes of containers often are.
    if found.st_uid not in (os.geteuid(), 0):
        raise ConfigError(f"{data_dir}: belongs to another user (uid {found.st_uid})", _OTHER_DIR)
    if found.st_mode & stat.S_IWOTH:
        raise ConfigError(
            f"{data_dir}: every user of this machine may write there",
            f"Run `chmod o-w {shlex.quote(str(data_dir))}`, or name another data_dir.",
        )


def _make_private(path: Path) -> None:
    """Make sure that the file exists and that only its owner can read it."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "rb"):
            if os.fstat(handle).st_uid == os.geteuid():
                os.fchmod(handle, 0o600)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}", "Check its permissions.") from error
