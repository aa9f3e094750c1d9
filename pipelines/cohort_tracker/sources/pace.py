"""When the next request may start."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

# From a request's turn to its bytes on the wire the processor may be elsewhere, now and then.
_MARGIN = 0.010


class Pace:
    """Keeps two requests at least `delay` seconds apart, over threads and processes.

    A request counts from its turn, when it is handed to a connection that stands. Where the
    connection has yet to be made, nobody knows when the request is on its way; it counts from
    `count_from_now`, when the answer begins.

    The time of the last start is that of the file `stamp`, by which the next process knows it, even
    where this one is killed. Where the file cannot be, processes know nothing of each other.
    """

    def __init__(self, delay: float, stamp: Path) -> None:
        self._delay = delay + _MARGIN if delay else 0.0
        self._stamp = stamp
        self._lock = threading.Lock()
        self._next_start: float | None = None

    def wait(self) -> None:
        """Return when the next request may start; it starts now."""
        if not self._delay:
            return
        with self._lock:
            if self._next_start is None:
                self._next_start = time.monotonic() + self._rest_of_another()
            while (remaining := self._next_start - time.monotonic()) > 0:
                time.sleep(remaining)
            self._count()

    def count_from_now(self) -> None:
        """Note that the request whose turn it was may have arrived only now."""
        if not self._delay:
            return
        with self._lock:
            self._count()

    def _count(self) -> None:
        self._next_start = time.monotonic() + self._delay
        with contextlib.suppress(OSError):
            try:
                os.utime(self._stamp, follow_symlinks=False)
            except FileNotFoundError:
                os.close(os.open(self._stamp, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    def _rest_of_another(self) -> float:
        """Seconds to wait for the sake of another process's last request."""
        try:
            ago = time.time() - self._stamp.lstat().st_mtime
        except OSError:
            return 0.0
        # A time in the future means that a clock jumped.
        return min(max(self._delay - ago, 0.0), self._delay)
