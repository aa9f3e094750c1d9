"""What holds for every request, whatever it asks for: Host, origin, size, headers, the log line."""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import Awaitable, Callable, Container, Iterable, MutableMapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from ..access.addresses import Addresses
from ..access.identify import TOO_MANY, shown_in
from ..access.throttle import Waiting
from .door import Door

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

LARGEST_HEAD = 16 * 1024
"""Of a request: its line and its headers."""
LARGEST_HEADERS = 8 * 1024
LARGEST_BODY = 64 * 1024
BODY_SECONDS = 10.0
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = _READING | {"POST", "PUT", "PATCH", "DELETE"}
_CLOSING = (b"connection", b"close")
_NO_FRAMES = b"frame-ancestors 'none'"
# For what is no page; pages say themselves what they need.
_SECURITY = {
    b"content-security-policy": b"default-src 'none'; base-uri 'none'; form-action 'none'; "
    + _NO_FRAMES,
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    b"cache-control": b"no-store",
}


class Guard:
    """Stands before the application.

    Args:
        app: what answers.
        addresses: which Host is ours.
        door: hears who is inside.
        log: takes a line per request: no person, no key, no path with ids, no query string.
        waiting: who was told to wait, and is told so again before anything else is done.
        free: the paths that nobody is told to wait for.
        login: where a browser that is not logged in is sent; None: nowhere.
    """

    def __init__(
        self,
        app: App,
        addresses: Addresses,
        door: Door,
        log: Callable[[str], None],
        waiting: Waiting,
        free: Container[str],
        login: str | None,
    ) -> None:
        self._app = app
        self._addresses = addresses
        self._door = door
        self._log = log
        self._waiting = waiting
        self._free = free
        self._login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        peer = tuple(scope["client"]) if scope.get("client") else None
        began = time.monotonic()
        answer = _Answer(send, _login_for(scope, self._login))
        self._door.entered(peer)
        try:
            await self._respond(scope, receive, answer)
        except Exception as error:
            # Its words may name people; where it was raised does not.
            self._log(f"{_now()} error {_place(error)}")
            if answer.status is None:
                await _refuse(answer, 500, "Something went wrong here; the log says where.")
        finally:
            self._door.left(peer)
            self._log(_line(scope, answer.status, time.monotonic() - began))

    async def _respond(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        hosts = _values(scope, b"host")
        origin = self._addresses.origin(hosts[0]) if len(hosts) == 1 else None
        if origin is None:
            await _refuse(answer, 421, "This address is not served here.")
            return
        if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
            await _refuse(answer, 431, "The headers are too large.")
            return
        scope.setdefault("state", {})["origin"] = origin
        told = self._waiting.told(shown_in(scope["headers"]))
        if told is not None and scope["path"] not in self._free:
            scope["state"]["grant_id"] = told.grant_id
            await _refuse(answer, 429, TOO_MANY, (b"retry-after", b"%d" % told.seconds))
            return
        if scope["method"] in _READING:
            await self._app(scope, receive, answer.send)
            return
        if not _is_own(scope, origin):
            await _refuse(answer, 403, "A page of another site may not ask for this.")
            return
        body = await _body(scope, receive)
        if isinstance(body, int):
            await _refuse(answer, body, "The request is too large, or came too slowly.")
            return
        await self._app(scope, _replay(body, receive), answer.send)


class _Answer:
    """What is sent back, with the headers that every answer has."""

    def __init__(self, send: Send, login: str | None) -> None:
        self._send = send
        self._login = login
        self._is_replaced = False
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        """Send on, with what is missing; instead of a 401, where to log in."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [(name.lower(), value) for name, value in message.get("headers", ())]
            if self.status == 401 and self._login is not None:
                self.status, self._is_replaced = 303, True
                headers = [(b"location", self._login.encode()), (b"content-length", b"0")]
            message = {**message, "status": self.status, "headers": _secured(headers)}
        elif self._is_replaced:
            if message.get("more_body", False):
                return
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)


def _secured(headers: Headers) -> Headers:
    """The headers with those that are missing; no page may be framed, whatever it says itself."""
    names = {name for name, _ in headers}
    framed = [
        (name, value + b"; " + _NO_FRAMES)
        if name == b"content-security-policy" and b"frame-ancestors" not in value
        else (name, value)
        for name, value in headers
    ]
    return framed + [(name, value) for name, value in _SECURITY.items() if name not in names]


def _values(scope: Scope, wanted: bytes) -> list[str]:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1") for name, value in headers if name.lower() == wanted]


def _login_for(scope: Scope, login: str | None) -> str | None:
    """Where to send this request's sender to log in: only a browser that opens a page."""
    opens_a_page = (
        scope["method"] == "GET"
        and any("text/html" in value for value in _values(scope, b"accept"))
        and not _values(scope, b"authorization")
    )
    return login if opens_a_page else None


def _is_own(scope: Scope, origin: str) -> bool:
    """Whether what changes something was sent by a page of ours, or by no browser at all."""
    if any(value.lower().startswith("bearer ") for value in _values(scope, b"authorization")):
        return True  # a browser adds other kinds by itself, this one never
    sites, origins = _values(scope, b"sec-fetch-site"), _values(scope, b"origin")
    if sites:
        return sites == ["same-origin"] and all(found in (origin, "null") for found in origins)
    return origins == [origin]


async def _body(scope: Scope, receive: Receive) -> bytes | int:
    """The whole body, or the status that refuses it."""
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return 400  # the client went away
                parts.append(message.get("body", b""))
                if sum(map(len, parts)) > LARGEST_BODY:
                    return 413
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        return 408


def _replay(body: bytes, receive: Receive) -> Receive:
    """A body that was read, to be read again."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


async def _refuse(
    answer: _Answer, status: int, detail: str, header: tuple[bytes, bytes] = _CLOSING
) -> None:
    """Answer by RFC 9457, without the application."""
    title = HTTPStatus(status).phrase
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        header,
    ]
    await answer.send({"type": "http.response.start", "status": status, "headers": headers})
    await answer.send({"type": "http.response.body", "body": body.encode()})


def _line(scope: Scope, status: int | None, seconds: float) -> str:
    """What is kept of a request: the route as the code has it, never the path as it came."""
    method = scope["method"] if scope["method"] in _METHODS else "?"
    route = getattr(scope.get("route"), "path", "-")
    who = scope.get("state", {}).get("grant_id", "-")
    return f"{_now()} {status or '-'} {method} {route} {1000 * seconds:.0f} ms {who}"


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _place(error: Exception) -> str:
    """The kind of an error, and the lines of code that led to it."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    lines = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {lines}"
