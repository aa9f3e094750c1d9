"""What a sync says while it works: a bar at a terminal, log lines elsewhere."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO

from ..sources.api import ClassInfo
from ..sources.outcome import ClassOutcome, Observer
from ..sources.result import PageRead, ReadResult
from .printing import printable, shorten

_NAME_WIDTH = 20
_BAR_WIDTH = 12


@contextmanager
def observer_for(stream: IO[str]) -> Iterator[Observer]:
    """An observer that writes to `stream` what suits it."""
    if stream.isatty():
        bar = ProgressBar(stream)
        try:
            yield bar
        finally:
            bar.clear()
    else:
        yield LogLines(stream)


class LogLines(Observer):
    """One line per event, with the UTC time."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def class_started(self, info: ClassInfo) -> None:
        """Say which class is read."""
        self._say(f"reading {_name(info)}")

    def page_read(self, info: ClassInfo, page: PageRead, result: ReadResult) -> None:
        """Say how far the class is."""
        total = f" of {page.total:,}" if page.total is not None else ""
        self._say(f"page {page.page}: {page.records} records{total}, {len(page.versions)} to store")

    def class_finished(self, outcome: ClassOutcome) -> None:
        """Say how the class ended."""
        result = outcome.result
        self._say(
            f"{_name(outcome.info)}: {outcome.status}, {result.mode}, {result.pages} pages,"
            f" {result.new} new, {result.changed} changed, {result.removed} removed,"
            f" {result.rejected} rejected"
        )

    def note(self, message: str) -> None:
        """Pass a remark on."""
        self._say(message)

    def _say(self, message: str) -> None:
        now = datetime.now(UTC)
        self._stream.write(f"{now:%Y-%m-%dT%H:%M:%SZ} {printable(message)}\n")
        self._stream.flush()


class ProgressBar(Observer):
    """One line that is rewritten: name, bar, records, pages, rate and time left."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._started = time.monotonic()
        self._records = 0

    def class_started(self, info: ClassInfo) -> None:
        """Begin a new bar."""
        self._started = time.monotonic()
        self._records = 0
        self._draw(f"{shorten(_name(info), 30)}  connecting …")

    def page_read(self, info: ClassInfo, page: PageRead, result: ReadResult) -> None:
        """Move the bar."""
        self._records += page.records
        elapsed = max(time.monotonic() - self._started, 0.001)
        rate = self._records / elapsed
        bar, total, left = "", "", ""
        if page.total and result.mode == "full":
            share = min(self._records / page.total, 1.0)
            filled = round(share * _BAR_WIDTH)
            bar = "█" * filled + "░" * (_BAR_WIDTH - filled) + " "
            total = f" of {page.total:,}"
            seconds = max(page.total - self._records, 0) / rate
            left = f"  {seconds:.0f} s left" if seconds >= 1 else ""
        name = shorten(_name(info), _NAME_WIDTH)
        self._draw(f"{name}  {bar}{self._records:,}{total}  page {page.seq}  {rate:,.0f}/s{left}")

    def class_finished(self, outcome: ClassOutcome) -> None:
        """Leave the line empty for what comes."""
        self._draw("building the tables …")

    def note(self, message: str) -> None:
        """Print a remark above the bar."""
        self.clear()
        self._stream.write(printable(message) + "\n")

    def clear(self) -> None:
        """Remove the bar."""
        self._draw("")

    def _draw(self, text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[2K{shorten(text, width)}" if text else "\r\x1b[2K")
        self._stream.flush()


def _name(info: ClassInfo) -> str:
    return printable(info.name or info.friendly_id or info.class_id)
