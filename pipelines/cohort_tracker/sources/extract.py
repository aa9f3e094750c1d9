"""From the API to rows of the raw store: one class after the other, each on its own."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from ..config import Settings
from ..errors import (
    ApiUnavailableError,
    ApiUnreachableError,
    AuthenticationError,
    ClassNotFoundError,
    CohortTrackerError,
)
from ..raw.fields import PROGRESSION_FIELDS
from ..raw.known import Known
from .api import ClassInfo, FindsPageSize, Page, Source
from .choose import is_described_lately
from .classes import content_hash
from .describe import describe
from .outcome import ClassOutcome, Observer
from .reader import ClassReader
from .records import REMOVED, is_of_forgotten, record_reader
from .result import PageRead, ReadResult, Version
from .staff import Newcomers

if TYPE_CHECKING:
    from ..raw.schema import Row

# A page holds far more than was asked for when it holds this many times as much, and so much.
_FAR_MORE = 10
_LEAST_FAR_MORE = 1000
_FEW = 20  # so many may be broken by chance


class Extraction:
    """Reads classes and turns what they hold into rows of the raw store.

    Args:
        source: a session with the API.
        known: what is known already.
        settings: look-back, refresh and time zone.
        run_id: the run these rows belong to.
        full: read every page, whatever is known.
        observer: hears how it goes.
    """

    def __init__(
        self,
        source: Source,
        known: Known,
        settings: Settings,
        *,
        run_id: str,
        full: bool,
        observer: Observer,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._source = source
        self._known = known
        self._settings = settings
        self._run_id = run_id
        self._full = full
        self._observer = observer
        self._now = now
        self._read_record = record_reader(PROGRESSION_FIELDS, settings.grade_scale)
        self.instead: Callable[[ClassInfo], ClassInfo | None] = lambda _info: None
        """The class to read in place of one that is not there; None: no other."""
        self.outcomes: list[ClassOutcome] = []
        self.page_seconds = 0.0

    def _timed_page(self, class_id: str, number: int) -> Page:
        """Add up the time that pages take to arrive, the courtesy between them included."""
        started = time.monotonic()
        try:
            page = self._source.page(class_id, number)
        finally:
            self.page_seconds += time.monotonic() - started
        self._refuse_what_is_no_page(page)
        return page

    def _refuse_what_is_no_page(self, page: Page) -> None:
        """Raise ApiUnavailableError for far more records than asked for, or none among many."""
        found = len(page.records)
        asked = self._settings.largest_page
        at_most = max(_FAR_MORE * asked, _LEAST_FAR_MORE, page.total or 0)
        no_records = found > _FEW and not any(isinstance(item, dict) for item in page.records)
        if found > at_most or no_records:
            raise ApiUnavailableError(
                f"the answer is no page of records: {found:,} things in it,"
                f" {asked:,} asked for" + (", none of them a record" if no_records else ""),
                "What was stored before stays. If it lasts, tell who runs the API.",
            )

    def seen(self, at: datetime | None = None) -> dict[str, Any]:
        """The columns that say when and by which run a row was met."""
        return {"first_seen_at": at or self._now(), "run_id": self._run_id}

    def rows(self, classes: Sequence[ClassInfo]) -> Iterator[Row]:
        """Rows of all classes, ending each class with its row of `sync_runs`.

        A class that fails does not stop the others, unless the others must fail in the same way:
        AuthenticationError is raised, and with no connection the rest is marked as failed.
        """
        if isinstance(self._source, FindsPageSize):
            self._source.recall_page_size(self._known.page_sizes)
        unreachable: ApiUnreachableError | None = None
        waiting = deque(classes)
        while waiting:
            info = waiting.popleft()
            outcome = ClassOutcome(info)
            self.outcomes.append(outcome)
            self._observer.class_started(info)
            started = self._now()
            fatal: AuthenticationError | None = None
            try:
                if unreachable is not None:
                    raise unreachable
                yield from self.class_rows(outcome)
            except CohortTrackerError as error:
                outcome.status, outcome.error = "failed", error
                if isinstance(error, ApiUnreachableError):
                    unreachable = error
                if isinstance(error, AuthenticationError):
                    fatal = error
                if isinstance(error, ClassNotFoundError) and self._goes_on_as_another(
                    outcome, waiting
                ):
                    self.outcomes.remove(outcome)
                    continue
            yield from self._page_size_rows()
            yield self._run_row(outcome, started)
            self._observer.class_finished(outcome)
            if fatal is not None:
                raise fatal

    def _goes_on_as_another(self, outcome: ClassOutcome, waiting: deque[ClassInfo]) -> bool:
        """Whether a class that is not there has another id now; that one is read next."""
        try:
            moved = self.instead(outcome.info)
        except CohortTrackerError as error:
            outcome.error = error
            return False
        if moved is not None and moved not in waiting:
            waiting.appendleft(moved)
        return moved is not None

    def class_rows(self, outcome: ClassOutcome) -> Iterator[Row]:
        """Rows of one class; `outcome` says how it went. Raises what the source raises."""
        info = outcome.info
        described_at = self._known.described_at.get(info.class_id)
        if self._full or not is_described_lately(described_at, self._now()):
            outcome.is_described = True
            yield from self._description(info)
        met: set[str] = set()
        newcomers = Newcomers(self._settings.email)
        for table, row in self.record_rows(outcome):
            if table == "progressions" and not row["is_removed"]:
                met.add(row["assignment_id"])
                newcomers.meet(row)
            yield table, row
        if info.class_id not in self._known.recorded:
            name = info.name or info.friendly_id or info.class_id
            if remark := newcomers.remark(name, self._settings.exclude):
                self._observer.note(remark)
        if not outcome.is_described and self._has_grown(info.class_id, met):
            outcome.is_described = True
            yield from self._description(info)

    def record_rows(self, outcome: ClassOutcome, *, removals: bool = True) -> Iterator[Row]:
        """The records of one class: what is new or changed, what was rejected, pages read.

        `removals`: also what a complete read did not meet any more.
        """
        info = outcome.info
        reader = ClassReader(
            partial(self._timed_page, info.class_id),
            self._known.stored_class(info.class_id),
            full=self._full,
            lookback=timedelta(days=self._settings.lookback_days),
            full_after=timedelta(days=self._settings.full_refresh_days),
            now=self._now,
            read_record=self._read_record,
            is_left_out=partial(is_of_forgotten, self._known.forgotten, self._source.name),
        )
        outcome.result = reader.result
        for page in reader.read():
            self._observer.page_read(info, page, reader.result)
            yield from self._page_rows(info, page)
        for version in (*reader.recoveries(), *(reader.removals() if removals else ())):
            yield "progressions", _version_row(self._source.name, info, version) | self.seen()
        outcome.error = self._unproven(reader.result) or self._too_many_rejected(reader.result)
        outcome.status = "ok" if outcome.error is None else "unverified"

    @staticmethod
    def _unproven(result: ReadResult) -> CohortTrackerError | None:
        if result.verified:
            return None
        return CohortTrackerError(
            result.problem or "it could not be proven that every record was read",
            "What was read is stored; the next sync reads everything again.",
        )

    def _too_many_rejected(self, result: ReadResult) -> CohortTrackerError | None:
        """What the records share that cannot be read, where they are more than the settings let."""
        limit = self._settings.max_rejected_share
        shared = result.faults.commonest
        # Of the class, not of the few that an incremental read meets.
        of = max(result.fetched, result.stored_total)
        if shared is None or result.rejected <= limit * of:
            return None
        place, count, example = shared
        what = f"in {count:,} it is {place}, the first: {example}"
        hint = "The API sends what it should not: tell who runs it."
        if result.faults.are_percent and not result.faults.fractions:
            what += "; the grades look like percent"
            hint = "Set `grade_scale = 100` if they are percent: it divides every grade."
        elif result.faults.are_percent:
            what += "; these grades look like percent, others of the class do not"
        return CohortTrackerError(
            f"{result.rejected:,} of {of:,} records could not be read, or not in whole"
            f" (max_rejected_share = {limit:g}): {what}",
            f"What was known before stays, and what could be read is stored. {hint}",
        )

    def _has_grown(self, class_id: str, assignment_ids: set[str]) -> bool:
        """Whether work was met that is not in the class's stored curriculum, where it has one."""
        known = self._known.class_versions.get(class_id)
        if known is None or known.units_hash is None or not assignment_ids:
            return False
        return not assignment_ids <= self._known.curriculum(class_id, known.units_hash)

    def _description(self, info: ClassInfo) -> Iterator[Row]:
        """The class and its curriculum, where they are new; both may be refused."""
        known = self._known.class_versions.get(info.class_id)
        info, entries = describe(self._source, info, self._observer)
        units_hash = content_hash([astuple(entry) for entry in entries]) if entries else None
        if units_hash is None and known is not None:
            units_hash = known.units_hash  # refused today: the last known stays current
        if info == ClassInfo(info.class_id) and units_hash is None:
            return
        record_hash = content_hash([astuple(info), units_hash])
        key = {"source": self._source.name, "class_id": info.class_id}
        units = key | {"units_hash": units_hash} | self.seen()
        if entries and units_hash and (info.class_id, units_hash) not in self._known.curricula:
            for entry in entries:
                yield "class_units", units | asdict(entry)
        if known is None or known.record_hash != record_hash:
            version_no = 1 if known is None else known.version_no + 1
            version = {"version_no": version_no, "record_hash": record_hash}
            yield "classes", units | version | asdict(info)

    def _page_rows(self, info: ClassInfo, page: PageRead) -> Iterator[Row]:
        seen = self.seen(page.received_at)
        for version in page.versions:
            yield "progressions", _version_row(self._source.name, info, version) | seen
        for version_no, rejected in page.rejections:
            key: dict[str, Any] = {"source": self._source.name, "class_id": info.class_id}
            key |= {"page": page.page, "version_no": version_no}
            yield "rejected_records", key | rejected._asdict() | seen
        yield (
            "sync_pages",
            {
                "run_id": self._run_id,
                "source": self._source.name,
                "class_id": info.class_id,
                "seq": page.seq,
                "page": page.page,
                "records_processed": page.records,
                "synced_at": page.received_at,
            },
        )

    def _page_size_rows(self) -> Iterator[Row]:
        source = self._source
        if isinstance(source, FindsPageSize) and (found := source.new_page_size()):
            key = {"source": source.name, "api_base": source.api_base}
            granted = {"asked": found.asked, "granted": found.granted}
            yield "page_sizes", key | granted | self.seen(found.first_seen_at)

    def _run_row(self, outcome: ClassOutcome, started: datetime) -> Row:
        result = outcome.result
        return (
            "sync_runs",
            {
                "run_id": self._run_id,
                "source": self._source.name,
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
                "timezone": self._settings.timezone_of(
                    outcome.info.class_id, outcome.info.friendly_id
                ),
                "error": outcome.error.message if outcome.error else None,
            },
        )


def _version_row(source: str, info: ClassInfo, version: Version) -> dict[str, Any]:
    """A version without when and by which run it was met; a removal leaves all fields null."""
    record = version.record
    fields: dict[str, Any] = {"record_hash": REMOVED}
    if record is not None:
        fields = record._asdict()
        faults = fields.pop("set_aside")
        fields["rejected_fields"] = ",".join(str(fault.field) for fault in faults) or None
    return fields | {
        "source": source,
        "class_id": info.class_id,
        "record_id": version.record_id,
        "version_no": version.version_no,
        "is_removed": record is None,
    }
