"""Of when an answer is: what every answer says of the build it comes from."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ...config import Settings
from ...errors import StoreError
from ...raw.global_id import global_id
from ...raw.store import RawStore
from ...reading.seen import SeenClass

_KEPT_SECONDS = 5.0


@dataclass(frozen=True)
class BuildNote:
    """The build, up to when its records tell, and whether that is longer ago than is allowed."""

    id: str
    as_of: datetime | None
    is_stale: bool


class LastSyncs:
    """When each class was last read to its end: the raw store knows it though no table changed.

    Asked for at most every few seconds.
    """

    def __init__(self, settings: Settings) -> None:
        self._store = RawStore(settings.raw_path)
        self._limit = timedelta(hours=settings.stale_after_hours)
        self._lock = threading.Lock()
        self._read_at = 0.0
        self._last: Mapping[str, datetime | None] = {}

    def note(self, build_id: str, classes: Sequence[SeenClass], now: datetime) -> BuildNote:
        """What to say of a build and these classes: of several the running one furthest behind."""
        if not classes:
            return BuildNote(build_id, None, False)
        shown = min(classes, key=lambda found: (found.is_over, found.as_of, found.class_id))
        stale = any(self._is_stale(found, now) for found in classes)
        return BuildNote(build_id, shown.as_of, stale)

    def _is_stale(self, found: SeenClass, now: datetime) -> bool:
        if found.is_over or found.is_retired:
            return False
        noted = self._all().get(found.class_id) or found.last_synced_at
        last = max(filter(None, (noted, found.last_synced_at)), default=None)
        return last is None or now - last > self._limit

    def _all(self) -> Mapping[str, datetime | None]:
        with self._lock:
            if time.monotonic() - self._read_at > _KEPT_SECONDS or not self._read_at:
                self._last = self._runs()
                self._read_at = time.monotonic()
            return self._last

    def _runs(self) -> Mapping[str, datetime | None]:
        try:
            runs: Mapping[Any, Mapping[str, Any]] = self._store.last_runs()
        except StoreError:
            return self._last
        return {global_id(*key): run["last_ok_at"] for key, run in runs.items()}


def now() -> datetime:
    """Now, aware."""
    return datetime.now(UTC)
