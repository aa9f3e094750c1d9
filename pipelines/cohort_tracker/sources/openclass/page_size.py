"""How many records to ask for per page, where the settings leave it to be found out.

The fewer pages, the fewer pauses between them. How large a page may be is in no public document, so
the largest is asked for first, and smaller ones where the API does not give it. What holds is
remembered for a while; a page 0 that shows something else counts more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from ...config import AUTO, LARGEST_PAGE
from ...errors import ApiUnavailableError, ApiUnreachableError
from ...raw.known import StoredPageSize
from ..adapter import TransportLimits
from ..api import Page, is_last
from ..transport import TooManyRequestsError, TooSlowError

SIZES = (LARGEST_PAGE, 200, 100)
"""Public clients get 200; 100 is the most that any document names."""
REMEMBERED_FOR = timedelta(days=30)
PROBE_SECONDS = 8.0
"""How long the first answer to the largest size is waited for: about what a first sync of a cohort
saves by it (3,781 records: 15 pauses of 0.5 s), so that looking costs no more than it can bring."""
_TIMEOUTS_WHERE_IT_HELD = 2  # one may be chance


class SizeRefusedError(ApiUnavailableError):
    """The API answered 400, 413 or 422: it may not like the size."""


@dataclass(frozen=True)
class _Reading:
    """How a class is read: what its page 0 was asked for, and what came."""

    asked: int
    records: int
    claimed: int | None


class PageSizes:
    """What to ask one API for: the largest of a few sizes that it gives.

    Args:
        wanted: a number, which is asked for as it is, or "auto".
        now: the clock, aware, UTC.
    """

    def __init__(
        self, wanted: int | str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._sizes = SIZES if wanted == AUTO else (int(wanted),)
        self._size = self._sizes[0]
        self._now = now
        self._known: StoredPageSize | None = None
        self._is_news = False
        self._gave_way = False
        self._readings: dict[str, _Reading] = {}

    def recall(self, known: StoredPageSize | None) -> None:
        """Begin with what held, unless that was long ago, or at a time to come."""
        if known is None or len(self._sizes) == 1 or known.asked not in self._sizes:
            return
        if timedelta(0) <= self._now() - known.first_seen_at < REMEMBERED_FOR:
            self._known, self._size = known, known.asked

    def news(self) -> StoredPageSize | None:
        """What was found out since the last call, if it is not what was known."""
        known, self._is_news = self._known if self._is_news else None, False
        return known

    def size(self, class_id: str, number: int) -> int:
        """What to ask for: a class is read to its end as it was begun."""
        reading = self._readings.get(class_id)
        return self._size if number == 0 or reading is None else reading.asked

    def limits(self, size: int, usual: TransportLimits) -> TransportLimits:
        """How long to wait for a page of that size, and how often."""
        if self._smaller(size) is None:
            return usual
        if self._known is not None and self._known.asked == size:
            return replace(usual, max_timeouts=_TIMEOUTS_WHERE_IT_HELD)
        if size < self._sizes[0]:
            return replace(usual, max_timeouts=1)
        seconds = min(usual.read_timeout, PROBE_SECONDS)
        return replace(usual, read_timeout=seconds, response_seconds=seconds, max_timeouts=1)

    def gives_way(self, size: int, error: ApiUnavailableError) -> bool:
        """Whether a smaller size may help where a page failed; it is asked for from now on."""
        held = self._known is not None and self._known.asked == size
        if isinstance(error, (ApiUnreachableError, TooManyRequestsError)):
            return False
        # Where the size held before, any other failure is one of the hour.
        if held and not isinstance(error, (SizeRefusedError, TooSlowError)):
            return False
        return self._give_way(size)

    def accepts(self, class_id: str, size: int, page: Page) -> bool:
        """Whether to go on with what came; if not, a smaller size is asked for from now on."""
        if page.number > 0:
            return not (self._is_cut(class_id, page) and self._give_way(size))
        self._readings[class_id] = _Reading(size, len(page.records), page.page_size)
        granted = _granted(page)
        smaller = self._smaller(size)
        # Fewer than 200: an API that falls back to little where it is asked for too much.
        if granted is not None and smaller is not None and smaller > granted:
            return not self._give_way(size)
        self._learn(size, granted)
        return True

    def _is_cut(self, class_id: str, page: Page) -> bool:
        """Whether a page holds less than page 0 did, so that its number means another place."""
        begun = self._readings.get(class_id)
        if begun is None or page.total is None or is_last(page, begun.records):
            return False
        if page.page_size is None or begun.claimed is None:
            return len(page.records) < begun.records
        return page.page_size < begun.claimed

    def _smaller(self, size: int) -> int | None:
        return next((smaller for smaller in self._sizes if smaller < size), None)

    def _give_way(self, size: int) -> bool:
        smaller = self._smaller(size)
        if smaller is None:
            return False
        self._gave_way = True
        self._size = min(self._size, smaller)
        return True

    def _learn(self, size: int, granted: int | None) -> None:
        """Remember what holds. A class that fits on its page 0 tells nothing of larger ones.

        It does tell that the size is taken, where a larger one was not.
        """
        if len(self._sizes) == 1 or (granted is None and not self._gave_way):
            return
        if granted is None and self._known is not None and self._known.asked == size:
            return
        found = StoredPageSize(size, granted, self._now())
        if self._known is None or (self._known.asked, self._known.granted) != (size, granted):
            self._known, self._is_news = found, True


def _granted(page: Page) -> int | None:
    """How many records the API gives per page, by a page 0; None where it does not tell.

    The length tells where more are to come. A page that has all there is tells nothing, nor does
    one that is shorter than it claims and could have held all: then its total may be wrong.
    """
    found = len(page.records)
    if not found or page.can_load_more is False:
        return None
    if page.page_size is None or found >= page.page_size:
        has_more = page.can_load_more if page.total is None else page.total > found
        return found if has_more else None
    return found if page.total is not None and page.total >= page.page_size else None
