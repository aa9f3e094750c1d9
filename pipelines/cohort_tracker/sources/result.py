"""What the reading of a class brings: versions to append, pages read, and how it went."""

from __future__ import annotations

from dataclasses import dataclass
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
    rejections: list[Rejection]


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
    reported_total: int | None = None
    stored_total: int = 0
    page_size: int | None = None
    newest_completed_at: datetime | None = None
    verified: bool = False
    problem: str | None = None
