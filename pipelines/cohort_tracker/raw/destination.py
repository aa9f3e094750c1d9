"""The dlt destination of the raw store: rows of Parquet files into tables of a SQLite file.

Whole columns become what SQLite takes, and its driver takes them row by row.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from dlt.common.destination.exceptions import DestinationTerminalException
from dlt.common.schema import TTableSchema
from pyarrow.parquet import ParquetFile

_ROWS_PER_INSERT = 5_000


# SQLite has one writer, so one file after the other; and dlt waits less for one than for many.
@dlt.destination(
    name="raw_store",
    batch_size=0,  # a call for each file, with its path
    loader_file_format="parquet",
    loader_parallelism_strategy="sequential",
)
def raw_store(
    items: Any, table: TTableSchema, database: str = dlt.config.value, busy_seconds: float = 60.0
) -> None:
    """Append a file's rows to a table of the SQLite file `database`: all or none.

    `items` is the path of a Parquet file, as dlt hands it over where the batch size is 0.

    The table is there and has the file's columns. Waits for another writer for `busy_seconds`.
    Raises DestinationTerminalException, whose cause is sqlite3.Error: dlt need not try again,
    another try would meet the same.
    """
    try:
        with ParquetFile(items) as file, closing(sqlite3.connect(database, busy_seconds)) as db:
            names = ", ".join(_quoted(name) for name in file.schema_arrow.names)
            places = ", ".join("?" * len(file.schema_arrow.names))
            insert = f"INSERT INTO {_quoted(str(table['name']))} ({names}) VALUES ({places})"  # noqa: S608
            for batch in file.iter_batches(_ROWS_PER_INSERT):
                values = [_as_stored(column).to_pylist() for column in batch.columns]
                db.executemany(insert, zip(*values, strict=True))
            db.commit()
    except sqlite3.Error as error:
        raise DestinationTerminalException(str(error)) from error


def _as_stored(column: pa.Array[Any]) -> pa.Array[Any]:
    """A column as SQLite holds it: times as text, in UTC, booleans as 0 and 1."""
    if pa.types.is_timestamp(column.type):
        return pc.cast(pc.cast(column, pa.timestamp("us")), pa.string())
    if pa.types.is_date(column.type):
        return pc.cast(column, pa.string())
    if pa.types.is_boolean(column.type):
        return pc.cast(column, pa.int8())
    return column


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
