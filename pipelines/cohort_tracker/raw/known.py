"""What the raw store knows before a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .class_states import ClassState
from .forgotten import Forgotten


@dataclass(frozen=True)
class StoredClassVersion:
    """The newest stored description of a class."""

    version_no: int
    record_hash: str
    friendly_id: str | None
    name: str | None
    school: str | None
    is_published: bool | None
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
    records without a good version, or a total that counts more than is shown). `rejected_ids` are
    the current ones that came unreadable since their newest version. `newest_completed_at` is as of
    that run. `last_thorough_at` is when it was last read without shortcut, `quick_runs` how often
    since with.
    """

    records: dict[str, StoredRecord] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    rejected_hashes: set[str] = field(default_factory=set)
    rejected_ids: set[str] = field(default_factory=set)
    next_version: int = 1
    last_full_at: datetime | None = None
    last_thorough_at: datetime | None = None
    quick_runs: int = 0
    newest_completed_at: datetime | None = None
    unexplained: int = 0


@dataclass(frozen=True)
class StoredPageSize:
    """How many records an API gave per page: asked for, and granted (None: all fitted on one)."""

    asked: int
    granted: int | None
    first_seen_at: datetime


@dataclass(frozen=True)
class StoredFile:
    """The current version of a file that people keep: its number, and its rows by column."""

    version: int
    rows: list[dict[str, Any]]


def _nothing(_class_id: str) -> StoredClass:
    return StoredClass()


def _no_curriculum(_class_id: str, _units_hash: str) -> set[str]:
    return set()


@dataclass(frozen=True)
class Known:
    """What is known of a source's classes before a run, asked for once.

    `class_versions` holds the newest description of each class, `described_at` when it was last
    asked for (aware, UTC). `states` say whether a class is listed and asked for. `recorded` are the
    classes with stored progressions, `synced` those of which a run did not fail. `curricula` are
    (class id, units hash) whose rows are stored. `rejected` are hashes of rejected records by
    class, of rejected lines by `file:<table>`. `page_sizes` are by the API's address. `forgotten`
    are people of whom nothing may be stored. What is many rows a class is read when its turn comes:
    `read_class`, `curriculum`.
    """

    class_versions: dict[str, StoredClassVersion] = field(default_factory=dict)
    described_at: dict[str, datetime] = field(default_factory=dict)
    states: dict[str, ClassState] = field(default_factory=dict)
    recorded: set[str] = field(default_factory=set)
    synced: set[str] = field(default_factory=set)
    curricula: set[tuple[str, str]] = field(default_factory=set)
    rejected: dict[str, set[str]] = field(default_factory=dict)
    files: dict[str, StoredFile] = field(default_factory=dict)
    page_sizes: dict[str, StoredPageSize] = field(default_factory=dict)
    forgotten: Forgotten = field(default_factory=Forgotten)
    read_class: Callable[[str], StoredClass] = _nothing
    curriculum: Callable[[str, str], set[str]] = _no_curriculum

    @property
    def class_ids(self) -> set[str]:
        """Every class of which anything is stored."""
        return {*self.class_versions, *self.recorded, *self.synced}

    def stored_class(self, class_id: str) -> StoredClass:
        """What a reader of the class needs to know."""
        # A class without records need not wait for a store that is being written.
        stored = self.read_class(class_id) if class_id in self.recorded else StoredClass()
        stored.rejected_hashes = self.rejected.get(class_id, set())
        return stored
