"""From the path as it was asked to the route that answers: without the prefix too, HEAD as GET."""

from __future__ import annotations

from collections.abc import Container
from http import HTTPStatus

from starlette.types import ASGIApp, Receive, Scope, Send

from .problems import Problem

LONGEST_QUERY = 4096


class Paths:
    """Leads requests to their routes; a query that nobody needs is refused at once.

    Args:
        app: what answers.
        prefix: of the paths of all its routes.
        first_words: what paths begin with that are answered without the prefix too.
    """

    def __init__(self, app: ASGIApp, prefix: str, first_words: Container[str]) -> None:
        self._app = app
        self._prefix = prefix
        self._first_words = first_words

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if len(scope["query_string"]) > LONGEST_QUERY:
            too_long = Problem(
                HTTPStatus.REQUEST_URI_TOO_LONG, f"A query has {LONGEST_QUERY} bytes at most."
            )
            await too_long.response()(scope, receive, send)
            return
        scope.setdefault("state", {})
        # A copy: the server goes on by what it was asked, and leaves out the body of HEAD.
        led = {**scope, "path": self._led(scope["path"])}
        if scope["method"] == "HEAD":
            led["method"] = "GET"
        try:
            await self._app(led, receive, send)
        finally:
            # What was answered is known around this by the route, never by the path.
            if "route" in led:
                scope["route"] = led["route"]

    def _led(self, path: str) -> str:
        words = path.split("/")
        is_short = len(words) > 1 and not words[0] and words[1] in self._first_words
        return self._prefix + path if is_short else path
