"""Who answers a request: the pages, or the API."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from .api.app import FIRST_WORDS
from .api.routes import PREFIX
from .login import LOGIN, LOGOUT
from .me import ME

_ENTRANCE = frozenset({LOGIN, LOGOUT, ME})
_PAGES = re.compile(
    r"/classes/[^/]+"
    r"(?:/(?:nights|assignments)/.+|/weeks/[^/]+|/students/[^/]+(?:/contacts)?)?"
)
_WRITTEN = re.compile(r"/classes/[^/]+/students/[^/]+/contacts(?:/[^/]+/withdraw)?")


class Front:
    """Leads each request to what answers it.

    A class and a student have a page and an answer of the API at the same address: who asks for
    HTML, as browsers do when they open a page, gets the page, and everybody else the answer.

    Args:
        site: the pages.
        api: the answers for programs; it also logs people in and out.
    """

    def __init__(self, site: ASGIApp, api: ASGIApp) -> None:
        self._site = site
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. That the server begins and ends the API hears: it closes the pool."""
        app = self._for(scope) if scope["type"] == "http" else self._api
        await app(scope, receive, send)

    def _for(self, scope: Scope) -> ASGIApp:
        path: str = scope["path"]
        if path in _ENTRANCE:
            return self._api
        if path == "/" or (scope["method"] == "POST" and _WRITTEN.fullmatch(path)):
            return self._site
        is_of_api = path.split("/")[1] in FIRST_WORDS or path.startswith(f"{PREFIX}/")
        if _wants_page(scope["headers"]) and (_PAGES.fullmatch(path) or not is_of_api):
            return self._site
        return self._api


def _wants_page(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether somebody asks for HTML and not for JSON."""
    accepted = b",".join(value for name, value in headers if name == b"accept").lower()
    return b"text/html" in accepted and b"application/json" not in accepted
