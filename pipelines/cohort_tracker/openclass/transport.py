"""How requests travel: paced, bounded in size and time, retried, credentials to one host only."""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from dlt.sources.helpers.requests import Session as DltSession
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import (
    ChunkedEncodingError,
    ContentDecodingError,
    InvalidURL,
    ReadTimeout,
    RequestException,
    SSLError,
)
from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_base, wait_random_exponential
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError

from ..errors import ApiUnavailableError, ApiUnreachableError

RETRY_STATUS = frozenset({408, 425, 429, *range(500, 600)})
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True)
class TransportLimits:
    """Bounds on every request; times in seconds, sizes in bytes after decompression."""

    page_delay: float = 0.5
    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    max_attempts: int = 5
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


class Pace:
    """Keeps the starts of two requests at least `delay` seconds apart, over all threads.

    The first start waits too: the request before it may be that of a process that just ended.
    """

    def __init__(self, delay: float, *, since: float | None = None) -> None:
        self._delay = delay
        self._lock = threading.Lock()
        self._next_start = (time.monotonic() if since is None else since) + delay

    def wait(self) -> None:
        """Return when the next request may start."""
        with self._lock:
            while (remaining := self._next_start - time.monotonic()) > 0:
                time.sleep(remaining)
            self._next_start = time.monotonic() + self._delay


class BoundedAdapter(HTTPAdapter):
    """Sends one request at its turn and reads the whole answer within the limits."""

    def __init__(self, pace: Pace, limits: TransportLimits) -> None:
        super().__init__(pool_maxsize=4)
        self._pace = pace
        self._limits = limits

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send `request`; raises requests' exceptions, BodyTooLargeError or ReadTimeout."""
        self._pace.wait()
        deadline = time.monotonic() + self._limits.response_seconds
        kwargs["stream"] = True  # the body is read here, within bounds
        response = super().send(request, *args, **kwargs)
        try:
            body = b"".join(self._read(response, deadline))
        except BaseException:
            response.close()
            raise
        response._content = body
        response._content_consumed = True
        response.raw.release_conn()
        return response

    def _read(self, response: Response, deadline: float) -> Iterator[bytes]:
        size = 0
        expected = response.headers.get("Content-Length", "")
        if expected.isdigit() and int(expected) > self._limits.max_body_bytes:
            raise BodyTooLargeError(f"the answer has {int(expected):,} bytes", response=response)
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
            if size > self._limits.max_body_bytes:
                raise BodyTooLargeError(
                    f"the answer has more than {self._limits.max_body_bytes:,} bytes",
                    response=response,
                )
            if time.monotonic() > deadline:
                raise ReadTimeout(
                    f"the answer took longer than {self._limits.response_seconds:g} s",
                    request=response.request,
                )
            yield chunk


class PoliteSession(DltSession):
    """A dlt (`requests`) session whose `send` retries what another try may mend.

    Args:
        limits: pace, time-outs and retry bounds.
        check: called with each successful answer; raises UnusableBodyError to ask for another try.
        verify: certificate bundle to trust instead of the system's, or True.
        since: `time.monotonic()` from which the pace of the first request counts.
    """

    def __init__(
        self,
        limits: TransportLimits,
        *,
        check: Callable[[Response], object],
        verify: str | bool = True,
        since: float | None = None,
    ) -> None:
        super().__init__(
            timeout=(limits.connect_timeout, limits.read_timeout), raise_for_status=False
        )
        self._limits = limits
        self._check = check
        self.verify = verify
        self.max_redirects = 3
        adapter = BoundedAdapter(Pace(limits.page_delay, since=since), limits)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        """Send with retries; returns the last answer, whatever its status.

        Raises ApiUnavailableError when no usable answer came within the bounds, saying what was
        tried, and ApiUnreachableError when not even a connection could be made.
        """
        started = time.monotonic()
        retrying = Retrying(
            retry=_may_succeed_later,
            wait=_WaitAsTold(self._limits.max_retry_after),
            stop=self._enough(started),
            retry_error_callback=lambda state: _give_up(state, started),
        )
        try:
            response: Response = retrying(self._send_once, request, **kwargs)
        except RequestException as error:
            raise _as_api_error(_describe(error), error, None) from error
        return response

    def _send_once(self, request: PreparedRequest, **kwargs: Any) -> Response:
        response: Response = super().send(request, **kwargs)  # type: ignore[no-untyped-call]
        if response.ok:
            self._check(response)
        return response

    def _enough(self, started: float) -> Callable[[RetryCallState], bool]:
        def enough(state: RetryCallState) -> bool:
            if state.attempt_number >= self._limits.max_attempts:
                return True
            elapsed = time.monotonic() - started
            return elapsed + (state.upcoming_sleep or 0.0) > self._limits.retry_seconds

        return enough

    def get_redirect_target(self, resp: Response) -> str | None:
        """Where a redirect leads; raises RedirectRefusedError for another origin."""
        target = super().get_redirect_target(resp)
        if target:
            here = urlsplit(resp.url)
            there = urlsplit(urljoin(resp.url, target))
            if (here.scheme, here.netloc) != (there.scheme, there.netloc):
                raise RedirectRefusedError(
                    f"redirected to {there.scheme}://{there.netloc}, where the credentials"
                    " must not go",
                    response=resp,
                )
        return target


def _may_succeed_later(state: RetryCallState) -> bool:
    assert state.outcome is not None
    error = state.outcome.exception()
    if error is None:
        return state.outcome.result().status_code in RETRY_STATUS
    if isinstance(error, (SSLError, BodyTooLargeError, RedirectRefusedError, InvalidURL)):
        return False
    return isinstance(error, RequestException)


class _WaitAsTold(wait_base):
    """`Retry-After` (seconds or a date) where the server sends one, else backoff with jitter."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._backoff = wait_random_exponential(multiplier=0.5, min=0.1, max=min(30.0, longest))

    def __call__(self, retry_state: RetryCallState) -> float:
        assert retry_state.outcome is not None
        if not retry_state.outcome.failed:
            told = _retry_after(retry_state.outcome.result().headers.get("Retry-After"))
            if told is not None:
                return min(max(told, 0.0), self._longest)
        return self._backoff(retry_state)


def _retry_after(header: str | None) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110, 10.2.3), None when it says nothing."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    return moment.timestamp() - time.time()


def _give_up(state: RetryCallState, started: float) -> Response:
    assert state.outcome is not None
    attempts = state.attempt_number
    tried = (
        f"tried {attempts} time{'s' if attempts != 1 else ''} in {time.monotonic() - started:.0f} s"
    )
    error = state.outcome.exception()
    if error is None:
        raise ApiUnavailableError(f"{state.outcome.result().status_code} ({tried})")
    raise _as_api_error(f"{_describe(error)} ({tried})", error, tried) from error


def _as_api_error(message: str, error: BaseException, tried: str | None) -> ApiUnavailableError:
    unreachable = isinstance(error, (requests.ConnectionError, InvalidURL)) and not isinstance(
        error, (ChunkedEncodingError, ContentDecodingError)
    )
    # A connection that was cut after it stood says nothing about the next class.
    if unreachable and "reset" not in message and "closed" not in message:
        return ApiUnreachableError(message)
    return ApiUnavailableError(message)


def _describe(error: BaseException) -> str:
    """A network failure in a few words, without addresses, queries or object names."""
    if isinstance(error, (UnusableBodyError, BodyTooLargeError, RedirectRefusedError)):
        return str(error)
    text = str(error)
    for mark, words in _KNOWN_FAILURES:
        if mark in text:
            return words
    if isinstance(error, requests.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, ContentDecodingError):
        return "the answer's compression is broken"
    if isinstance(error, ChunkedEncodingError):
        return "the connection was closed in mid-answer"
    return type(error).__name__


_KNOWN_FAILURES = (
    ("CERTIFICATE_VERIFY_FAILED", "the server's certificate is not trusted"),
    ("NameResolutionError", "the host name cannot be resolved"),
    ("Connection refused", "connection refused"),
    ("Network is unreachable", "network is unreachable"),
    ("No route to host", "no route to the host"),
    ("Connection reset", "the connection was reset"),
    ("Remote end closed", "the connection was closed without an answer"),
    ("SSLError", "no secure connection could be made"),
)
