"""What a source gives: classes, what each consists of, and the pages of its progressions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


@dataclass(frozen=True)
class ClassInfo:
    """A class as the API describes it; everything but the id may be unknown."""

    class_id: str
    friendly_id: str | None = None
    name: str | None = None
    school: str | None = None
    is_published: bool | None = None


@dataclass(frozen=True)
class CurriculumEntry:
    """One assignment of a class, in curriculum order; positions are 1-based."""

    position: int
    section_position: int
    section_name: str | None
    assignment_id: str


class Description(NamedTuple):
    """What a class is and what it consists of; no entries where the API tells none."""

    info: ClassInfo
    curriculum: list[CurriculumEntry]


@dataclass(frozen=True)
class Page:
    """One page of progressions as received; pages count from 0.

    `total`, `page_size` and `can_load_more` are None where the API sent none that can be used.
    """

    number: int
    records: list[Any]
    total: int | None
    page_size: int | None
    can_load_more: bool | None


class Walk(Protocol):
    """Something that fetches the page it is told to go to next."""

    def go_to(self, number: int) -> None:
        """Make 0-based page `number` the next one."""


class Source(Protocol):
    """A session with an API that has cohorts.

    Every method raises AuthenticationError, ClassNotFoundError or ApiUnavailableError.
    """

    def log_in(self) -> None:
        """Make sure that the account is let in."""

    def classes(self) -> list[ClassInfo]:
        """All classes that the account sees."""

    def describe(self, class_id: str) -> Description:
        """Names and curriculum of one class."""

    def progressions(self, class_id: str) -> tuple[Walk, Iterator[Page]]:
        """The pages of a class, page 0 first and then those that the walk is told to go to."""
