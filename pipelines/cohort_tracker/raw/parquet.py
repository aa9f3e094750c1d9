"""Parquet files with rows of a raw table, each saying in its footer which rows these are.

The types are those that DuckDB gives to the columns of `raw.db`: times without a zone (UTC),
booleans as whole numbers. `rowid` comes first: the order in which the rows were stored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .schema import RAW_TABLES, Column

EXPORTED = {**RAW_TABLES, "raw_secret": (Column("secret", "text"),)}
"""The tables that the models read, and their columns."""

_ARROW_TYPES = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "bool": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
}
_FOOTER_KEY = b"cohort_tracker"


@dataclass(frozen=True)
class Part:
    """Which rows of a table a file holds.

    Args:
        store: which raw store they are of.
        generation: that of the store then.
        after, upto: the numbers of the last row before them, and of the last of them.
        rows: how many there are.
        last: a hash of the last of them; empty where there is none.
    """

    store: str
    generation: str
    after: int
    upto: int
    rows: int
    last: str


class Found(NamedTuple):
    """A file in place: what it holds, and whether it has the columns of today."""

    part: Part
    has_columns: bool


class NotOursError(Exception):
    """A file in the folder that no export wrote, or that was damaged since."""


def columns_of_export(table: str) -> list[str]:
    """The columns of the files of a table, in their order."""
    return ["rowid", *(column.name for column in EXPORTED[table])]


def schema_of_export(table: str) -> pa.Schema:
    """The columns with their types."""
    types = [pa.int64(), *(_ARROW_TYPES[column.type] for column in EXPORTED[table])]
    return pa.schema(list(zip(columns_of_export(table), types, strict=True)))


def read_part(path: Path, table: str) -> Found:
    """What a file says of itself. Raises NotOursError."""
    try:
        footer = pq.read_metadata(path)
        part = Part(**json.loads(footer.metadata[_FOOTER_KEY]))
        schema = footer.schema.to_arrow_schema().remove_metadata()
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError) as error:
        raise NotOursError(path) from error
    return Found(part, schema.equals(schema_of_export(table)))


def write_part(
    file: BinaryIO, table: str, batches: Iterable[list[tuple[Any, ...]]], begun: Part
) -> Part:
    """Write rows, each with its number first, behind those that `begun` ends with; what it holds.

    Raises pyarrow.ArrowException for a value that its column cannot have.
    """
    part, schema = begun, schema_of_export(table)
    with pq.ParquetWriter(file, schema) as writer:
        for batch in batches:
            columns = zip(*batch, strict=True)
            arrays = [
                _array(values, field.type) for values, field in zip(columns, schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            last = batch[-1]
            part = replace(part, upto=last[0], rows=part.rows + len(batch), last=row_hash(last))
        writer.add_key_value_metadata({_FOOTER_KEY: json.dumps(asdict(part)).encode()})
    return part


def row_hash(row: tuple[Any, ...]) -> str:
    """A hash of a row's values, its number among them, to find it unchanged again."""
    return hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _array(values: tuple[Any, ...], type_: pa.DataType) -> pa.Array[Any]:
    """A column; SQLite has times and days as text."""
    if pa.types.is_temporal(type_):
        return pc.cast(pa.array(values, pa.string()), type_)
    return pa.array(values, type_)
