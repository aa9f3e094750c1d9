"""What the raw store knows before a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class StoredClassVersion:
    """The newest stored description of a class."""

    version_no: int
    record_hash: str
    friendly_id: str | None
    name: str | None
    units_hash: str | None


@dataclass(frozen=True)
class StoredRecord:
    """What is known of a stored current progression."""

    record_hash: str
    completed_at: datetime | None


@dataclass
class StoredClass:
    """What the raw store knows of one class before a run.

    `records` holds the current versions; `removed` the ids marked as removed. `unexplained` is the
    API's total minus the current ids at the last run that proved itself complete (rejected
    records, or a total that counts more than is shown). `newest_completed_at` is as of that run.
    `last_thorough_at` is when it was last read without shortcut, `quick_runs` how often since with.
    """

    records: dict[str, StoredRecord] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    rejected_hashes: set[str] = field(default_factory=set)
    next_version: int = 1
    last_full_at: datetime | None = None
    last_thorough_at: datetime | None = None
    quick_runs: int = 0
    newest_completed_at: datetime | None = None
    unexplained: int = 0
