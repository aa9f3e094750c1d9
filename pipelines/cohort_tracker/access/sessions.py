"""Browser sessions: a signed cookie that names a session in `access.db`.

The signature lets made-up cookies be turned away without a look at the file; that the session is in
the file lets it end: at logout, and with its grant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, URLSafeTimedSerializer

from .grants import Grant
from .keys import new_secret
from .store import AccessStore


@dataclass(frozen=True)
class Sessions:
    """Begins, finds and ends sessions.

    Args:
        store: where they are kept.
        hours: how long one lasts.
    """

    store: AccessStore
    hours: float

    @property
    def seconds(self) -> int:
        """How long one lasts."""
        return int(self.hours * 3600)

    def begin(self, grant: Grant) -> str:
        """A new session, by the value of its cookie; it never has an id that was there before."""
        session_id = new_secret()
        ends = datetime.now(UTC) + timedelta(seconds=self.seconds)
        self.store.add_session(session_id, grant, ends)
        signed: str = self._serializer().dumps(session_id)
        return signed

    def grant_of(self, cookie: str) -> Grant | None:
        """The grant behind a cookie, as long as cookie, session and grant are good."""
        session_id = self._read(cookie)
        if session_id is None:
            return None
        return self.store.grant_of_session(session_id, datetime.now(UTC))

    def end(self, cookie: str) -> None:
        """End the session of a cookie, if it is one."""
        session_id = self._read(cookie)
        if session_id is not None:
            self.store.end_session(session_id)

    def _read(self, cookie: str) -> str | None:
        try:
            found = self._serializer().loads(cookie, max_age=self.seconds)
        except BadData:
            return None
        return found if isinstance(found, str) else None

    def _serializer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.store.cookie_secret(), salt="session")
