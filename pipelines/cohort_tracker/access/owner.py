"""The link that logs in whoever started the server, once."""

from __future__ import annotations

import hmac
import threading
import time
from datetime import UTC, datetime, timedelta

from .grants import Grant
from .keys import hashed, new_id, new_secret
from .store import AccessStore

_PREFIX = "once_"
_SECONDS = 600.0
OWNER = "owner of this machine, by link"


class OwnerLink:
    """A token that stands for a lead: good once, for ten minutes, in this process only.

    Args:
        store: where the grant goes that it leads to, so that it is listed and can be revoked.
        hours: how long that grant is good.
        seconds: how long the token is good.
    """

    def __init__(self, store: AccessStore, hours: float, seconds: float = _SECONDS) -> None:
        self.token = f"{_PREFIX}{new_secret()}"
        self._hash: str | None = hashed(self.token)
        self._store = store
        self._hours = hours
        self._until = time.monotonic() + seconds
        self._lock = threading.Lock()

    def redeem(self, token: str) -> Grant | None:
        """The grant that the token stands for; None where it is another one, used or too old."""
        with self._lock:
            is_right = hmac.compare_digest(hashed(token), self._hash or "")
            if not is_right or time.monotonic() > self._until:
                return None
            self._hash = None
        now = datetime.now(UTC)
        grant = Grant(new_id(), "lead", OWNER, now, now + timedelta(hours=self._hours))
        self._store.add(grant, None)
        return grant
