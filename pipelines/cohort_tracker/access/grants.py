"""A grant: who may see what, until when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ..reading.viewer import Role


@dataclass(frozen=True)
class Grant:
    """What one key, or one name that a proxy hands on, may see. All times are aware.

    Args:
        id: of the key, no secret.
        role: see `Viewer`.
        name: whose it is, as it is listed; for mentors the e-mail address.
        class_ids: the classes that can be seen; none: all.
        nights: of a mentor, instead of those of the mentors file; none: those of the file.
        hide_names: whether aliases stand for names.
        created_at, expires_at: from when until when it is good.
        revoked_at: when it was taken back.
    """

    id: str
    role: Role
    name: str
    created_at: datetime
    expires_at: datetime
    class_ids: tuple[str, ...] = field(default=())
    nights: tuple[str, ...] = field(default=())
    hide_names: bool = False
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "valid" if now < self.expires_at else "expired"

    def is_valid(self, now: datetime) -> bool:
        """Whether it opens anything."""
        return self.state(now) == "valid"
