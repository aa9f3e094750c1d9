"""Loading rows into the raw store with dlt, in a process of its own, append only."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import StoreError
from ..runtime.child import start_child
from ..runtime.folders import clear, make_fresh
from .schema import LOG_TABLES, RAW_TABLES, Row
from .store import BUSY_SECONDS, WRITE_HINT, RawStore

ROWS_PER_PIECE = 10_000
ROWS_PER_LOAD = 50_000
SECONDS_PER_LOAD = 15.0
SECONDS_TO_FIRST_LOAD = 1.0
"""The first load is a small one: what dlt does once only is done while pages are awaited."""

_COLUMNS = {
    table: [column.name for column in columns]
    for table, columns in RAW_TABLES.items()
    if table not in LOG_TABLES
}


class Loading(NamedTuple):
    """A load under way: how many rows of each table, and the tables' last rows before."""

    counts: Mapping[str, int]
    before: Mapping[str, int]


class Batch:
    """Rows that are loaded together: handed over in pieces as they come, and counted.

    Args:
        send: takes a piece, one table's rows by columns.
    """

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.counts: Counter[str] = Counter()
        self._send = send
        self._waiting: dict[str, list[Mapping[str, Any]]] = {}

    @property
    def count(self) -> int:
        """How many rows it has."""
        return self.counts.total()

    def add(self, row: Row) -> None:
        """Take a row in."""
        table, values = row
        self.counts[table] += 1
        waiting = self._waiting.setdefault(table, [])
        waiting.append(values)
        if len(waiting) >= ROWS_PER_PIECE:
            self._hand_over(table)

    def hand_over(self) -> None:
        """Hand over what is left."""
        for table in list(self._waiting):
            self._hand_over(table)

    def _hand_over(self, table: str) -> None:
        rows = self._waiting.pop(table)
        columns = [[row.get(name) for row in rows] for name in _COLUMNS[table]]
        self._send(pickle.dumps((table, columns)))


class RawLoader:
    """Appends rows to the raw store, while the next ones are read.

    dlt runs in a child, which the context manager starts: it sees no settings of the user's, and
    imports dlt while the first answers are awaited. It works in a folder that is new to each loader
    and gone afterwards: a package that an interrupted load left behind can neither block nor shadow
    a later run. Nothing is lost by that, because what is not in the store is read from the API
    again.

    `stored_runs` counts the rows of `sync_runs` that are in the store; `seconds` is the time that
    loading took, whether or not anything waited for it.
    """

    def __init__(self, store: RawStore, data_dir: Path) -> None:
        self._store = store
        self._folder = data_dir / "load"
        self._log_file = data_dir / "logs" / "load.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._loading: Loading | None = None
        self._log: list[Row] = []
        self.seconds = 0.0
        self.stored_runs = 0

    def __enter__(self) -> RawLoader:
        """Make the folder, clearing what dead runs left, and start dlt. Raises StoreError."""
        try:
            if "%" in str(self._folder.resolve()):  # dlt takes it for a place to fill in
                self._folder = Path(tempfile.mkdtemp(prefix="cohort-tracker-"))
            make_fresh(self._folder)
            self._connection, its = multiprocessing.Pipe()
            with its:
                self._process = self._start(its)
        except OSError as error:
            clear(self._folder)
            raise StoreError(
                f"{error.filename or self._folder}: {error.strerror}",
                "Check disk space and permissions.",
            ) from error
        return self

    def _start(self, connection: Connection) -> subprocess.Popen[bytes]:
        folder = str(self._folder)
        return start_child(
            "cohort_tracker.raw.load_worker",
            self._store.path.absolute(),
            str(BUSY_SECONDS),
            folder=self._folder,
            log=self._log_file,
            stdin=connection,
            variables={
                # Where dlt looks for settings: there are none.
                **{"DLT_PROJECT_DIR": folder, "DLT_DATA_DIR": folder, "DLT_LOCAL_DIR": folder},
                # Student data: nothing about a run leaves this machine.
                "RUNTIME__DLTHUB_TELEMETRY": "false",
                "RUNTIME__LOG_LEVEL": "CRITICAL",  # what fails is told in one line
                # Its state is as new as its folder: loading that, too, would cost it a second.
                "RESTORE_FROM_DESTINATION": "false",
            },
        )

    def __exit__(self, *_: object) -> None:
        """End dlt and remove the folder with everything in it, dlt's trace included.

        A load under way is waited for: it has all it needs at hand and is short.
        """
        assert self._process is not None
        try:
            if self._loading is not None:
                self._connection.poll(BUSY_SECONDS)
        finally:  # of somebody who insists, too
            self._process.kill()
            self._process.wait()
            self._connection.close()
            clear(self._folder)

    def load(self, rows: Iterator[Row]) -> None:
        """Load all rows, in as many steps as keep memory flat and losses small.

        A row of `sync_runs` vouches for all rows before it, so the log is written when they are
        stored: a process can be killed in between.
        Raises StoreError when the store cannot be written; errors raised by `rows` itself come out
        as they are, after the rows before them were loaded.
        """
        error: Exception | None = None
        exhausted = False
        patience = SECONDS_TO_FIRST_LOAD
        while not exhausted:
            batch, log = Batch(self._send), list[Row]()
            until, patience = time.monotonic() + patience, SECONDS_PER_LOAD
            try:
                while batch.count < ROWS_PER_LOAD and time.monotonic() < until:
                    row = next(rows)
                    if row[0] in LOG_TABLES:
                        log.append(row)
                    else:
                        batch.add(row)
            except StopIteration:
                exhausted = True
            except Exception as raised:
                exhausted, error = True, raised
            if exhausted and not batch.count:
                self._log += log  # written in one with the log of the load under way
                break
            batch.hand_over()
            self._finish()
            self._log = log
            if batch.count:
                self._begin(batch.counts)
        self._finish()
        if error is not None:
            raise error

    def _begin(self, counts: Mapping[str, int]) -> None:
        """Have what was handed over loaded."""
        self._store.wait_until_free()
        before = self._store.last_rows()
        self._send(b"")
        self._loading = Loading(counts, before)

    def _finish(self) -> None:
        """Wait for the load under way, then write the log of what is stored now."""
        if self._loading is not None:
            loading, told = self._loading, self._receive()
            self._loading = None
            self.seconds += told["seconds"]
            if told["error"] is not None:
                raise StoreError(f"Could not write {self._store.path}: {told['error']}", WRITE_HINT)
            self._require_stored(loading)
        if self._log:
            started = time.monotonic()
            self._store.append_log(self._log)
            self.seconds += time.monotonic() - started
            self.stored_runs += sum(table == "sync_runs" for table, _ in self._log)
            self._log = []

    def _require_stored(self, loading: Loading) -> None:
        """Raise StoreError when the rows are not where the log is about to say that they are."""
        for table, count in loading.counts.items():
            stored = self._store.rows_after(table, loading.before.get(table, 0))
            if stored != count:
                raise StoreError(
                    f"{self._store.path} holds {stored:,} of {count:,} rows of {table} just loaded",
                    "They are not taken for stored: the next sync reads them again.",
                )

    def _send(self, message: bytes) -> None:
        try:
            self._connection.send_bytes(message)
        except OSError as error:
            raise self._broken_down() from error

    def _receive(self) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads(self._connection.recv_bytes())
        except (EOFError, OSError) as error:
            raise self._broken_down() from error
        return told

    def _broken_down(self) -> StoreError:
        assert self._process is not None
        self._loading = None
        return StoreError(
            f"The loading process broke down (exit code {self._process.wait(BUSY_SECONDS)})",
            f"See {self._log_file}. The next sync reads again what was not stored.",
        )
