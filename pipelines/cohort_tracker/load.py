"""Loading rows into the raw store with dlt, in Arrow tables, append only."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

# Student data: nothing about a run leaves this machine. Both must be set before dlt is imported.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")

import dlt
import pyarrow as pa
from dlt.extract import DltResource

from .errors import StoreError
from .raw_schema import RAW_TABLES
from .store import BUSY_SECONDS, RawStore

ROWS_PER_ARROW_TABLE = 20_000
ROWS_PER_LOAD = 100_000
SECONDS_PER_LOAD = 15.0

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
def openclass(rows: Iterable[Row], *, declare: bool = False) -> DltResource:
    """The dlt source: rows of the raw tables as Arrow tables, each appended to its table.

    Args:
        rows: what was read from the API, in any mixture of tables.
        declare: also yield every table empty, so that all exist in the store.
    """

    @dlt.resource(name="raw_rows", write_disposition="append")
    def raw_rows() -> Iterator[Any]:
        if declare:
            for table, schema in _SCHEMAS.items():
                yield dlt.mark.with_table_name(schema.empty_table(), table)
        buffers: dict[str, list[tuple[Any, ...]]] = {}
        for table, row in rows:
            buffer = buffers.setdefault(table, [])
            buffer.append(row)
            if len(buffer) >= ROWS_PER_ARROW_TABLE:
                yield dlt.mark.with_table_name(_arrow_table(table, buffer), table)
                buffers[table] = []
        for table, buffer in buffers.items():
            if buffer:
                yield dlt.mark.with_table_name(_arrow_table(table, buffer), table)

    return raw_rows


class RawLoader:
    """Appends rows to the raw store.

    Each loader works in a folder of its own that is gone afterwards: a package that an
    interrupted load left behind can neither block nor shadow a later run. Nothing is lost by
    that, because what is not in the store is read from the API again.
    """

    def __init__(self, store: RawStore, work_dir: Path, name: str) -> None:
        self._store = store
        self._root = work_dir
        self._work_dir = work_dir / name
        self.seconds = 0.0

    def __enter__(self) -> RawLoader:
        """Clear what dead runs left and make the folder."""
        shutil.rmtree(self._root, ignore_errors=True)
        self._work_dir.mkdir(parents=True, mode=0o700)
        self._pipeline = dlt.pipeline(
            "cohort_tracker",
            destination=dlt.destinations.sqlalchemy(
                f"sqlite:///{self._store.path}?timeout={BUSY_SECONDS:g}"
            ),
            dataset_name="main",
            pipelines_dir=str(self._work_dir),
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the folder with everything in it, dlt's trace included."""
        self._pipeline.deactivate()
        shutil.rmtree(self._work_dir, ignore_errors=True)

    def load(self, rows: Iterator[Row]) -> None:
        """Load all rows, in as many steps as keep memory flat and losses small.

        Raises StoreError when dlt cannot write; errors raised by `rows` itself come out as they
        are, after the rows before them were loaded.
        """
        source = _Steps(rows)
        while not source.exhausted:
            self._load_step(source.step())
            if source.error is not None:
                raise source.error

    def _load_step(self, rows: Iterator[Row]) -> None:
        declare = not self._store.has_all_tables()
        started = time.monotonic()
        try:
            self._pipeline.run(openclass(rows, declare=declare))
        except Exception as error:
            raise StoreError(
                f"Could not write {self._store.path}: {_root_cause(error)}",
                "Check disk space and permissions; the next sync reads again what was not stored.",
            ) from error
        finally:
            self.seconds += time.monotonic() - started
        if declare:
            self._store.finish_layout()


class _Steps:
    """Cuts a stream of rows into loads, and keeps the stream's own error apart from dlt's."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self.exhausted = False
        self.error: Exception | None = None

    def step(self) -> Iterator[Row]:
        started = time.monotonic()
        for _ in range(ROWS_PER_LOAD):
            try:
                row = next(self._rows)
            except StopIteration:
                self.exhausted = True
                return
            except Exception as error:
                self.exhausted = True
                self.error = error
                return
            yield row
            if time.monotonic() - started > SECONDS_PER_LOAD:
                return


def _arrow_table(table: str, rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    schema = _SCHEMAS[table]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _root_cause(error: BaseException) -> str:
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error).splitlines()[0] if str(error) else type(error).__name__
