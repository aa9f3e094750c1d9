"""Tables to publish to PostgreSQL, and what arrived there, for the tests of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from cohort_tracker.config import Settings, load_settings
from postgres_server import Database

_READ: dict[str, Callable[[str], Any]] = {
    "BIGINT": int,
    "DOUBLE": float,
    "BOOLEAN": {"t": True, "f": False}.__getitem__,
    "DATE": date.fromisoformat,
    "TIMESTAMP": datetime.fromisoformat,
    "VARCHAR": str,
}


def settings_for(data_dir: Path, address: str, **more: str) -> Settings:
    """Settings that publish the tables of `data_dir`."""
    given = {"data_dir": str(data_dir), "publish": address, **more}
    environ = {f"COHORT_TRACKER_{key.upper()}": value for key, value in given.items()}
    return load_settings(environ=environ, no_file=True)


def write_tables(data_dir: Path, build_id: str, *statements: str) -> None:
    """Make a published file of the build in which the statements have run."""
    data_dir.mkdir(exist_ok=True)
    (data_dir / "logs").mkdir(exist_ok=True)
    file = data_dir / "warehouse.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as db:
        for statement in (
            "CREATE SCHEMA core",
            "CREATE SCHEMA marts",
            f"CREATE TABLE core.build AS SELECT '{build_id}' AS id",
            *statements,
        ):
            db.execute(statement)


def tables_of(warehouse: Path) -> dict[str, list[tuple[str, str]]]:
    """The columns, with DuckDB's types, of every table that is to be published."""
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, type_ in ask(
        warehouse,
        "SELECT schema_name || '.' || table_name, column_name, data_type FROM duckdb_columns()"
        " WHERE schema_name IN ('core', 'marts') ORDER BY 1, column_index",
    ):
        found.setdefault(table, []).append((column, type_))
    return found


def ask(warehouse: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask a DuckDB file."""
    with duckdb.connect(str(warehouse), read_only=True) as db:
        return db.execute(sql).fetchall()


def rows_there(
    database: Database, table: str, columns: Sequence[tuple[str, str]]
) -> Counter[tuple[Any, ...]]:
    """The rows of a table in PostgreSQL, as psql writes them, each with how often it is there."""
    asked = [
        f"to_char(\"{name}\" at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
        if type_ == "TIMESTAMP"
        else f'"{name}"'
        for name, type_ in columns
    ]
    read = [_READ[type_] for _, type_ in columns]
    return Counter(
        tuple(None if cell is None else of(cell) for of, cell in zip(read, row, strict=True))
        for row in database.rows(f"select {', '.join(asked)} from {table}")
    )


def rows_here(
    warehouse: Path, table: str, columns: Sequence[tuple[str, str]]
) -> Counter[tuple[Any, ...]]:
    """The rows of a table in the warehouse."""
    names = ", ".join(f'"{name}"' for name, _ in columns)
    return Counter(ask(warehouse, f"SELECT {names} FROM {table}"))
