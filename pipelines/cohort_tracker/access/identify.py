"""From a request to who asks: by key, by browser session, or by the header of a trusted proxy."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

from fastapi import HTTPException, Request

from ..config import Settings
from ..errors import CohortTrackerError
from ..reading.viewer import Viewer
from .addresses import Addresses
from .grants import Grant
from .known import KnownKeys
from .sessions import Sessions
from .store import AccessStore
from .throttle import Buckets, Waiting
from .viewers import Viewers

_T = TypeVar("_T")
_FAILURES = 10
_FAILURES_PER_MINUTE = 2
TOO_MANY = "Too many requests with this key."
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="cohort-tracker"'}


class Identifier:
    """Says who asks, anew for each request. Nobody comes in whom it cannot name.

    Args:
        settings: `[serve]`, and where the tables are.
        store: the grants.
        addresses: whom to believe about where a request came from.
        log: is told what is wrong with the files; never of whom a request was.
    """

    def __init__(
        self,
        settings: Settings,
        store: AccessStore,
        addresses: Addresses,
        log: Callable[[str], None],
    ) -> None:
        self.store = store
        self.addresses = addresses
        self._keys = KnownKeys(store)
        self.waiting = Waiting()
        self.sessions = Sessions(store, settings.serve.session_hours)
        self.log = log
        self._serve = settings.serve
        self._viewers = Viewers(settings.warehouse_path)
        per_minute = settings.serve.requests_per_minute
        self._requests = Buckets(per_minute, per_minute)
        self._failures = Buckets(_FAILURES, _FAILURES_PER_MINUTE)

    @property
    def by_proxy(self) -> bool:
        """Whether a proxy logs people in: keys and sessions open nothing then."""
        return self._serve.auth == "proxy"

    def __call__(self, request: Request) -> Viewer:
        """Who asks.

        Raises HTTPException: 401 for nobody that is known, 429 for too many requests, 503 where
        access.db or the tables cannot be read.
        """
        return self.known(request)[1]

    def known(self, request: Request) -> tuple[Grant, Viewer]:
        """The same, with the grant that says so."""
        grant = self.require_grant(request)
        return grant, self._or_unavailable(lambda: self._viewers.of(grant))

    def require_grant(self, request: Request) -> Grant:
        """The valid grant behind a request, which costs one of its tokens. Raises HTTPException."""
        grant = self._or_unavailable(lambda: self.grant_of(request))
        if grant is None:
            raise self.refusal(request)
        request.state.grant_id = grant.id
        wait = self._requests.take(grant.id)
        if wait:
            if not self.by_proxy:
                self.waiting.tell(shown_in(request.headers.raw), grant.id, wait)
            raise HTTPException(429, TOO_MANY, headers={"Retry-After": str(math.ceil(wait))})
        return grant

    def _or_unavailable(self, look: Callable[[], _T]) -> _T:
        """What was looked up; where it could not be, nobody comes in."""
        try:
            return look()
        except CohortTrackerError as error:
            self.log(error.message)
            detail = "Who may come in cannot be found out now; the server's log says why."
            raise HTTPException(503, detail, headers={"Retry-After": "60"}) from error

    def grant_of(self, request: Request) -> Grant | None:
        """The valid grant behind a request; None: nobody's. Raises StoreError."""
        if self.by_proxy:
            return self._grant_by_proxy(request)
        given = request.headers.getlist("authorization")
        if given:
            scheme, _, key = given[0].partition(" ")
            is_bearer = len(given) == 1 and scheme.lower() == "bearer"
            return self._keys.grant_of_key(key.strip(), datetime.now(UTC)) if is_bearer else None
        cookie = request.cookies.get(cookie_name(request))
        return None if cookie is None else self.sessions.grant_of(cookie)

    def refusal(self, request: Request) -> HTTPException:
        """What is said to whoever brought nothing good: too often from one address is too many.

        A good key is let in all the same: a school shares one address, and nobody guesses a key.
        """
        is_key = "authorization" in request.headers and not self.by_proxy
        wait = self.failed(request) if is_key else 0
        if wait:
            return HTTPException(
                429,
                "Too many keys that open nothing came from this address.",
                headers={"Retry-After": str(wait)},
            )
        detail = "This needs a key that is good: as `Authorization: Bearer …`, or by /login."
        if self.by_proxy:
            return HTTPException(401, "The login page of this site did not say who you are.")
        return HTTPException(401, detail, headers=_CHALLENGE)

    def failed(self, request: Request) -> int:
        """Count a failed login; 0, or for how many seconds there were too many of them."""
        peer = request.client.host if request.client else ""
        forwarded = request.headers.getlist("x-forwarded-for")
        return math.ceil(self._failures.take(self.addresses.client(peer, forwarded)))

    def _grant_by_proxy(self, request: Request) -> Grant | None:
        """The grant of the user whom a trusted proxy names; what others say is not heard."""
        peer = request.client.host if request.client else ""
        named = request.headers.getlist(self._serve.proxy_header or "")
        if not self.addresses.is_trusted(peer) or len(named) != 1 or not named[0].strip():
            return None
        return self.store.grant_of_user(named[0], datetime.now(UTC))


def shown_in(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """What a request shows of who asks, hashed: the same of the same keys and cookies only."""
    shown = hashlib.sha256()
    for name, value in headers:
        if name in (b"authorization", b"cookie"):
            shown.update(b"%d %s %d %s" % (len(name), name, len(value), value))
    return shown.digest()


def cookie_name(request: Request) -> str:
    """What the session's cookie is called: over https browsers guard the prefix `__Host-`."""
    is_safe = str(request.state.origin).startswith("https://")
    return "__Host-cohort-tracker" if is_safe else "cohort-tracker"
