"""Ending on a signal: at once, with everything cleaned up, and with an exit code that says so."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ..errors import InterruptionError

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INSISTENCE_SECONDS = 1.0


class _Stop(BaseException):
    """Raised where a signal arrived; no `except Exception` on the way may take it for a failure."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn SIGINT, SIGTERM and SIGHUP inside the block into InterruptionError.

    The first signal unwinds the block. Others that follow at once are ignored, so that it can clean
    up; a later one insists. Away from the main thread, where Python takes no signals, nothing
    changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    raised_at = -math.inf

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal raised_at
        if time.monotonic() - raised_at > _INSISTENCE_SECONDS:
            raised_at = time.monotonic()
            received.append(number)
            raise _Stop

    before = {
        number: signal.getsignal(number)
        for number in _SIGNALS
        # What the caller ignores (nohup) stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        for number in before:
            signal.signal(number, stop)
        yield
    except _Stop:
        name = signal.Signals(received[0]).name
        raise InterruptionError(
            f"Interrupted ({name})",
            "The tables are those of the last sync; the next one goes on from what is stored.",
            received[0],
        ) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
