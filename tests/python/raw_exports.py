"""What the tests of `export --raw` share: the files and `raw.db`, as DuckDB reads both."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from cohort_tracker.raw.parquet import EXPORTED, columns_of_export
from cohort_tracker.warehouse.dbt_plugin import sqlite_extension
from support import Bench

Rows = dict[str, Counter[tuple[Any, ...]]]


def files_of(folder: Path, table: str, tenant: str = "default") -> list[Path]:
    return sorted((folder / table / f"tenant={tenant}").glob("*.parquet"))


def export(bench: Bench, *arguments: str) -> dict[str, Any]:
    """Export with the real command; what it did, by table."""
    done = bench.command("export", "--raw", "raw", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return {table["table"]: table for table in json.loads(done.stdout)["tables"]}


@contextmanager
def attached(raw_db: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with `raw`, as the models have it."""
    with duckdb.connect() as connection:
        connection.execute(f"LOAD '{sqlite_extension()}'")
        connection.execute("SET threads = 1")
        connection.execute(f"ATTACH '{raw_db}' AS raw (TYPE sqlite, READ_ONLY)")
        yield connection


def from_store(table: str) -> str:
    """SQL that reads a table from `raw.db`; a migrated one has its columns in another order."""
    columns = (f'"{column}"' for column in columns_of_export(table))
    return f"SELECT {', '.join(columns)} FROM raw.{table}"


def from_files(folder: Path, table: str, tenant: str = "default") -> str:
    """SQL that reads a table from its files, of whatever columns these are."""
    names = [str(path) for path in files_of(folder, table, tenant)]
    return f"SELECT * FROM read_parquet({names}, hive_partitioning = false)"


def stored(raw_db: Path) -> Rows:
    """All rows of `raw.db`, each with its number first."""
    with attached(raw_db) as db:
        return {table: Counter(db.execute(from_store(table)).fetchall()) for table in EXPORTED}


def exported(folder: Path, tenant: str = "default") -> Rows:
    """All rows of the files; a table without files is left out."""
    with duckdb.connect() as db:
        return {
            table: Counter(db.execute(from_files(folder, table, tenant)).fetchall())
            for table in EXPORTED
            if files_of(folder, table, tenant)
        }


def hidden(folder: Path) -> list[str]:
    """What an export left behind, its lock aside."""
    found = (path.name for path in folder.rglob(".*"))
    return [name for name in found if not name.endswith(".lock")]
