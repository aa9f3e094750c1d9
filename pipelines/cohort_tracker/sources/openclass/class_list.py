"""The whole list of an account's classes, page by page."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import ApiUnavailableError, ClassNotFoundError
from ..api import ClassInfo, IncompleteListError, Page
from .description import class_info
from .envelope import class_id_of

_SPARE_PAGES = 3
_MOST_CLASSES = 10_000
_HINT = "The classes that it shows are read. Name others by their id: class_ids in the settings."


def read_list(fetch: Callable[[int, int | None], Page]) -> list[ClassInfo]:
    """All classes that the API lists, each once.

    Args:
        fetch: gets the page of a number, which counts from 0, with so many classes; None: as many
            as the API likes.

    Raises IncompleteListError, with the classes that were met, where the API promises more than
    it shows; and what `fetch` raises for the first page.
    """
    page = fetch(0, None)
    size = page.page_size or max(len(page.records), 1)
    total = page.total
    found: dict[str, ClassInfo] = {}
    nameless = position = 0
    refused = ""
    while True:
        before = len(found) + nameless
        for item in page.records:
            class_id = class_id_of(item) if isinstance(item, dict) else None
            if class_id is None:
                nameless += 1
            else:
                found.setdefault(class_id, class_info(item))
        position += len(page.records)
        total = total if page.total is None else page.total
        met = len(found) + nameless
        if (total is None or met >= total) and not page.can_load_more:
            return list(found.values())
        at_most = _MOST_CLASSES if total is None else 2 * total
        if met == before and (not page.records if total is None else met >= total):
            return list(found.values())  # only `can_load_more` promised something
        if met == before or position > at_most + _SPARE_PAGES * size:
            break
        try:
            page = fetch(page.number + 1, size)
        except (ApiUnavailableError, ClassNotFoundError) as error:
            refused = f" ({error.message})"
            break
    promised = "more" if total is None or met >= total else format(total, ",")
    raise IncompleteListError(
        f"The list of classes is incomplete: {len(found):,} met, {promised} promised{refused}",
        _HINT,
        list(found.values()),
    )
