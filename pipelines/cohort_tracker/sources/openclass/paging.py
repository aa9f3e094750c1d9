"""Walking through the pages of a class with dlt's REST client.

Apart from the client, because dlt takes half a second to import: it is imported while the answers
to the first requests are awaited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dlt.sources.helpers.rest_client.client import RESTClient
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from requests import Request, Response
from requests.auth import AuthBase
from requests.sessions import Session

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
        base_url: address of the API.
        session: how requests travel.
        auth: puts the token on them.
        extract: makes a page of an answer, or raises.
    """

    def __init__(
        self, base_url: str, session: Session, auth: AuthBase, extract: Callable[[Response], Any]
    ) -> None:
        super().__init__(base_url=base_url, session=session, auth=auth)
        self._extract = extract

    def pages(self, path: str, walk: PageWalk) -> Iterator[Any]:
        """The pages below `path`, in the order that `walk` is steered."""
        for data in self.paginate(path, paginator=walk, data_selector="$", hooks=_NO_HOOKS):
            yield data[0]

    def extract_response(self, response: Response, data_selector: Any) -> list[Any]:
        """The page as the only item."""
        return [self._extract(response)]
