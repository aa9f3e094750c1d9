"""Work that goes on in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Background(Generic[_T]):
    """Starts `work` at once, in a thread that does not keep the process from ending.

    `seconds` is how long it took, once it has ended.
    """

    def __init__(self, work: Callable[[], _T], name: str) -> None:
        self._work = work
        self._results: list[_T] = []
        self._error: BaseException | None = None
        self.seconds = 0.0
        # Thread.join() would take a thread for ended once a signal has interrupted the waiting.
        self._finished = threading.Event()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        started = time.monotonic()
        try:
            self._results.append(self._work())
        except BaseException as error:
            self._error = error
        finally:
            self.seconds = time.monotonic() - started
            self._finished.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it has ended within so many seconds; None: as long as it takes."""
        return self._finished.wait(seconds)

    def result(self) -> _T:
        """What the work returned, or raised; waits for its end."""
        self._finished.wait()
        if self._error is not None:
            raise self._error
        return self._results[0]
