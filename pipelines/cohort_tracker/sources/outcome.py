"""How the extraction of a class went, and who hears of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import CohortTrackerError
from .api import ClassInfo
from .result import PageRead, ReadResult


@dataclass
class ClassOutcome:
    """How the sync of one class went. `error` is None unless `status` is not `ok`."""

    info: ClassInfo
    result: ReadResult = field(default_factory=ReadResult)
    status: str = "failed"
    is_described: bool = False
    error: CohortTrackerError | None = None


class Observer:
    """Hears how an extraction goes; the default hears in silence."""

    def class_started(self, info: ClassInfo) -> None:
        """A class is about to be read."""

    def page_read(self, info: ClassInfo, page: PageRead, result: ReadResult) -> None:
        """A page of the class was read."""

    def class_finished(self, outcome: ClassOutcome) -> None:
        """The class is done, well or not."""

    def note(self, message: str) -> None:
        """Something worth knowing that is no error."""
