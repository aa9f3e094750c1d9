"""What a sync says while it works: a bar at a terminal, log lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from ..runtime.printing import Bar, can_draw, say
from ..sources.api import ClassInfo
from ..sources.outcome import ClassOutcome, Observer
from ..sources.result import PageRead, ReadResult

_ENDED = {"ok": "done", "unverified": "not proven to be complete", "failed": "failed"}


@contextmanager
def progress() -> Iterator[Observer]:
    """An observer that says on standard error what suits it."""
    if can_draw(err=True):
        with Bar().drawn() as bar:
            yield ProgressBar(bar)
    else:
        yield LogLines()


class LogLines(Observer):
    """One line per event, with the UTC time."""

    def class_started(self, info: ClassInfo) -> None:
        """Say which class is read."""
        self.note(f"reading {_name(info)}")

    def page_read(self, info: ClassInfo, page: PageRead, result: ReadResult) -> None:
        """Say how far the class is."""
        total = f" of {page.total:,}" if page.total is not None else ""
        self.note(f"page {page.page}: {page.records} records{total}, {len(page.versions)} to store")

    def class_finished(self, outcome: ClassOutcome) -> None:
        """Say how the class ended."""
        result = outcome.result
        self.note(
            f"{_name(outcome.info)}: {_ENDED[outcome.status]}, {result.pages} pages,"
            f" {result.new} new, {result.changed} changed, {result.removed} removed,"
            f" {result.rejected} rejected"
        )

    def note(self, message: str) -> None:
        """Pass a remark on."""
        say(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {message}", err=True)


class ProgressBar(Observer):
    """How far a class is: records, pages and time left."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._started = time.monotonic()
        self._records = 0
        bar.show("connecting …")

    def class_started(self, info: ClassInfo) -> None:
        """Begin a new bar."""
        self._started = time.monotonic()
        self._records = 0
        self._bar.show("connecting …", _name(info))

    def page_read(self, info: ClassInfo, page: PageRead, result: ReadResult) -> None:
        """Move the bar."""
        self._records += page.records
        share, total, left = None, "", ""
        if page.total and result.mode == "full":
            share = min(self._records / page.total, 1.0)
            total = f" of {page.total:,}"
            elapsed = time.monotonic() - self._started
            seconds = max(page.total - self._records, 0) * elapsed / max(self._records, 1)
            left = f"  {seconds:.0f} s left" if seconds >= 1 else ""
        self._bar.show(f"{self._records:,}{total}  page {page.seq}{left}", _name(info), share)

    def class_finished(self, outcome: ClassOutcome) -> None:
        """Say what comes when no other class does."""
        self._bar.show("building the tables …")

    def note(self, message: str) -> None:
        """Print a remark above the bar."""
        self._bar.note(message)


def _name(info: ClassInfo) -> str:
    return info.name or info.friendly_id or info.class_id
