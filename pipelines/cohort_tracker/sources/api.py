"""What a source gives: classes, what each consists of, and the pages of its progressions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ..errors import ApiUnavailableError, CohortTrackerError
from ..raw.known import StoredPageSize


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


def is_last(page: Page, size: int) -> bool:
    """Whether a class ends with this page, if each page before it had `size` records."""
    found, left = len(page.records), (page.total or 0) - page.number * size
    return (
        found <= left if page.can_load_more is False else found == left and not page.can_load_more
    )


class IncompleteListError(CohortTrackerError):
    """The API promises more classes than it shows.

    Args:
        classes: what it shows.
    """

    def __init__(self, message: str, hint: str, classes: list[ClassInfo]) -> None:
        super().__init__(message, hint)
        self.classes = classes


class PageSizeChangedError(ApiUnavailableError):
    """A class must be read from page 0 again: from now on its pages have another size."""


class Source(Protocol):
    """A session with an API that has cohorts. docs/sources.md says how to write another.

    Records are dictionaries in the shape that `raw.fields` lists: `_id`, `user`, `assignment`,
    `grade`, …; any of them may be broken, which is judged where they are read. Pages come with
    the newest completion first and work in progress last; a source whose order differs, or that
    does not say how many records there are, is read in whole each time.

    Every method raises AuthenticationError, ClassNotFoundError or ApiUnavailableError (as
    ApiUnreachableError where the next class would fail in the same way).
    """

    name: str
    """Stands in every row of the raw store: never changed once it is used."""

    def log_in(self) -> None:
        """Make sure that the account is let in."""

    def classes(self) -> list[ClassInfo]:
        """All classes that the account sees; raises IncompleteListError where some are missing."""

    def describe(self, class_id: str) -> Description:
        """Names and curriculum of one class."""

    def page(self, class_id: str, number: int) -> Page:
        """Page `number` of the class's progressions; called from one thread at a time."""


@runtime_checkable
class FindsPageSize(Protocol):
    """A source that finds out how many records its API gives per page.

    Its `page` raises PageSizeChangedError where a later page shows that the size does not hold.
    """

    api_base: str
    """The address of what the sizes are of."""

    def recall_page_size(self, known: Mapping[str, StoredPageSize]) -> None:
        """Take over what was found out before, by the address of the API."""

    def new_page_size(self) -> StoredPageSize | None:
        """What was found out since the last call, if it is not what was known."""
