"""Loading rows into the raw store with dlt, in Arrow tables, append only."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Student data: nothing about a run leaves this machine. Both must be set before dlt is imported.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")  # what fails is told in one line

import dlt
import pyarrow as pa
from dlt.extract import DltResource
from sqlalchemy import URL, create_engine

from .errors import StoreError
from .folders import clear, make_fresh
from .raw_schema import RAW_TABLES
from .store import BUSY_SECONDS, RawStore

ROWS_PER_ARROW_TABLE = 20_000
ROWS_PER_LOAD = 100_000
SECONDS_PER_LOAD = 15.0

LOG_TABLES = frozenset({"sync_runs", "sync_pages"})

Row = tuple[str, tuple[Any, ...]]
"""A raw table's name and one row of it, in the order of `raw_schema.RAW_TABLES`."""

_ARROW_TYPES = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "bool": pa.bool_(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
}
_SCHEMAS = {
    table: pa.schema([(column.name, _ARROW_TYPES[column.type]) for column in columns])
    for table, columns in RAW_TABLES.items()
}


@dlt.source(name="openclass", max_table_nesting=0)
def openclass(batch: Batch) -> DltResource:
    """The dlt source: a batch of rows of the raw tables, each appended to its table."""

    @dlt.resource(name="raw_rows", write_disposition="append")
    def raw_rows() -> Iterator[Any]:
        for table, arrow_table in batch.tables():
            yield dlt.mark.with_table_name(arrow_table, table)

    return raw_rows


class Batch:
    """Rows that are loaded together, in Arrow tables."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: dict[str, list[tuple[Any, ...]]] = {}
        self._tables: list[tuple[str, pa.Table]] = []

    def add(self, row: Row) -> None:
        """Take a row in."""
        table, values = row
        self.count += 1
        waiting = self._waiting.setdefault(table, [])
        waiting.append(values)
        if len(waiting) >= ROWS_PER_ARROW_TABLE:
            self._tables.append((table, _arrow_table(table, waiting)))
            self._waiting[table] = []

    @property
    def holds_log_only(self) -> bool:
        """Whether there is nothing in it that a run must vouch for."""
        return not self._tables and self._waiting.keys() <= {"sync_pages"}

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """All rows, by table."""
        yield from self._tables
        for table, waiting in self._waiting.items():
            if waiting:
                yield table, _arrow_table(table, waiting)


class RawLoader:
    """Appends rows to the raw store.

    dlt works in a folder that is new to each loader and gone afterwards: a package that an
    interrupted load left behind can neither block nor shadow a later run. Nothing is lost by
    that, because what is not in the store is read from the API again.

    `stored_runs` counts the rows of `sync_runs` that are in the store.
    """

    def __init__(self, store: RawStore, work_dir: Path) -> None:
        self._store = store
        self._work_dir = work_dir
        self._elsewhere: tempfile.TemporaryDirectory[str] | None = None
        self.seconds = 0.0
        self.stored_runs = 0

    def __enter__(self) -> RawLoader:
        """Make the folder, clearing what dead runs left. Raises StoreError."""
        try:
            make_fresh(self._work_dir)
            if "%" in str(self._work_dir):  # dlt takes it for a place to fill in
                self._elsewhere = tempfile.TemporaryDirectory(prefix="cohort-tracker-")
        except OSError as error:
            raise StoreError(
                f"{self._work_dir}: {error.strerror}", "Check disk space and permissions."
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the folder with everything in it, dlt's trace included."""
        clear(self._work_dir)
        if self._elsewhere is not None:
            self._elsewhere.cleanup()

    def load(self, rows: Iterator[Row]) -> None:
        """Load all rows, in as many steps as keep memory flat and losses small.

        A row of `sync_runs` vouches for all rows before it, so it is stored after them: dlt
        commits table by table, and a process can be killed in between. The log of the pages
        goes with it.
        Raises StoreError when dlt cannot write; errors raised by `rows` itself come out as they
        are, after the rows before them were loaded.
        """
        runs: list[Row] = []
        error: Exception | None = None
        exhausted = False
        while not exhausted:
            batch, ended = Batch(), list[Row]()
            started = time.monotonic()
            try:
                while batch.count < ROWS_PER_LOAD and time.monotonic() - started < SECONDS_PER_LOAD:
                    row = next(rows)
                    if row[0] in LOG_TABLES:
                        ended.append(row)
                    else:
                        batch.add(row)
            except StopIteration:
                exhausted = True
            except Exception as raised:
                exhausted, error = True, raised
            if batch.holds_log_only:
                runs, ended = runs + ended, []
            self._store_batch(batch, runs)
            runs = ended
        self._store_batch(Batch(), runs)
        if error is not None:
            raise error

    def _store_batch(self, batch: Batch, runs: list[Row]) -> None:
        """Store a batch, with the runs that end with batches stored before."""
        for run in runs:
            batch.add(run)
        if not batch.count:
            return
        started = time.monotonic()
        self._store.wait_until_free()
        _away_from_signals(lambda: self._run(batch))
        self.stored_runs += sum(table == "sync_runs" for table, _ in runs)
        self.seconds += time.monotonic() - started

    def _run(self, batch: Batch) -> None:
        # From parts: the path may hold any character that means something in an address.
        engine = create_engine(
            URL.create("sqlite", database=str(self._store.path)),
            connect_args={"timeout": BUSY_SECONDS},
        )
        try:
            pipeline = dlt.pipeline(
                "cohort_tracker",
                destination=dlt.destinations.sqlalchemy(engine),
                dataset_name="main",
                pipelines_dir=self._elsewhere.name if self._elsewhere else str(self._work_dir),
            )
            try:
                pipeline.run(openclass(batch))
            finally:
                pipeline.deactivate()
        except Exception as error:
            raise StoreError(
                f"Could not write {self._store.path}: {_root_cause(error)}",
                "Check disk space and permissions; the next sync reads again what was not stored.",
            ) from error
        finally:
            engine.dispose()


def _away_from_signals(work: Callable[[], None]) -> None:
    """Run `work` in a thread: on the main thread dlt would swallow a signal that says to stop.

    An interruption waits for the work, which has all it needs at hand and is short.
    """
    errors: list[BaseException] = []
    # Thread.join() would take a thread for ended once a signal has interrupted the waiting.
    finished = threading.Event()

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)
        finally:
            finished.set()

    thread = threading.Thread(target=run, name="load", daemon=True)
    try:
        thread.start()
        finished.wait()
    except BaseException:
        if thread.ident is not None:
            finished.wait(BUSY_SECONDS)
        raise
    if errors:
        raise errors[0]


def _arrow_table(table: str, rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    schema = _SCHEMAS[table]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _root_cause(error: BaseException) -> str:
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error).splitlines()[0] if str(error) else type(error).__name__
