"""How requests travel: retried, and with the credentials to one host only."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests import PreparedRequest, Response, Session
from requests.exceptions import (
    ChunkedEncodingError,
    ContentDecodingError,
    InvalidURL,
    ProxyError,
    RequestException,
    SSLError,
    TooManyRedirects,
)
from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_base, wait_random_exponential
from urllib3.exceptions import NewConnectionError

from ..errors import ApiUnavailableError, ApiUnreachableError, ConfigError
from .adapter import (
    BodyTooLargeError,
    BoundedAdapter,
    RedirectRefusedError,
    TransportLimits,
    UnusableBodyError,
)
from .pace import Pace

RETRY_STATUS = frozenset({408, 425, 429, *range(500, 600)})
BACKOFF_SECONDS = 0.5
"""The wait before the second try, on average doubled before each one after."""


class TooSlowError(ApiUnavailableError):
    """The answer did not come in time, as often as it was asked for."""


class TooManyRequestsError(ApiUnavailableError):
    """The server wants to be asked less often."""


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
            raise ConfigError(
                f"ca_bundle: no such file: {verify}", "Name a file of certificates (PEM)."
            )
        self._limits = limits
        self._check = check
        self._environment: dict[tuple[str, str], Any] = {}
        self.verify = verify
        self.max_redirects = 3
        self._adapter = BoundedAdapter(pace, limits)
        self.mount("http://", self._adapter)
        self.mount("https://", self._adapter)

    @contextmanager
    def within(self, limits: TransportLimits) -> Iterator[None]:
        """Other limits for the requests meanwhile, which are this thread's only."""
        before, self._limits = self._limits, limits
        self._adapter.limits = limits
        try:
            yield
        finally:
            self._limits = self._adapter.limits = before

    def merge_environment_settings(self, url: Any, *given: Any) -> Any:
        """Proxies and certificates for `url`, asked of the environment once for each origin."""
        origin = urlsplit(url)[:2]
        if origin not in self._environment:
            self._environment[origin] = super().merge_environment_settings(url, *given)
        return dict(self._environment[origin])

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:
        """Send with retries; returns the last answer, whatever its status.

        Raises ApiUnavailableError when no usable answer came within the bounds, saying what was
        tried: as TooSlowError or TooManyRequestsError where that was it, as ApiUnreachableError
        when not even a connection could be made.
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
        self.cookies.update(response.cookies)  # the adapter took the connection off the answer
        if response.ok and not response.is_redirect:
            self._check(response)
        return response

    def _enough(self, started: float) -> Callable[[RetryCallState], bool]:
        limits, timeouts = self._limits, 0

        def enough(state: RetryCallState) -> bool:
            nonlocal timeouts
            assert state.outcome is not None
            timeouts += _is_too_slow(state.outcome.exception())
            if state.attempt_number >= limits.max_attempts or timeouts == limits.max_timeouts:
                return True
            elapsed = time.monotonic() - started
            return elapsed + (state.upcoming_sleep or 0.0) > limits.retry_seconds

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
        status = state.outcome.result().status_code
        kind = TooManyRequestsError if status == 429 else ApiUnavailableError
        raise kind(f"{status} ({tried})")
    raise _as_api_error(f"{_describe(error)} ({tried})", error) from error


def _as_api_error(message: str, error: BaseException) -> ApiUnavailableError:
    # Without a connection the next class would fail in the same way; one that was cut after it
    # stood says nothing about the next.
    never_stood = (requests.ConnectTimeout, ProxyError, SSLError, InvalidURL)
    if isinstance(error, never_stood) or any(
        isinstance(getattr(part, "reason", None), NewConnectionError) for part in error.args
    ):
        return ApiUnreachableError(message)
    return TooSlowError(message) if _is_too_slow(error) else ApiUnavailableError(message)


def _is_too_slow(error: BaseException | None) -> bool:
    return isinstance(error, requests.Timeout) and not isinstance(error, requests.ConnectTimeout)


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
