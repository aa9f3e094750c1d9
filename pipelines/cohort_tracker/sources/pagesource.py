"""The pages of a class, the next one fetched while the last is worked on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..runtime.background import Background
from .api import Page


class PageSource:
    """Gives the pages that are asked for, one request at a time.

    Args:
        fetch: gets the page of a number, which counts from 0.
    """

    def __init__(self, fetch: Callable[[int], Page]) -> None:
        self._fetch = fetch
        self._ahead: tuple[int, Background[Page]] | None = None

    def page(self, number: int) -> Page:
        """Page `number`. Raises what the source raises, for a page fetched ahead too."""
        if self._ahead is not None:
            (fetched, fetch), self._ahead = self._ahead, None
            found = fetch.result()
            if fetched == number:
                return found
        return self._fetch(number)

    def fetch_ahead(self, number: int) -> None:
        """Begin to fetch page `number`, which will most likely be asked for next."""
        self._ahead = number, Background(partial(self._fetch, number), "page")

    def drop_ahead(self) -> None:
        """Do without a page that was fetched ahead, whatever became of it."""
        self.settle()
        self._ahead = None

    def settle(self) -> None:
        """Wait for a page that was fetched ahead and is not wanted after all."""
        if self._ahead is not None:
            self._ahead[1].wait()
