"""Token buckets: so many at once, so many a minute."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict

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

    def take(self, name: str) -> int:
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
        return 0 if taken else math.ceil((1 - level) / self._per_second)
