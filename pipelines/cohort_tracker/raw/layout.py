"""The layout of a raw store: what a file has of it, and how an older one is brought to it.

Functions of a connection; sqlite3.Error goes to the caller.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ..errors import ForeignStoreError
from .generation import begin_generation
from .migrations import LAYOUT, MIGRATIONS, Migration, columns_of
from .schema import INDEXES, NOTED_MIGRATIONS, RAW_TABLES, missing_columns

_OWN_TABLES = {"raw_secret", "raw_forgotten", "raw_generation", "raw_compacted"}
_LAYOUT = RAW_TABLES.keys() | INDEXES.keys() | _OWN_TABLES
_FIRST_COLUMNS = {"class_id", "record_id", "version_no", "record_hash"}  # since the first release
_RUST_TABLES = {"students", "assignments", "progressions", "sync_history"}


def refuse_foreign(path: Path, connection: sqlite3.Connection) -> None:
    """Raise ForeignStoreError unless the file is a raw store or has nothing in it."""
    tables = tables_of(connection)
    if not tables or "raw_migrations" in tables:
        return
    if columns_of(connection, "progressions") >= _FIRST_COLUMNS:
        return
    if tables >= _RUST_TABLES:
        raise ForeignStoreError(
            f"{path} is the database of the Rust tracker; it was left as it is",
            "Name another data_dir: a sync into it brings everything back that the API has.",
        )
    named = ", ".join(sorted(tables)[:3])
    raise ForeignStoreError(
        f"{path} is another program's database (it has {named}); it was left as it is",
        "Name another data_dir, or move that file away.",
    )


def is_newest(connection: sqlite3.Connection) -> bool:
    """Whether the file has all that this version lays out."""
    return (
        has_layout(connection)
        and version_of(connection) == LAYOUT
        and not pending(connection)
        and not missing_columns(connection)
    )


def has_layout(connection: sqlite3.Connection) -> bool:
    """Whether the file has all tables and indexes of this version."""
    return tables_of(connection) >= _LAYOUT


def version_of(connection: sqlite3.Connection) -> int:
    """The number of the layout that the file was brought to."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def noted(connection: sqlite3.Connection) -> set[str]:
    """Names of the migrations that the file has been through."""
    if "raw_migrations" not in tables_of(connection):
        return set()
    return {row[0] for row in connection.execute("SELECT name FROM raw_migrations")}


def pending(connection: sqlite3.Connection) -> list[Migration]:
    """The migrations that are due, in order; none for a file without tables."""
    if not tables_of(connection) & RAW_TABLES.keys():
        return []
    done = noted(connection)
    return [migration for migration in MIGRATIONS if migration.name not in done]


def missing(connection: sqlite3.Connection) -> list[str]:
    """Tables and columns that an older file lacks, in words; none for a file without tables."""
    tables = tables_of(connection)
    if not tables & RAW_TABLES.keys():
        return []
    lacking = [f"add {table}" for table in RAW_TABLES if table not in tables]
    return lacking + [f"add {column}" for column in missing_columns(connection)]


def migrate(connection: sqlite3.Connection, migration: Migration) -> None:
    """Apply a migration and note it, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(NOTED_MIGRATIONS)
    migration.apply(connection)
    begin_generation(connection)
    connection.execute(
        "INSERT OR IGNORE INTO raw_migrations VALUES (?, datetime('now'))", (migration.name,)
    )
    connection.execute(f"PRAGMA user_version = {2 + MIGRATIONS.index(migration):d}")
    connection.execute("COMMIT")


def tables_of(connection: sqlite3.Connection) -> set[str]:
    """The names of all tables and indexes of the file."""
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
