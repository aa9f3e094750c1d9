"""The pages of one walk through a class, the next one fetched while the last is worked on."""

from __future__ import annotations

from collections.abc import Iterator

from ..runtime.background import Background
from .api import Page, Walk


class PageSource:
    """Gives the pages that are asked for; the first one is page 0.

    Args:
        walk: steers `pages`.
        pages: the pages as they arrive.
    """

    def __init__(self, walk: Walk, pages: Iterator[Page]) -> None:
        self._walk = walk
        self._pages = pages
        self._has_begun = False
        self._ahead: tuple[int, Background[Page]] | None = None

    def page(self, number: int) -> Page:
        """Page `number`. Raises what the client raises, for a page fetched ahead too."""
        if self._ahead is not None:
            (fetched, fetch), self._ahead = self._ahead, None
            found = fetch.result()
            if fetched == number:
                return found
        self._turn_to(number)
        return next(self._pages)

    def fetch_ahead(self, number: int) -> None:
        """Begin to fetch page `number`, which will most likely be asked for next."""
        self._turn_to(number)
        self._ahead = number, Background(lambda: next(self._pages), "page")

    def settle(self) -> None:
        """Wait for a page that was fetched ahead and is not wanted after all."""
        if self._ahead is not None:
            self._ahead[1].wait()

    def _turn_to(self, number: int) -> None:
        if self._has_begun:
            self._walk.go_to(number)
        elif number != 0:
            raise AssertionError("a walk begins at page 0")
        self._has_begun = True
