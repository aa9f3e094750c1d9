"""Token buckets: so many at once, so many a minute; and who was told to wait."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

_MOST_NAMES = 10_000


class Buckets:
    """A bucket for each name; a request takes a token, and time fills it again.

    Args:
        size: the most that a bucket holds.
        per_minute: how many tokens come back in a minute.
    """

    def __init__(self, size: float, per_minute: float) -> None:
        self._size = size
        self._per_second = per_minute / 60
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str) -> float:
        """Take a token of `name`: 0, or, where none is left, in how many seconds there is one."""
        now = time.monotonic()
        with self._lock:
            level, at = self._levels.pop(name, (self._size, now))
            level = min(self._size, level + (now - at) * self._per_second)
            taken = level >= 1
            self._levels[name] = (level - 1 if taken else level, now)
            # Who came longest ago has most of the tokens back.
            while len(self._levels) > _MOST_NAMES:
                self._levels.popitem(last=False)
        return 0 if taken else (1 - level) / self._per_second


@dataclass(frozen=True)
class Told:
    """Whose grant it is that was told to wait, and for how many seconds from now."""

    grant_id: str
    seconds: int


class Waiting:
    """Who was told to wait, by what they showed: to tell them again costs next to nothing."""

    def __init__(self) -> None:
        self._until: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    def tell(self, shown: bytes, grant_id: str, seconds: float) -> None:
        """Remember who waits for so long."""
        self._until[shown] = grant_id, time.monotonic() + seconds
        while len(self._until) > _MOST_NAMES:
            self._until.popitem(last=False)

    def told(self, shown: bytes) -> Told | None:
        """Who still waits; None for all others."""
        found = self._until.get(shown)
        if found is None:
            return None
        grant_id, until = found
        left = until - time.monotonic()
        if left <= 0:
            self._until.pop(shown, None)
            return None
        return Told(grant_id, math.ceil(left))
