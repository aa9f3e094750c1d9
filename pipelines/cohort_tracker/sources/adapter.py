"""One request and its whole answer, at its turn and within bounds of size and time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import (
    ChunkedEncodingError,
    ContentDecodingError,
    ReadTimeout,
    RequestException,
)
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

from ..runtime.background import Background
from ..setting_values import is_loopback
from .pace import Pace

_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class TransportLimits:
    """Bounds on every request; times in seconds, sizes in bytes after decompression.

    `max_timeouts`: how many of the tries may end without an answer in time; None: all of them.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    max_attempts: int = 5
    max_timeouts: int | None = None
    retry_seconds: float = 120.0
    response_seconds: float = 120.0
    max_body_bytes: int = 32 << 20
    max_retry_after: float = 60.0


class UnusableBodyError(RequestException):
    """The answer arrived but is not what was asked for; another try may bring it."""


class BodyTooLargeError(RequestException):
    """The answer is larger than any page can be; another try would bring the same."""


class RedirectRefusedError(RequestException):
    """The API pointed to another host, which must not see the credentials."""


class BoundedAdapter(HTTPAdapter):
    """Sends one request at its turn and reads the whole answer within the limits."""

    def __init__(self, pace: Pace, limits: TransportLimits) -> None:
        self._pace = pace
        self.limits = limits
        self._socket: Any = None
        super().__init__(pool_maxsize=4)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send `request`; raises requests' exceptions, BodyTooLargeError or ReadTimeout."""
        kwargs["stream"] = True  # the body is read here, within bounds
        if _goes_direct(str(request.url)):
            kwargs["proxies"] = {}
            request.headers.pop("Proxy-Authorization", None)
        self._pace.wait()
        # In a thread of its own, so that nothing can outwait the limit: socket time-outs bound the
        # wait for the next byte only; headers that drip, a slow handshake and a slow name server
        # are bounded by not waiting for the thread any longer.
        seconds = self.limits.response_seconds
        deadline = time.monotonic() + seconds
        exchange = Background(lambda: self._exchange(request, deadline, args, kwargs), "request")
        # The body is read in the thread up to the same deadline and then says more.
        if not exchange.wait(seconds + 0.5):
            raise _too_slow(seconds, request)
        return exchange.result()

    def _exchange(
        self,
        request: PreparedRequest,
        deadline: float,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Response:
        self._pace.count_from_now()  # a thread may begin late
        try:
            response = super().send(request, *args, **kwargs)
        except BaseException:
            self._pace.count_from_now()  # whatever of it arrived, did so before
            raise
        if not self._is_used_again(response):
            self._pace.count_from_now()
        try:
            body = b"".join(self._read(response, deadline))
        except BaseException:
            response.close()
            raise
        response.raw.release_conn()
        response.raw = BytesIO(body)  # from where `requests` takes the content
        return response

    def _is_used_again(self, response: Response) -> bool:
        """Whether the answer came over the connection of the one before it."""
        before, self._socket = self._socket, getattr(response.raw.connection, "sock", None)
        return self._socket is not None and self._socket is before

    def _read(self, response: Response, deadline: float) -> Iterator[bytes]:
        size = 0
        expected = response.headers.get("Content-Length", "")
        if expected.isdigit() and int(expected) > self.limits.max_body_bytes:
            raise BodyTooLargeError(f"the answer has {int(expected):,} bytes", response=response)
        if "," in response.headers.get("Content-Encoding", ""):
            # Never asked for, and layers multiply what a small answer can swell to.
            raise ContentDecodingError("layers of compression", response=response)
        while True:
            try:
                # read1 returns what has arrived: a slow drip cannot outwait the deadline.
                chunk = response.raw.read1(_CHUNK_BYTES, decode_content=True)
            except DecodeError as error:
                raise ContentDecodingError(error, response=response) from error
            except ReadTimeoutError as error:
                raise ReadTimeout(error, request=response.request) from error
            except (HTTPError, OSError) as error:
                raise ChunkedEncodingError(error, response=response) from error
            if not chunk:
                return
            size += len(chunk)
            if size > self.limits.max_body_bytes:
                raise BodyTooLargeError(
                    f"the answer has more than {self.limits.max_body_bytes:,} bytes",
                    response=response,
                )
            if time.monotonic() > deadline:
                raise _too_slow(self.limits.response_seconds, response.request)
            yield chunk


def _goes_direct(url: str) -> bool:
    """Whether no proxy may be between: it would read a password that is not encrypted.

    And this machine is not where a proxy elsewhere looks for it.
    """
    parts = urlsplit(url)
    return parts.scheme == "http" or is_loopback(parts.hostname)


def _too_slow(seconds: float, request: PreparedRequest) -> ReadTimeout:
    return ReadTimeout(f"the answer took longer than {seconds:g} s", request=request)
