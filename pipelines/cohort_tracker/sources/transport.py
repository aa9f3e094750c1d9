"""How requests travel: paced, bounded in size and time, retried, credentials to one host only."""

from __future__ import annotations

import contextlib
import email.utils
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import (
    ChunkedEncodingError,
    ContentDecodingError,
    InvalidURL,
    ProxyError,
    ReadTimeout,
    RequestException,
    SSLError,
    TooManyRedirects,
)
from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_base, wait_random_exponential
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import DecodeError, HTTPError, NewConnectionError, ReadTimeoutError

from ..errors import ApiUnavailableError, ApiUnreachableError, ConfigError
from ..runtime.background import Background

RETRY_STATUS = frozenset({408, 425, 429, *range(500, 600)})
BACKOFF_SECONDS = 0.5
"""The wait before the second try, on average doubled before each one after."""
_CHUNK_BYTES = 1 << 16
# The way to the server takes now a little longer, now a little less.
_MARGIN = 0.002


@dataclass(frozen=True)
class TransportLimits:
    """Bounds on every request; times in seconds, sizes in bytes after decompression."""

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
    """Keeps the starts of two requests at least `delay` seconds apart, over threads and processes.

    The time of the last start is that of the file `stamp`, by which the next process knows it, even
    where this one is killed. Where the file cannot be, processes know nothing of each other.
    """

    def __init__(self, delay: float, stamp: Path) -> None:
        self._delay = delay + _MARGIN if delay else 0.0
        self._stamp = stamp
        self._lock = threading.Lock()
        self._next_start = time.monotonic() + self._rest_of_another()

    def wait(self) -> None:
        """Return when the next request may start."""
        if not self._delay:
            return
        with self._lock:
            while (remaining := self._next_start - time.monotonic()) > 0:
                time.sleep(remaining)
            self._next_start = time.monotonic() + self._delay

    def count_from_now(self) -> None:
        """Note that the request whose turn it was is on its way only now.

        Before it was sent, a connection may have been made, or the processor been elsewhere.
        """
        if not self._delay:
            return
        with self._lock:
            self._next_start = time.monotonic() + self._delay
            self._note()

    def _rest_of_another(self) -> float:
        """Seconds to wait for the sake of another process's last request."""
        try:
            ago = time.time() - self._stamp.lstat().st_mtime
        except OSError:
            return 0.0
        # A time in the future means that a clock jumped.
        return min(max(self._delay - ago, 0.0), self._delay)

    def _note(self) -> None:
        with contextlib.suppress(OSError):
            try:
                os.utime(self._stamp, follow_symlinks=False)
            except FileNotFoundError:
                os.close(os.open(self._stamp, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


class BoundedAdapter(HTTPAdapter):
    """Sends one request at its turn and reads the whole answer within the limits."""

    def __init__(self, pace: Pace, limits: TransportLimits) -> None:
        self._pace = pace
        self._limits = limits
        super().__init__(pool_maxsize=4)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Have each connection tell the pace when a request was sent."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._pace)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """The same for connections through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _pools(self._pace)
        return manager

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        """Send `request`; raises requests' exceptions, BodyTooLargeError or ReadTimeout."""
        self._pace.wait()
        kwargs["stream"] = True  # the body is read here, within bounds
        # In a thread of its own, so that nothing can outwait the limit: socket time-outs bound the
        # wait for the next byte only; headers that drip, a slow handshake and a slow name server
        # are bounded by not waiting for the thread any longer.
        seconds = self._limits.response_seconds
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
        response = super().send(request, *args, **kwargs)
        try:
            body = b"".join(self._read(response, deadline))
        except BaseException:
            response.close()
            raise
        response._content = body
        response._content_consumed = True  # type: ignore[attr-defined]
        response.raw.release_conn()
        return response

    def _read(self, response: Response, deadline: float) -> Iterator[bytes]:
        size = 0
        expected = response.headers.get("Content-Length", "")
        if expected.isdigit() and int(expected) > self._limits.max_body_bytes:
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
            if size > self._limits.max_body_bytes:
                raise BodyTooLargeError(
                    f"the answer has more than {self._limits.max_body_bytes:,} bytes",
                    response=response,
                )
            if time.monotonic() > deadline:
                raise _too_slow(self._limits.response_seconds, response.request)
            yield chunk


def _pools(pace: Pace) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's pools, with connections that tell `pace` when a request was sent."""

    class Connection(HTTPConnection):
        def request(self, *args: Any, **kwargs: Any) -> None:
            super().request(*args, **kwargs)
            pace.count_from_now()

    class SecureConnection(HTTPSConnection):
        def request(self, *args: Any, **kwargs: Any) -> None:
            super().request(*args, **kwargs)
            pace.count_from_now()

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}


def _too_slow(seconds: float, request: PreparedRequest) -> ReadTimeout:
    return ReadTimeout(f"the answer took longer than {seconds:g} s", request=request)


class PoliteSession(Session):
    """A `requests` session whose `send` keeps the pace and retries what another try may mend.

    Args:
        limits: time-outs and retry bounds.
        pace: says when the next request may start.
        check: called with each successful answer; raises UnusableBodyError to ask for another try.
        verify: certificate bundle to trust instead of the usual one, or True.

    Raises ConfigError when the bundle does not exist.
    """

    def __init__(
        self,
        limits: TransportLimits,
        pace: Pace,
        *,
        check: Callable[[Response], object],
        verify: str | bool = True,
    ) -> None:
        super().__init__()
        if isinstance(verify, str) and not Path(verify).exists():
            raise ConfigError(f"ca_bundle: no such file: {verify}")
        self._limits = limits
        self._check = check
        self._environment: dict[tuple[str, str], Any] = {}
        self.verify = verify
        self.max_redirects = 3
        adapter = BoundedAdapter(pace, limits)
        self.mount("http://", adapter)
        self.mount("https://", adapter)

    def merge_environment_settings(self, url: Any, *given: Any) -> Any:
        """Proxies and certificates for `url`, asked of the environment once for each origin."""
        origin = urlsplit(url)[:2]
        if origin not in self._environment:
            self._environment[origin] = super().merge_environment_settings(url, *given)
        return dict(self._environment[origin])

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        """Send with retries; returns the last answer, whatever its status.

        Raises ApiUnavailableError when no usable answer came within the bounds, saying what was
        tried, and ApiUnreachableError when not even a connection could be made.
        """
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = (self._limits.connect_timeout, self._limits.read_timeout)
        if isinstance(self.verify, str):
            kwargs["verify"] = self.verify  # a bundle that was set wins over the environment's
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
            raise _as_api_error(_describe(error), error) from error
        return response

    def _send_once(self, request: PreparedRequest, **kwargs: Any) -> Response:
        response = super().send(request, **kwargs)
        if response.ok and not response.is_redirect:
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
            try:
                here = urlsplit(resp.url)
                there = urlsplit(urljoin(resp.url, target))
            except ValueError as error:
                raise InvalidURL(error, response=resp) from error
            if (here.scheme, here.netloc) != (there.scheme, there.netloc):
                raise RedirectRefusedError(
                    f"redirected to {there.scheme}://{there.hostname}, where the credentials"
                    " must not go",
                    response=resp,
                )
        return target

    def rebuild_auth(self, prepared_request: PreparedRequest, response: Response) -> None:
        """Keep the token: a redirect never leaves the host, and ~/.netrc must not take over."""


def _may_succeed_later(state: RetryCallState) -> bool:
    assert state.outcome is not None
    error = state.outcome.exception()
    if error is None:
        return state.outcome.result().status_code in RETRY_STATUS
    if isinstance(error, _FINAL) or "CERTIFICATE_VERIFY_FAILED" in str(error):
        return False
    return isinstance(error, RequestException)


# What another try would meet again.
_FINAL = (BodyTooLargeError, RedirectRefusedError, InvalidURL, TooManyRedirects)


class _WaitAsTold(wait_base):
    """`Retry-After` (seconds or a date) where the server sends one, else backoff with jitter."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._backoff = wait_random_exponential(
            multiplier=2 * BACKOFF_SECONDS, min=BACKOFF_SECONDS / 5, max=min(30.0, longest)
        )

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
    raise _as_api_error(f"{_describe(error)} ({tried})", error) from error


def _as_api_error(message: str, error: BaseException) -> ApiUnavailableError:
    # Without a connection the next class would fail in the same way; one that was cut after it
    # stood says nothing about the next.
    never_stood = (requests.ConnectTimeout, ProxyError, SSLError, InvalidURL)
    if isinstance(error, never_stood) or any(
        isinstance(getattr(part, "reason", None), NewConnectionError) for part in error.args
    ):
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
    for kind, words in _KNOWN_KINDS:
        if isinstance(error, kind):
            return words
    return type(error).__name__


_KNOWN_FAILURES = (
    ("CERTIFICATE_VERIFY_FAILED", "the server's certificate is not trusted"),
    ("NameResolutionError", "the host name cannot be resolved"),
    ("Connection refused", "connection refused"),
    ("Network is unreachable", "network is unreachable"),
    ("No route to host", "no route to the host"),
    ("Connection reset", "the connection was reset"),
    ("Remote end closed", "the connection was closed without an answer"),
)
_KNOWN_KINDS: tuple[tuple[type[BaseException], str], ...] = (
    (SSLError, "no secure connection could be made"),
    (ProxyError, "the proxy could not be reached"),
    (requests.ConnectTimeout, "no connection in time"),
    (requests.Timeout, "no answer in time"),
    (ContentDecodingError, "the answer's compression is broken"),
    (ChunkedEncodingError, "the connection was closed in mid-answer"),
    (TooManyRedirects, "redirected in circles"),
    (InvalidURL, "the address cannot be used"),
    (requests.ConnectionError, "the connection broke, or the answer is not HTTP"),
)
