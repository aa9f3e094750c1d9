"""The loading process of a sync: takes rows and appends them to the raw store with dlt.

Argument: the raw store's path. `load.py` starts it, isolated from the environment, the working
directory and the user's settings of dlt. What it is told comes over the connection at standard
input: pieces of a load, one table each, then an empty message that says to load them; how that
went is the answer. The end of the connection means that the sync died or needs no more: the
process ends with it, whatever it is doing.
"""

from __future__ import annotations

import json
import os
import pickle
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

import dlt
import pyarrow as pa
from dlt.extract import DltResource

from .destination import raw_store
from .schema import LOG_TABLES, RAW_TABLES

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
def raw(pieces: list[tuple[str, pa.Table]]) -> DltResource:
    """The dlt source: tables of rows of the raw store, each appended to the table of its name."""

    @dlt.resource(name="raw_rows", write_disposition="append")
    def raw_rows() -> Iterator[Any]:
        for table, arrow_table in pieces:
            yield dlt.mark.with_table_name(arrow_table, table)

    return raw_rows


def main(database: str, busy_seconds: str) -> int:
    """Load what comes until the connection ends."""
    connection = Connection(0)
    messages = _listen(connection)
    pipeline = dlt.pipeline(
        "cohort_tracker",
        destination=raw_store(database=database, busy_seconds=float(busy_seconds)),
        pipelines_dir="pipelines",
    )
    pieces: list[tuple[str, pa.Table]] = []
    error: str | None = None
    spent = 0.0
    while True:
        message = messages.get()
        started = time.monotonic()
        try:
            if message:
                pieces.append(_table(message))
                continue
            if error is None:
                pipeline.run(raw(pieces))
        except Exception as raised:
            error = _root_cause(raised)
        finally:
            spent += time.monotonic() - started
        connection.send_bytes(json.dumps({"error": error, "seconds": spent}).encode())
        pieces.clear()  # what dlt keeps of a load, its trace say, would hold on to them
        spent = 0.0


def _listen(connection: Connection) -> SimpleQueue[bytes]:
    """Take messages in, whatever else is being done.

    It only takes them: what is imported on the way to a table is imported by one thread.
    """
    messages: SimpleQueue[bytes] = SimpleQueue()

    def listen() -> None:
        try:
            while True:
                messages.put(connection.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)

    threading.Thread(target=listen, name="parent", daemon=True).start()
    return messages


def _table(message: bytes) -> tuple[str, pa.Table]:
    """A piece of a load: the table's name, and its rows by columns."""
    table, columns = pickle.loads(message)  # noqa: S301  # of the sync that started this
    schema = _SCHEMAS[table]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return table, pa.Table.from_arrays(arrays, schema=schema)


def _root_cause(error: BaseException) -> str:
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error).splitlines()[0] if str(error) else type(error).__name__
