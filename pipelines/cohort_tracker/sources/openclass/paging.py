"""Walking through the pages of a class with dlt's REST client.

Apart from the client, because dlt takes half a second to import: it is imported while the answers
to the first requests are awaited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlt.sources.helpers.rest_client import RESTClient  # type: ignore[attr-defined]
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from requests import Request, Response

# Errors are judged by the caller, who knows what was asked for; dlt must not raise before.
_NO_HOOKS: dict[str, Any] = {"response": []}


class PageWalk(BasePaginator):
    """A page-number paginator whose reader says where to go next.

    The reader of a class looks at each page before it knows which one it needs, and reads
    backwards too. It calls `go_to` with the next 0-based page; without a call the walk ends.
    """

    def __init__(self, page_size: int, first: int = 0) -> None:
        super().__init__()
        self.page_size = page_size
        self.number = first
        self._params: dict[str, int] = {}

    def init_request(self, request: Request) -> None:
        """Ask for the first page, newest completions first."""
        self._params = {
            "page": self.number,
            "return_count": self.page_size,
            "sort_by_completed_at": -1,
        }
        request.params = self._params

    def go_to(self, number: int) -> None:
        """Make 0-based page `number` the next one."""
        self.number = number
        self._params["page"] = number
        self._has_next_page = True

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """End the walk unless the reader goes on."""
        self._has_next_page = False

    def update_request(self, request: Request) -> None:
        """Nothing to do: `go_to` changed the request already."""


class PageClient(RESTClient):
    """dlt's REST client, which takes a whole page of progressions for one item.

    Args:
        extract: makes a page of an answer, or raises.
        given: the client's own arguments.
    """

    def __init__(self, extract: Callable[[Response], Any], **given: Any) -> None:
        super().__init__(**given)
        self._extract = extract

    def extract_response(self, response: Response, data_selector: Any) -> list[Any]:
        """The page as the only item."""
        return [self._extract(response)]


class ClassWalk:
    """The pages below the path of one class, by number.

    Args:
        class_id: whose pages they are.
        path: where they are.
        first: the 0-based page that is asked for first.
        page_size: records per page to ask for.
        extract: makes a page of an answer, or raises.
        client: address, session and authentication of dlt's REST client.
    """

    def __init__(
        self,
        class_id: str,
        path: str,
        first: int,
        *,
        page_size: int,
        extract: Callable[[Response], Any],
        **client: Any,
    ) -> None:
        self.class_id = class_id
        self._walk = PageWalk(page_size, first)
        self._pages = PageClient(extract, **client).paginate(
            path, paginator=self._walk, data_selector="$", hooks=_NO_HOOKS
        )
        self._has_begun = False

    def page(self, number: int) -> Any:
        """Page `number`; after an error the walk is over."""
        if self._has_begun:
            self._walk.go_to(number)
        self._has_begun = True
        return next(self._pages)[0]
