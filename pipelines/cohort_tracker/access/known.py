"""Keys that were looked up before, for as long as nobody wrote into `access.db`."""

from __future__ import annotations

import sqlite3
import threading
from datetime import datetime

from .grants import Grant
from .keys import hashed
from .store import AccessStore

_MOST_KEYS = 10_000
_State = tuple[int, ...]


class KnownKeys:
    """Answers as the store does, without opening the file anew where nothing changed.

    To open it, and to see that it is ours, would be most of what an answer costs that the client
    has already. What the store said is kept until another file is in its place, or anybody wrote
    into it: SQLite itself tells of each change that another connection made (`data_version`).

    Args:
        store: the grants.
    """

    def __init__(self, store: AccessStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._watch: sqlite3.Connection | None = None
        self._watched: _State = ()
        self._openings = 0
        self._state: _State | None = None
        self._found: dict[str, Grant] = {}

    def grant_of_key(self, key: str, now: datetime) -> Grant | None:
        """The valid grant of a key. Raises StoreError where the file cannot be trusted."""
        name = hashed(key)
        with self._lock:
            state = self._state_now()
            if state is None or state != self._state:
                self._found.clear()
                self._state = state
            known = self._found.get(name)
        if known is not None:
            return known if known.is_valid(now) else None
        grant = self._store.grant_of_key(key, now)
        with self._lock:
            # What was read of a file that was written into meanwhile is not kept.
            if grant is not None and state is not None and state == self._state:
                if len(self._found) >= _MOST_KEYS:
                    self._found.clear()
                self._found[name] = grant
        return grant

    def _state_now(self) -> _State | None:
        """What is another one when anything in the file is; None where SQLite cannot tell."""
        found = self._store.private_file()
        file = found.st_dev, found.st_ino
        try:
            if self._watch is None or file != self._watched:
                self._look_at(file)
            assert self._watch is not None
            [version] = self._watch.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            return None
        changed = found.st_size, found.st_mtime_ns, found.st_ctime_ns
        return *file, self._openings, version, *changed

    def _look_at(self, file: _State) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        self._watch = self._store.connection(of_all_threads=True)
        self._watched = file
        self._openings += 1
