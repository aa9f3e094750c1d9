"""Puts answers on the wire, whole or spoiled."""

import socket
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http import HTTPStatus

from .api import Answer
from .faults import Incident

_MEGABYTE = 1_000_000
_GZIP = {"Content-Encoding": "gzip"}
_HTML = (
    b"<!DOCTYPE html><html><head><title>502</title></head><body><h1>Bad gateway</h1></body></html>"
)


class Hangup(Exception):
    """The connection must not be used for another request."""


def compress(body: bytes) -> bytes:
    """Return the body in gzip form, made fast rather than small."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


def head(status: int, headers: dict[str, str], length: int) -> bytes:
    """Return status line and headers of an answer with a body of so many bytes."""
    lines = [
        f"HTTP/1.1 {status} {_phrase(status)}",
        f"Date: {formatdate(usegmt=True)}",
        f"Content-Length: {length}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def spoil(answer: Answer, incidents: dict[str, Incident]) -> Answer:
    """Return the answer with what incidents do to its content."""
    headers, body = dict(answer.headers), answer.body
    if "empty_body" in incidents:
        body = b""
    if "not_json" in incidents:
        body = b'{"metadata": {"total": 3, "page'
    if "html" in incidents:
        headers["Content-Type"] = "text/html; charset=utf-8"
        body = _HTML
    if "huge_gzip" in incidents:
        headers |= _GZIP
        body = _padded_gzip(body, int(incidents["huge_gzip"].number))
    if "broken_gzip" in incidents:
        headers |= _GZIP
        # A right header, then what cannot be unpacked.
        body = compress(body)[:10] + b"\xff" * 64
    return Answer(answer.status, body, headers)


def instead(incidents: dict[str, Incident], target: str) -> Answer | None:
    """Return what is answered in place of the API's answer, None when nothing is."""
    status = incidents.get("status")
    if status is not None:
        headers = {}
        if status.retry_after is not None:
            headers["Retry-After"] = _retry_after(status.retry_after)
        return Answer(int(status.number), b'{"message":"told to fail"}', headers)
    redirect = incidents.get("redirect")
    if redirect is not None:
        return Answer(302, b"", {"Location": str(redirect.value).rstrip("/") + target})
    return None


class Wire:
    """Sends answers over one connection; `stop` ends all waiting.

    `count` gets body bytes before they are sent, so that who has read them finds them counted.
    """

    def __init__(self, connection: socket.socket, stop: threading.Event) -> None:
        self._connection, self._stop = connection, stop

    def wait(self, seconds: float) -> None:
        """Wait, or raise Hangup when the server is told to end."""
        if self._stop.wait(seconds):
            raise Hangup

    def send(
        self, answer: Answer, incidents: dict[str, Incident], count: Callable[[int], None]
    ) -> None:
        """Send an answer. Raises Hangup where the connection has been or must be closed."""
        body = answer.body
        padding = int(incidents["huge"].number) * _MEGABYTE if "huge" in incidents else 0
        start = head(answer.status, answer.headers, len(body) + padding)
        if "reset" in incidents or "truncated" in incidents:
            half = body[: len(body) // 2]
            count(len(half))
            self._connection.sendall(start + half)
            if "reset" in incidents:
                self._reset()
            raise Hangup
        if "drip" in incidents:
            self._connection.sendall(start)
            self._drip(body, incidents["drip"].number, count)
        else:
            count(len(body))
            self._connection.sendall(start + body)
        for block in _blanks(padding):
            count(len(block))
            self._connection.sendall(block)

    def _drip(self, body: bytes, per_second: float, count: Callable[[int], None]) -> None:
        step = max(1, int(per_second / 20))
        for place in range(0, len(body), step):
            self.wait(step / max(per_second, 0.001))
            piece = body[place : place + step]
            count(len(piece))
            self._connection.sendall(piece)

    def _reset(self) -> None:
        """Close so that the other side gets a reset: lingering for no time discards the rest."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The streams of the request handler hold the socket open; its number does not ask them.
        socket.close(self._connection.detach())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _retry_after(value: str) -> str:
    if not value.startswith("date:"):
        return value
    seconds = float(value.removeprefix("date:"))
    return formatdate(time.time() + seconds, usegmt=True)


def _blanks(size: int) -> Iterator[bytes]:
    """Yield blanks, which may stand behind any JSON text, without holding them all."""
    block = b" " * 65536
    while size > 0:
        yield block[:size]
        size -= len(block)


def _padded_gzip(body: bytes, megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(body)]
    parts += [packer.compress(block) for block in _blanks(megabytes * _MEGABYTE)]
    return b"".join((*parts, packer.flush()))
