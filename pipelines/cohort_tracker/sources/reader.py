"""Reading one class: which pages to ask for, what on them is new, and whether nothing was missed.

The API pages by offset over live data and promises no order, so every assumption is checked while
reading, and the outcome is proven by count before anything is called complete:

* incremental: from page 0 until the completions are older than the look-back, then from the last
  page backwards until rows have a completion (work in progress sorts last). What is stored must
  then add up to the API's total. Any doubt leads to a full read. Where that would take more than
  three pages and all of them were read lately, three show whether anything moved: the newest, the
  last and, in turn, one of the others.
* full: every page; rows inserted meanwhile are caught up with from page 0; rows removed meanwhile
  shift others past the reader, so a shrinking total repeats the read.

A record that cannot be read was met all the same: if its id is readable, its last good version
stays. If it is not, it may be any of those that were not met, so none of them is called removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from ..raw.known import StoredClass
from .api import Page, PageSizeChangedError, is_last
from .comparison import Comparison
from .pagesource import PageSource
from .records import Progression, RecordReader, Rejection, read_record, reject
from .result import PageRead, ReadResult, Version

MAX_FULL_READS = 3
QUICK_PAGES = 3
THOROUGH_AFTER = timedelta(hours=20)  # a daily sync is always thorough
_MAX_PAGES_WITHOUT_NEWS = 3
_MAX_PAGE_SIZES = 5  # a source comes to the end of the sizes that it tries
# A class may grow, and its total be wrong; a server without end must not be read without end.
_MAX_TIMES_TOTAL, _SPARE_PAGES, _MAX_WITHOUT_TOTAL = 2, 5, 1_000_000


class _NeedsFullRead(Exception):
    """An assumption of the incremental read did not hold."""


class _Visited:
    """What an incremental read keeps of a page."""

    def __init__(self, total: int, completions: list[datetime], has_open: bool) -> None:
        self.total = total
        self.newest = completions[0] if completions else None
        self.oldest = completions[-1] if completions else None
        self.has_open = has_open


class _Pass:
    """What one full walk met."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.rejected: set[str] = set()
        self.rejected_ids: set[str] = set()
        self.has_unknown = False
        self.total: int | None = None
        self.shifted = False
        self.ended = False
        self.said_end = False
        self.has_no_end = False

    @property
    def accounted(self) -> int:
        return len(self.ids) + len(self.rejected)


class ClassReader:
    """Reads one class once; iterate over `read()`, then look at `result`.

    Args:
        fetch: gets the page of a number, which counts from 0.
        stored: the store's knowledge; brought up to date while reading.
        full: read everything, whatever the store knows.
        lookback: how far behind the newest completion changes are looked for.
        full_after: the age of the last proven full read from which a new one is due.
        now: the clock, aware, UTC.
        read_record: how a record is read.
        is_left_out: whose records are met, and count as met, and are never stored.
    """

    def __init__(
        self,
        fetch: Callable[[int], Page],
        stored: StoredClass,
        *,
        full: bool,
        lookback: timedelta,
        full_after: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        read_record: RecordReader = read_record,
        is_left_out: Callable[[Any, Progression | Rejection], bool] = lambda _raw, _item: False,
    ) -> None:
        self._pages = PageSource(fetch)
        self._read_record = read_record
        self._is_left_out = is_left_out
        self._stored = stored
        self._forced = full
        self._lookback = lookback
        self._full_after = full_after
        self._now = now
        self._removed: set[str] = set()
        self._visited: dict[int, _Visited] = {}
        self._has_news = False
        self._has_unexpected = False
        self._page_size = 1
        self._granted: int | None = None
        self._has_other_size = False
        self.result = ReadResult()
        self._compared = Comparison(stored, self.result)

    def read(self) -> Iterator[PageRead]:
        """Yield each page as it is read. Raises what the client raises; `result` counts so far."""
        try:
            if self._may_read_incrementally():
                self.result.mode = "incremental"
            for changes in count(1):
                try:
                    yield from self._read()
                    break
                except PageSizeChangedError:
                    if changes > _MAX_PAGE_SIZES:
                        raise
                    self._begin_again()
        finally:
            self._compared.summarise()
        self._pages.settle()

    def _read(self) -> Iterator[PageRead]:
        if self.result.mode == "incremental":
            try:
                yield from self._incremental()
                return
            except _NeedsFullRead:
                self.result.mode = "full"
        yield from self._full()

    def _begin_again(self) -> None:
        """Take what was met for stored and not for read: the proof is of one size of page."""
        self._pages.drop_ahead()
        self._page_size, self._granted = 1, None
        self._compared.begin_again()

    def removals(self) -> list[Version]:
        """Versions that mark stored ids as removed, after a read that proved it met all others."""
        removed = self._removed if self.result.verified and self.result.mode == "full" else set()
        versions = self._compared.removals(removed)
        self._compared.summarise()
        return versions

    def recoveries(self) -> list[Version]:
        """Versions of what came unreadable and is now again as it is stored."""
        return self._compared.recoveries()

    # -- incremental ---------------------------------------------------------------------------

    def _may_read_incrementally(self) -> bool:
        last = self._stored.last_full_at
        if self._forced or last is None or not self._stored.records:
            return False
        # A last read in the future means that a clock jumped: trust nothing.
        return timedelta(0) <= self._now() - last < self._full_after

    def _incremental(self) -> Iterator[PageRead]:
        self._visited = {}
        yield from self._visit(0)
        total = self._visited[0].total
        last = max(0, -(-total // self._page_size) - 1)
        suspects = self._suspect_pages(total, last)
        if self._may_be_quick(suspects):
            deeper = sorted(suspects - {0, last})
            for number in (last, deeper[self._stored.quick_runs % len(deeper)]):
                yield from self._visit(number)
            if not self._has_news and total - len(self._stored.records) == self._stored.unexplained:
                self.result.is_quick = True
                self.result.verified = True
                return
        cutoff = self._cutoff()
        number = 0
        while True:
            page = self._visited[number]
            if page.has_open or number >= last:
                break
            if cutoff is not None and page.oldest is not None and page.oldest < cutoff:
                break
            number += 1
            yield from self._visit(number)
        oldest_read = self._visited[number].oldest if number < last else None
        for tail in range(last, number, -1):
            yield from self._visit(tail)
            if self._visited[tail].oldest is not None:
                break
        self._prove_incremental(total, oldest_read)

    def _cutoff(self) -> datetime | None:
        """Completions before this are not looked at again; None: all are."""
        newest = self._stored.newest_completed_at
        if newest is None:
            return None
        try:
            # A completion dated in the future must not end the look-back early.
            return min(newest, self._now()) - self._lookback
        except OverflowError:  # before the year 1
            return None

    def _suspect_pages(self, total: int, last: int) -> set[int]:
        """The pages where changes are looked for, if the class is as it is stored."""
        cutoff = self._cutoff()
        recent = still_open = 0
        for record in self._stored.records.values():
            if record.completed_at is None:
                still_open += 1
            elif cutoff is None or record.completed_at >= cutoff:
                recent += 1
        head = range(0, recent // self._page_size + 1)
        tail = range(max(0, total - still_open) // self._page_size, last + 1)
        return {number for number in (*head, *tail, last) if number <= last}

    def _may_be_quick(self, suspects: set[int]) -> bool:
        """Whether a look at three pages is enough: nothing moved, and all were read lately."""
        last = self._stored.last_thorough_at
        if last is None or self._has_news or len(suspects) <= QUICK_PAGES:
            return False
        return timedelta(0) <= self._now() - last < THOROUGH_AFTER

    def _visit(self, number: int) -> Iterator[PageRead]:
        """Read a page once, checking that its place in the order is as assumed."""
        if number in self._visited:
            return
        page = self._pages.page(number)
        known_total = next((seen.total for seen in self._visited.values()), page.total)
        if page.total is None or page.total != known_total:
            raise _NeedsFullRead
        if number > 0 and not page.records:
            raise _NeedsFullRead
        found = self._read_all(page)
        completions, has_open = _in_order(found)
        yield self._take(page, found)
        if self._has_unexpected:
            raise _NeedsFullRead
        self._visited[number] = _Visited(page.total, completions, has_open)
        before: datetime | None = None
        opened = False
        for _, seen in sorted(self._visited.items()):
            if seen.newest is not None:
                if opened or (before is not None and seen.newest > before):
                    raise _NeedsFullRead
                before = seen.oldest
            opened = opened or seen.has_open

    def _prove_incremental(self, total: int, oldest_read: datetime | None) -> None:
        for record_id, record in self._stored.records.items():
            if self._compared.has_met(record_id):
                continue
            must_have_met = record.completed_at is None or (
                oldest_read is None or record.completed_at > oldest_read
            )
            if must_have_met:
                raise _NeedsFullRead
        if total - len(self._stored.records) != self._stored.unexplained:
            raise _NeedsFullRead
        self.result.verified = True

    # -- full ----------------------------------------------------------------------------------

    def _full(self) -> Iterator[PageRead]:
        previous: _Pass | None = None
        for _ in range(MAX_FULL_READS):
            current = _Pass()
            yield from self._whole_class(current)
            total = current.total
            if current.has_no_end:
                break
            yield from self._catch_up(current)
            total = current.total
            adds_up = total is not None and total == current.accounted and not current.shifted
            # A total that is plainly wrong: two reads that met the same records up to the end.
            # Where it promises more than was met, the API must have said that this is the end.
            agrees = (
                previous is not None
                and current.ended
                and not current.shifted
                and (total is None or total <= current.accounted or current.said_end)
                and (previous.ids, previous.rejected) == (current.ids, current.rejected)
            )
            self._removed = self._stored.records.keys() - current.ids - current.rejected_ids
            if current.has_unknown:
                self._removed = set()
            if adds_up or agrees:
                self.result.verified = True
                break
            previous = current
        if not self.result.verified:
            self.result.problem = (
                f"it could not be proven that every record was read: {current.accounted:,} met,"
                f" the API counts {'none' if total is None else format(total, ',')}"
            )
            if self._has_other_size:
                self.result.problem += "; its pages change their size: set a smaller page_size"
        elif self._removed and not current.ids and not self._forced:
            # An empty answer is more often a fault of the server than an emptied class.
            self.result.verified = False
            self.result.problem = (
                f"the API shows no records, {len(self._stored.records):,} are stored;"
                " kept as they were"
            )

    def _whole_class(self, current: _Pass) -> Iterator[PageRead]:
        number = 0
        without_news = 0
        position = 0
        at_most: float = _MAX_WITHOUT_TOTAL
        while True:
            page = self._pages.page(number)
            before = current.accounted
            position += len(page.records)
            if number == 0 and page.total is not None:
                at_most = _MAX_TIMES_TOTAL * page.total + _SPARE_PAGES * len(page.records)
            if page.can_load_more and page.total is not None and position < page.total:
                self._pages.fetch_ahead(number + 1)
            yield self._take(page, self._read_all(page), current)
            current.said_end = page.can_load_more is False
            if not page.records:
                current.ended = True
                return
            without_news = 0 if current.accounted > before else without_news + 1
            if without_news >= _MAX_PAGES_WITHOUT_NEWS:
                return  # a server that repeats itself, whatever the page asked for
            if position > at_most:
                current.has_no_end = True
                return
            is_short = len(page.records) < self._page_size
            if page.total is None:
                current.ended = is_short and not page.can_load_more
            else:
                # A full page that reaches the total ends the class only if the API says so twice.
                says_end = position == page.total and page.can_load_more is False
                current.ended = says_end or (is_short and position >= page.total)
            if current.ended:
                return
            number += 1

    def _catch_up(self, current: _Pass) -> Iterator[PageRead]:
        """Read from page 0 again while rows that came in meanwhile are met there."""
        number = 0
        while current.total is not None and current.accounted < current.total:
            before = current.accounted
            page = self._pages.page(number)
            yield self._take(page, self._read_all(page), current, again=True)
            if current.accounted == before:
                return
            number += 1

    # -- pages ---------------------------------------------------------------------------------

    def _read_all(self, page: Page) -> list[Progression | Rejection]:
        return [self._read_record(raw) for raw in page.records]

    def _take(
        self,
        page: Page,
        found: list[Progression | Rejection],
        current: _Pass | None = None,
        *,
        again: bool = False,
    ) -> PageRead:
        """Note what a page brings. `again`: the page was read before in this pass."""
        self.result.pages += 1
        self._note_metadata(page, current)
        versions: list[Version] = []
        rejections: list[tuple[int, Rejection]] = []
        for raw, item in zip(page.records, found, strict=True):
            if self._is_left_out(raw, item):
                key = item.record_id or item.record_hash
                self._compared.leave_out(key)
                if current is not None:
                    current.ids.add(key)
                continue
            if not isinstance(item, Rejection):
                if not self._is_contradiction(item, current, again=again):
                    if version := self._compared.meet(item):
                        versions.append(version)
                        rejections += self._compared.set_aside(version)
                    if current is not None:
                        current.ids.add(item.record_id)
                    continue
                item = reject(raw, "_id: the same id stands twice with other content")
            if current is not None:
                current.rejected.add(item.record_hash)
                if item.record_id is None:
                    current.has_unknown = True
                else:
                    current.rejected_ids.add(item.record_id)
            self._has_unexpected |= self._compared.is_unexpected(item)
            if kept := self._compared.reject(item):
                rejections.append(kept)
        self._has_news = self._has_news or bool(versions or rejections)
        return PageRead(
            seq=self.result.pages,
            page=page.number,
            records=len(page.records),
            received_at=self._now(),
            total=page.total,
            page_size=self._page_size,
            versions=versions,
            rejections=rejections,
        )

    def _note_metadata(self, page: Page, current: _Pass | None) -> None:
        if page.number == 0:
            # What a full first page holds is the page size in force, whatever the API calls it.
            more = page.can_load_more or (page.total or 0) > len(page.records)
            claimed = 0 if more and page.records else page.page_size or 0
            self._page_size = max(claimed, len(page.records), 1)
        changed_size = self._granted is not None and page.page_size != self._granted
        if page.page_size == len(page.records) and is_last(page, self._page_size):
            changed_size = False  # an API that tells how many there are on the page
        else:
            self._granted = page.page_size
        self.result.page_size = self._page_size
        if page.total is not None:
            self.result.reported_total = page.total
        if current is None:
            if changed_size:
                raise _NeedsFullRead
            return
        self._has_other_size |= changed_size
        # Other page boundaries, or rows gone, shift what was not read yet past the reader.
        current.shifted |= changed_size
        if page.total is not None:
            current.shifted |= current.total is not None and page.total < current.total
            current.total = page.total

    def _is_contradiction(self, item: Progression, current: _Pass | None, *, again: bool) -> bool:
        """Whether the id stands twice with other content, rather than changed between reads."""
        if not self._compared.is_other(item):
            return False
        return current is None or (item.record_id in current.ids and not again)


def _in_order(found: list[Progression | Rejection]) -> tuple[list[datetime], bool]:
    """The page's completions, and whether open work follows them; refuses any other order."""
    completions: list[datetime] = []
    has_open = False
    for record in found:
        if isinstance(record, Rejection):
            continue
        if record.completed_at is None:
            has_open = True
            continue
        if has_open or (completions and record.completed_at > completions[-1]):
            raise _NeedsFullRead
        completions.append(record.completed_at)
    return completions, has_open
