"""The published file kept open for many who read at once, and given up when a sync replaces it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..errors import StoreError
from .published import DATABASE, FileMark, mark_of, opened
from .reader import Reader
from .seen import Seen
from .viewer import Viewer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

QUERIES_AT_ONCE = 4
WAIT_SECONDS = 5.0
QUERY_SECONDS = 10.0
_DESKS_KEPT = 32
_VIEWERS_KEPT = 500


class BusyError(StoreError):
    """More ask at once than can be answered."""


class TooSlowError(StoreError):
    """A question took longer than is allowed."""


class _Cursors:
    """What a reader does with a connection: asks for cursors. Can end all their questions."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection
        self._given: list[DuckDBPyConnection] = []
        self.is_ended = False

    def cursor(self) -> DuckDBPyConnection:
        given = self._connection.cursor()
        self._given.append(given)
        return given

    def execute(self, *question: Any) -> DuckDBPyConnection:
        return self.cursor().execute(*question)

    def end(self) -> None:
        self.is_ended = True
        for cursor in self._given:
            cursor.interrupt()

    def close(self) -> None:
        for cursor in self._given:
            cursor.close()


class _Desk:
    """A reader with its cursors: one request at a time sits there."""

    def __init__(self, connection: DuckDBPyConnection, viewer: Viewer, raw_path: Path) -> None:
        self.cursors = _Cursors(connection)
        self.reader = Reader(cast("DuckDBPyConnection", self.cursors), viewer, raw_path)


class PublishedFile:
    """One published file, open, and what is known of it once and for all: it never changes.

    Args:
        warehouse: where it is.
        raw_path: the raw store, which has the secret of the aliases.
    """

    def __init__(self, warehouse: Path, raw_path: Path) -> None:
        # A file that is replaced between these two lines is found out by the next request.
        self.mark: FileMark = mark_of(warehouse)
        self.users = 0
        self._raw_path = raw_path
        self._stack = ExitStack()
        self._connection = self._stack.enter_context(opened(warehouse))
        self._lock = threading.Lock()
        self._seen: dict[Viewer, Seen] = {}
        self._idle: list[_Desk] = []
        found = self._connection.execute(
            f"SELECT id FROM {DATABASE}.core.build"  # noqa: S608
        ).fetchone()
        self.build_id: str = found[0] if found else ""

    def seen_by(self, viewer: Viewer) -> Seen:
        """What there is for a viewer: asked for once."""
        known = self._seen.get(viewer)
        if known is None:
            desk = self._take(viewer)
            try:
                known = Seen(desk.reader)
            finally:
                self._give_back(desk)
            with self._lock:
                if len(self._seen) >= _VIEWERS_KEPT:
                    self._seen.clear()
                self._seen[viewer] = known
        return known

    @contextmanager
    def reading(self, viewer: Viewer, seconds: float) -> Iterator[Reader]:
        """A reader for one request. Raises TooSlowError for what takes longer than `seconds`."""
        import duckdb

        desk = self._take(viewer)
        clock = threading.Timer(seconds, desk.cursors.end)
        clock.daemon = True
        clock.start()
        try:
            yield desk.reader
        except duckdb.InterruptException as error:
            raise TooSlowError("The question took too long", "Ask for less at once.") from error
        finally:
            clock.cancel()
            self._give_back(desk)

    def close(self) -> None:
        """Give the file up. Nobody may be reading."""
        for desk in self._idle:
            desk.cursors.close()
        self._stack.close()

    def _take(self, viewer: Viewer) -> _Desk:
        """A desk that this viewer sat at before, or a new one: it knows the viewer's rights."""
        with self._lock:
            for desk in self._idle:
                if desk.reader.viewer == viewer:
                    self._idle.remove(desk)
                    return desk
        return _Desk(self._connection, viewer, self._raw_path)

    def _give_back(self, desk: _Desk) -> None:
        left: list[_Desk] = [desk]
        if not desk.cursors.is_ended:
            with self._lock:
                self._idle.append(desk)
                left = [self._idle.pop(0)] if len(self._idle) > _DESKS_KEPT else []
        for other in left:
            other.cursors.close()


class Pool:
    """The file that is published now, for many threads.

    A request reads from one file to its end. Another file in its place is seen by the next
    request; the old one is closed when its last request is done.

    Args:
        warehouse: where the tables are published.
        raw_path: the raw store.
        queries_at_once: how many read at a time; who waits longer than `wait_seconds` is told so.
        query_seconds: how long one request may read.
    """

    def __init__(
        self,
        warehouse: Path,
        raw_path: Path,
        *,
        queries_at_once: int = QUERIES_AT_ONCE,
        wait_seconds: float = WAIT_SECONDS,
        query_seconds: float = QUERY_SECONDS,
    ) -> None:
        self._warehouse, self._raw_path = warehouse, raw_path
        self._wait_seconds, self._query_seconds = wait_seconds, query_seconds
        self._turns = threading.BoundedSemaphore(queries_at_once)
        self._lock = threading.Lock()
        self._current: PublishedFile | None = None

    @contextmanager
    def file(self) -> Iterator[PublishedFile]:
        """The file that is published now, open for as long as the caller needs it.

        Raises ConfigError where there are no tables, StoreError where they cannot be read.
        """
        file = self._take()
        try:
            yield file
        finally:
            self._give_back(file)

    @contextmanager
    def reading(self, file: PublishedFile, viewer: Viewer) -> Iterator[Reader]:
        """A reader of a file that the caller holds.

        Raises BusyError where too many read, TooSlowError where a question takes too long.
        """
        if not self._turns.acquire(timeout=self._wait_seconds):
            raise BusyError("Too many ask at once", "Try again in some seconds.")
        try:
            with file.reading(viewer, self._query_seconds) as reader:
                yield reader
        finally:
            self._turns.release()

    def close(self) -> None:
        """Give the file up, as soon as nobody reads from it."""
        with self._lock:
            self._retire()

    def _take(self) -> PublishedFile:
        mark = mark_of(self._warehouse)
        with self._lock:
            if self._current is None or self._current.mark != mark:
                fresh = PublishedFile(self._warehouse, self._raw_path)
                self._retire()
                self._current = fresh
            self._current.users += 1
            return self._current

    def _give_back(self, file: PublishedFile) -> None:
        with self._lock:
            file.users -= 1
            if file is not self._current and not file.users:
                file.close()

    def _retire(self) -> None:
        old, self._current = self._current, None
        if old is not None and not old.users:
            old.close()
