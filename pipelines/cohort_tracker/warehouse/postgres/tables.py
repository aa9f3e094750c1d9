"""What is published: the tables of `core` and `marts` as the warehouse has them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCHEMAS = ("core", "marts")
WAREHOUSE = "warehouse"
"""The name of the published file in DuckDB."""

_TYPES = {
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "numeric(38,0)",
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "UBIGINT": "numeric(20,0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "VARCHAR": "text",
    "DATE": "date",
    "TIME": "time without time zone",
    # All times of the tables are UTC: instants, which every client shows in its own zone.
    "TIMESTAMP": "timestamp with time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "INTERVAL": "interval",
    "UUID": "uuid",
    "BLOB": "bytea",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+,\d+)\)")


@dataclass(frozen=True)
class Column:
    """A column: its name, PostgreSQL's type, the DuckDB expression of its value, and a comment."""

    name: str
    type: str
    value: str
    comment: str | None


@dataclass(frozen=True)
class Table:
    """A table: its schema in the warehouse, its name, and what PostgreSQL is to know of it."""

    schema: str
    name: str
    comment: str | None
    columns: tuple[Column, ...]
    key: tuple[str, ...]


def identifier(*names: str) -> str:
    """A name as SQL has it, with its schema where there is one."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def published_column(name: str, duckdb_type: str, comment: str | None) -> Column:
    """A column as PostgreSQL gets it: lists, structs and what else it has no type for as JSON."""
    value = identifier(name)
    if decimal := _DECIMAL.fullmatch(duckdb_type):
        return Column(name, f"numeric({decimal[1]})", value, comment)
    if duckdb_type in _TYPES:
        return Column(name, _TYPES[duckdb_type], value, comment)
    if duckdb_type.startswith("ENUM("):
        return Column(name, "text", f"CAST({value} AS VARCHAR)", comment)
    return Column(name, "jsonb", f"CAST(to_json({value}) AS VARCHAR)", comment)


def read_tables(db: DuckDBPyConnection, key_of: Callable[[str], tuple[str, ...]]) -> list[Table]:
    """The tables of the attached warehouse in order; `key_of` tells a key by the full name."""
    columns: dict[tuple[str, str], list[Column]] = {}
    for schema, name, *column in db.execute(
        "SELECT schema_name, table_name, column_name, data_type, comment FROM duckdb_columns()"
        " WHERE database_name = ? AND schema_name IN (SELECT unnest(?))"
        " ORDER BY schema_name, table_name, column_index",
        [WAREHOUSE, list(SCHEMAS)],
    ).fetchall():
        columns.setdefault((schema, name), []).append(published_column(*column))
    comments = db.execute(
        "SELECT schema_name, table_name, comment FROM duckdb_tables() WHERE database_name = ?",
        [WAREHOUSE],
    ).fetchall()
    return [
        Table(schema, name, comment, tuple(columns[schema, name]), key_of(f"{schema}.{name}"))
        for schema, name, comment in sorted(comments)
        if (schema, name) in columns
    ]
