"""What the reading of a class brings: versions to append, pages read, and how it went."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from .records import Progression, Rejection


@dataclass(frozen=True)
class Version:
    """A progression version to append: new or changed content, or a removal (`record` None)."""

    version_no: int
    record_id: str
    record: Progression | None


@dataclass(frozen=True)
class PageRead:
    """One page, as far as the store needs it."""

    seq: int
    page: int
    records: int
    received_at: datetime
    total: int | None
    page_size: int
    versions: list[Version]
    rejections: list[tuple[int, Rejection]]
    """Each with the number of the newest version that the class had then, or that it belongs to."""


@dataclass
class Faults:
    """Why records could not be read: how many for each kind of reason, and the first of each."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    percents: int = 0
    """Grades that cannot be read and are numbers up to 100."""
    fractions: int = 0
    """Grades that can be read and are neither 0 nor 1: no percent."""

    def add(self, fault: Rejection) -> None:
        """Count a fault."""
        place = fault.reason.partition(":")[0]
        self.counts[place] += 1
        self.examples.setdefault(place, fault.reason)
        if fault.field == "grade" and _is_percent(fault.record_json):
            self.percents += 1

    @property
    def commonest(self) -> tuple[str, int, str] | None:
        """The field, or what else it is, that most faults share, with their number and one."""
        for place, count in self.counts.most_common(1):
            return place, count, self.examples[place]
        return None

    @property
    def are_percent(self) -> bool:
        """Whether all grades that cannot be read look like percent."""
        return 0 < self.percents == self.counts["grade"]


def _is_percent(text: str) -> bool:
    try:
        return 1 < float(text) <= 100
    except ValueError:
        return False


@dataclass
class ReadResult:
    """How the reading of a class went, counted in distinct records."""

    mode: str = "full"
    is_quick: bool = False
    pages: int = 0
    fetched: int = 0
    new: int = 0
    changed: int = 0
    removed: int = 0
    rejected: int = 0
    """Records that could not be read, or not all of whose fields could."""
    set_aside: int = 0
    """Those of them that are stored without the fields that could not be read."""
    faults: Faults = field(default_factory=Faults)
    reported_total: int | None = None
    stored_total: int = 0
    page_size: int | None = None
    newest_completed_at: datetime | None = None
    verified: bool = False
    problem: str | None = None
