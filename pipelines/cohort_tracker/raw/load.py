"""Loading rows into the raw store with dlt, in Arrow tables, append only."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

# Student data: nothing about a run leaves this machine. Both must be set before dlt is imported.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"  # what fails is told in one line

from .seclusion import no_settings_of_dlt, secluded

with no_settings_of_dlt():
    import dlt

    dlt.config.get("any")  # it looks for its files once, at the first question
import pyarrow as pa
from dlt.extract import DltResource

from ..errors import StoreError
from ..runtime.background import Background
from ..runtime.folders import clear, make_fresh
from .destination import raw_store
from .schema import LOG_TABLES, RAW_TABLES, Row
from .store import BUSY_SECONDS, WRITE_HINT, RawStore

ROWS_PER_ARROW_TABLE = 10_000
ROWS_PER_LOAD = 50_000
SECONDS_PER_LOAD = 15.0
SECONDS_TO_FIRST_LOAD = 1.0
"""The first load is a small one: what dlt does once only is done while pages are awaited."""

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
    if table not in LOG_TABLES
}


@dlt.source(name="raw", max_table_nesting=0)
def raw(batch: Batch) -> DltResource:
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
        self.counts: Counter[str] = Counter()
        self._waiting: dict[str, list[Mapping[str, Any]]] = {}
        self._tables: list[tuple[str, pa.Table]] = []

    def add(self, row: Row) -> None:
        """Take a row in."""
        table, values = row
        self.count += 1
        self.counts[table] += 1
        waiting = self._waiting.setdefault(table, [])
        waiting.append(values)
        if len(waiting) >= ROWS_PER_ARROW_TABLE:
            self._tables.append((table, _arrow_table(table, waiting)))
            self._waiting[table] = []

    def clear(self) -> None:
        """Let go of the rows: what dlt keeps of a load, its trace say, would hold on to them."""
        self._waiting.clear()
        self._tables.clear()

    def tables(self) -> Iterator[tuple[str, pa.Table]]:
        """All rows, by table."""
        yield from self._tables
        for table, waiting in self._waiting.items():
            if waiting:
                yield table, _arrow_table(table, waiting)


class RawLoader:
    """Appends rows to the raw store, in the background while the next ones are read.

    dlt works in a folder that is new to each loader and gone afterwards: a package that an
    interrupted load left behind can neither block nor shadow a later run. Nothing is lost by
    that, because what is not in the store is read from the API again.

    `stored_runs` counts the rows of `sync_runs` that are in the store; `seconds` is the time that
    loading took, whether or not anything waited for it.
    """

    def __init__(self, store: RawStore, work_dir: Path) -> None:
        self._store = store
        self._work_dir = work_dir
        self._elsewhere: tempfile.TemporaryDirectory[str] | None = None
        self._load: Background[None] | None = None
        self._pipeline: dlt.Pipeline | None = None
        self._log: list[Row] = []
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
        """Remove the folder with everything in it, dlt's trace included.

        A load under way is waited for: it has all it needs at hand and is short.
        """
        if self._load is not None:
            self._load.wait(BUSY_SECONDS)
        if self._pipeline is not None:
            self._pipeline.deactivate()
        clear(self._work_dir)
        if self._elsewhere is not None:
            self._elsewhere.cleanup()

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
            batch, log = Batch(), list[Row]()
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
            self._finish()
            self._log = log
            if batch.count:
                self._store.wait_until_free()
                # On the main thread dlt would swallow a signal that says to stop.
                self._load = Background(partial(self._run, batch), "load")
        self._finish()
        if error is not None:
            raise error

    def _finish(self) -> None:
        """Wait for the load under way, then write the log of what is stored now."""
        if self._load is not None:
            self._load.result()
            self.seconds += self._load.seconds
            self._load = None
        if self._log:
            started = time.monotonic()
            self._store.append_log(self._log)
            self.seconds += time.monotonic() - started
            self.stored_runs += sum(table == "sync_runs" for table, _ in self._log)
            self._log = []

    def _run(self, batch: Batch) -> None:
        try:
            before = self._store.last_rows()
            with secluded():
                if self._pipeline is None:
                    self._pipeline = self._new_pipeline()
                self._pipeline.run(raw(batch))
            self._require_stored(batch, before)
        except StoreError:
            raise
        except Exception as error:
            raise StoreError(
                f"Could not write {self._store.path}: {_root_cause(error)}", WRITE_HINT
            ) from error
        finally:
            batch.clear()

    def _require_stored(self, batch: Batch, before: Mapping[str, int]) -> None:
        """Raise StoreError when the rows are not where the log is about to say that they are."""
        for table, count in batch.counts.items():
            stored = self._store.rows_after(table, before.get(table, 0))
            if stored != count:
                raise StoreError(
                    f"{self._store.path} holds {stored:,} of {count:,} rows of {table} just loaded",
                    "They are not taken for stored: the next sync reads them again. Variables or"
                    " files with settings of dlt may have led them elsewhere.",
                )

    def _new_pipeline(self) -> dlt.Pipeline:
        return dlt.pipeline(
            "cohort_tracker",
            destination=raw_store(database=str(self._store.path), busy_seconds=BUSY_SECONDS),
            pipelines_dir=self._elsewhere.name if self._elsewhere else str(self._work_dir),
        )


def _arrow_table(table: str, rows: list[Mapping[str, Any]]) -> pa.Table:
    schema = _SCHEMAS[table]
    arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _root_cause(error: BaseException) -> str:
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error).splitlines()[0] if str(error) else type(error).__name__
