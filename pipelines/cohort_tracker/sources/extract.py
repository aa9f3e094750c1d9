"""From the API to rows of the raw store: one class after the other, each on its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import Settings
from ..errors import (
    ApiUnavailableError,
    ApiUnreachableError,
    AuthenticationError,
    ClassNotFoundError,
    CohortTrackerError,
    ConfigError,
)
from ..raw.known import StoredClass, StoredClassVersion
from ..raw.store import RawStore
from .api import ClassInfo, CurriculumEntry, Page, Source
from .classes import content_hash, find_class
from .files.tables import FileRows, read_mentors, read_roster, same_rows
from .reader import ClassReader, PageRead, ReadResult, Version
from .records import REMOVED

if TYPE_CHECKING:
    from ..raw.schema import Row

SOURCE = "openclass"
DESCRIBE_AFTER = timedelta(hours=20)
"""The age from which a class's names and curriculum are asked for again."""


def is_described_lately(described_at: datetime | None, now: datetime) -> bool:
    """Whether what is stored of a class's names and curriculum is young enough."""
    return described_at is not None and timedelta(0) <= now - described_at < DESCRIBE_AFTER


@dataclass
class ClassOutcome:
    """How the sync of one class went. `error` is None unless `status` is not `ok`."""

    info: ClassInfo
    result: ReadResult = field(default_factory=ReadResult)
    status: str = "failed"
    is_described: bool = False
    error: CohortTrackerError | None = None


class Observer:
    """Hears how an extraction goes; the default hears in silence."""

    def class_started(self, info: ClassInfo) -> None:
        """A class is about to be read."""

    def page_read(self, info: ClassInfo, page: PageRead, result: ReadResult) -> None:
        """A page of the class was read."""

    def class_finished(self, outcome: ClassOutcome) -> None:
        """The class is done, well or not."""

    def note(self, message: str) -> None:
        """Something worth knowing that is no error."""


def choose_classes(
    source: Source,
    settings: Settings,
    only: Sequence[str],
    store: RawStore,
    observer: Observer,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[ClassInfo]:
    """The classes to sync: `only`, else those of the settings, else all that the account sees.

    The account's list is asked for unless all ids were looked up within DESCRIBE_AFTER. An id
    that the API does not list is tried all the same: the list may be refused or partial.
    Raises AuthenticationError, ApiUnavailableError, ClassNotFoundError, or ConfigError when the
    list is refused and no class is configured.
    """
    wanted = list(dict.fromkeys(only or settings.class_ids))
    source.log_in()  # nothing works without
    stored = [
        ClassInfo(class_id, version.friendly_id, version.name)
        for class_id, version in store.class_versions().items()
    ]
    described = store.described_at()
    remembered = [find_class(stored, key) for key in wanted]
    found = [
        info
        for info in remembered
        if info is not None and is_described_lately(described.get(info.class_id), now())
    ]
    if wanted and len(found) == len(wanted):
        return list({info.class_id: info for info in found}.values())
    listed: list[ClassInfo] = []
    refusal: CohortTrackerError | None = None
    try:
        listed = source.classes()
    except ApiUnreachableError:
        raise
    except (ClassNotFoundError, ApiUnavailableError) as error:
        refusal = error
        if wanted:
            observer.note(f"{error.message}; going on with the class ids that are configured")
    if not wanted:
        if isinstance(refusal, ApiUnavailableError):
            raise refusal
        if refusal is not None:
            raise ConfigError(
                f"No class is configured, and the list of classes is refused: {refusal.message}",
                "Name one with `cohort-tracker init --class-id ID`.",
            )
        if not listed:
            raise ClassNotFoundError(
                "The account sees no classes", "Check that it is a mentor or instructor account."
            )
        return listed
    known = listed or stored
    synced = store.classes_with_progressions()
    chosen: dict[str, ClassInfo] = {}
    for key in wanted:
        info = find_class(known, key) or ClassInfo(key)
        if key in synced and info.class_id not in synced:
            # Read under this id before the API listed it: one class must not become two.
            info = replace(info, class_id=key)
        chosen.setdefault(info.class_id, info)
    return list(chosen.values())


class Extraction:
    """Reads classes and turns what they hold into rows of the raw store.

    Args:
        source: a session with the API.
        store: the raw store, for what is known already.
        settings: look-back, refresh and time zone.
        run_id: the run these rows belong to.
        full: read every page, whatever is known.
        observer: hears how it goes.
    """

    def __init__(
        self,
        source: Source,
        store: RawStore,
        settings: Settings,
        *,
        run_id: str,
        full: bool,
        observer: Observer,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._source = source
        self._store = store
        self._settings = settings
        self._run_id = run_id
        self._full = full
        self._observer = observer
        self._now = now
        self.outcomes: list[ClassOutcome] = []
        self.file_errors: list[CohortTrackerError] = []
        self.page_seconds = 0.0
        self._described_at: dict[str, datetime] = {}
        self._known: dict[str, StoredClassVersion] = {}
        self._recorded: set[str] = set()
        self._curricula: set[tuple[str, str]] = set()
        self._rejected: dict[str, set[str]] = {}

    def _timed(self, pages: Iterator[Page]) -> Iterator[Page]:
        """Add up the time that pages take to arrive, the courtesy between them included."""
        while True:
            started = time.monotonic()
            try:
                page = next(pages, None)
            finally:
                self.page_seconds += time.monotonic() - started
            if page is None:
                return
            yield page

    def file_rows(self) -> Iterator[Row]:
        """Rows of the roster and mentors files where they say something new.

        A file that cannot be read is noted in `file_errors` and leaves the last good one in
        force; a line that cannot be used is reported and kept in `rejected_records`.
        """
        for table, path, read in (
            ("roster", self._settings.roster, read_roster),
            ("mentors", self._settings.mentors, read_mentors),
        ):
            if path is None:
                continue
            try:
                found = read(path)
            except ConfigError as error:
                hint = "The last good file stays current."
                self.file_errors.append(CohortTrackerError(error.message, hint))
                continue
            yield from self._bad_line_rows(table, path, found)
            version, stored = self._store.newest_file(table)
            if not same_rows(found, stored):
                for line, values in found.rows:
                    row = {"file_version": version + 1, "line": line, **values}
                    yield table, row | self._seen()

    def _bad_line_rows(self, table: str, path: Path, found: FileRows) -> Iterator[Row]:
        source = f"file:{table}"
        known = self._store.rejected_hashes().get(source, set())
        for bad in found.bad_lines:
            self._observer.note(f"{path}: line {bad.line} left out: {bad.reason}")
            line_hash = content_hash([bad.line, bad.reason, bad.text])
            if line_hash not in known:
                row = {
                    "source": "files",
                    "class_id": source,
                    "record_id": str(bad.line),
                    "record_hash": line_hash,
                    "page": None,
                    "reason": bad.reason,
                    "record_json": json.dumps(bad.text),
                }
                yield "rejected_records", row | self._seen()

    def rows(self, classes: Sequence[ClassInfo]) -> Iterator[Row]:
        """Rows of all classes, ending each class with its row of `sync_runs`.

        A class that fails does not stop the others, unless the others must fail in the same way:
        AuthenticationError is raised, and with no connection the rest is marked as failed.
        """
        # Asked once, not once a class: a class stands here once, so none goes out of date. And what
        # is new need not wait for the store, into which the classes before it are being written.
        self._described_at = self._store.described_at()
        self._known = self._store.class_versions()
        self._recorded = self._store.recorded_classes(SOURCE)
        self._curricula = self._store.curricula()
        self._rejected = self._store.rejected_hashes()
        unreachable: ApiUnreachableError | None = None
        for info in classes:
            outcome = ClassOutcome(info)
            self.outcomes.append(outcome)
            self._observer.class_started(info)
            started = self._now()
            fatal: AuthenticationError | None = None
            try:
                if unreachable is not None:
                    raise unreachable
                yield from self._class_rows(outcome)
            except CohortTrackerError as error:
                outcome.error = error
                if isinstance(error, ApiUnreachableError):
                    unreachable = error
                if isinstance(error, AuthenticationError):
                    fatal = error
            yield self._run_row(outcome, started)
            self._observer.class_finished(outcome)
            if fatal is not None:
                raise fatal

    def _class_rows(self, outcome: ClassOutcome) -> Iterator[Row]:
        info = outcome.info
        described_at = self._described_at.get(info.class_id)
        if self._full or not is_described_lately(described_at, self._now()):
            outcome.is_described = True
            yield from self._description(info)

        def fetch() -> Any:
            walk, pages = self._source.progressions(info.class_id)
            return walk, self._timed(pages)

        is_recorded = info.class_id in self._recorded
        stored = self._store.stored_class(SOURCE, info.class_id) if is_recorded else StoredClass()
        stored.rejected_hashes = self._rejected.get(info.class_id, set())
        reader = ClassReader(
            fetch,
            stored,
            full=self._full,
            lookback=timedelta(days=self._settings.lookback_days),
            full_after=timedelta(days=self._settings.full_refresh_days),
            now=self._now,
        )
        outcome.result = reader.result
        met: set[str] = set()
        for page in reader.read():
            met.update(version.record.assignment_id for version in page.versions if version.record)
            self._observer.page_read(info, page, reader.result)
            yield from self._page_rows(info, page)
        for version in reader.removals():
            yield "progressions", _version_row(info, version) | self._seen()
        if not outcome.is_described and self._has_grown(info.class_id, met):
            outcome.is_described = True
            yield from self._description(info)
        if reader.result.verified:
            outcome.status = "ok"
        else:
            outcome.status = "unverified"
            outcome.error = CohortTrackerError(
                reader.result.problem or "completeness was not proven",
                "What was read is stored; the next sync reads everything again.",
            )

    def _has_grown(self, class_id: str, assignment_ids: set[str]) -> bool:
        """Whether work was met that is not in the class's stored curriculum, where it has one."""
        known = self._known.get(class_id)
        if known is None or known.units_hash is None or not assignment_ids:
            return False
        return not assignment_ids <= self._store.curriculum(class_id, known.units_hash)

    def _description(self, info: ClassInfo) -> Iterator[Row]:
        """The class and its curriculum, where they are new; both may be refused."""
        known = self._known.get(info.class_id)
        entries: list[CurriculumEntry] = []
        try:
            described, entries = self._source.describe(info.class_id)
        except ApiUnreachableError:
            raise
        except (ClassNotFoundError, ApiUnavailableError) as error:
            self._observer.note(f"{info.friendly_id or info.class_id}: {error.message}; going on")
        else:
            info = replace(
                described,
                friendly_id=described.friendly_id or info.friendly_id,
                name=described.name or info.name,
                school=described.school or info.school,
                is_published=described.is_published
                if described.is_published is not None
                else info.is_published,
            )
        units_hash = content_hash([astuple(entry) for entry in entries]) if entries else None
        if units_hash is None and known is not None:
            units_hash = known.units_hash  # refused today: the last known stays in force
        if info == ClassInfo(info.class_id) and units_hash is None:
            return
        record_hash = content_hash([astuple(info), units_hash])
        key = {"source": SOURCE, "class_id": info.class_id}
        units = key | {"units_hash": units_hash} | self._seen()
        if entries and units_hash and (info.class_id, units_hash) not in self._curricula:
            for entry in entries:
                yield "class_units", units | asdict(entry)
        if known is None or known.record_hash != record_hash:
            version_no = 1 if known is None else known.version_no + 1
            version = {"version_no": version_no, "record_hash": record_hash}
            yield "classes", units | version | asdict(info)

    def _page_rows(self, info: ClassInfo, page: PageRead) -> Iterator[Row]:
        seen = self._seen(page.received_at)
        for version in page.versions:
            yield "progressions", _version_row(info, version) | seen
        for rejected in page.rejections:
            key = {"source": SOURCE, "class_id": info.class_id, "page": page.page}
            yield "rejected_records", key | rejected._asdict() | seen
        yield (
            "sync_pages",
            {
                "run_id": self._run_id,
                "source": SOURCE,
                "class_id": info.class_id,
                "seq": page.seq,
                "page": page.page,
                "records_processed": page.records,
                "synced_at": page.received_at,
            },
        )

    def _seen(self, at: datetime | None = None) -> dict[str, Any]:
        return {"first_seen_at": at or self._now(), "run_id": self._run_id}

    def _run_row(self, outcome: ClassOutcome, started: datetime) -> Row:
        result = outcome.result
        return (
            "sync_runs",
            {
                "run_id": self._run_id,
                "source": SOURCE,
                "class_id": outcome.info.class_id,
                "started_at": started,
                "finished_at": self._now(),
                "mode": result.mode,
                "is_quick": result.is_quick,
                "is_described": outcome.is_described,
                "status": outcome.status,
                "pages": result.pages,
                "fetched": result.fetched,
                "new": result.new,
                "changed": result.changed,
                "removed": result.removed,
                "rejected": result.rejected,
                "reported_total": result.reported_total,
                "stored_total": result.stored_total,
                "verified": result.verified,
                "page_size": result.page_size,
                "newest_completed_at": result.newest_completed_at,
                "timezone": self._settings.timezone,
                "error": outcome.error.message if outcome.error else None,
            },
        )


def _version_row(info: ClassInfo, version: Version) -> dict[str, Any]:
    """A version without when and by which run it was met; a removal leaves all fields null."""
    record = version.record
    fields = {"record_hash": REMOVED} if record is None else record._asdict()
    return fields | {
        "source": SOURCE,
        "class_id": info.class_id,
        "record_id": version.record_id,
        "version_no": version.version_no,
        "is_removed": record is None,
    }
