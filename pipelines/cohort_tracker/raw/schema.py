"""The tables of the raw store: the one place that names their columns and types.

The meaning of each column is in docs/raw-store.md. Types are dlt's: `text`, `bigint`, `bool`,
`double`, `timestamp` (UTC) and `date`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

from .fields import PROGRESSION_FIELDS
from .generation import GENERATION_STATEMENTS
from .migrations import LAYOUT, MIGRATIONS, SECRET_STATEMENTS, columns_of

Row = tuple[str, Mapping[str, Any]]
"""A raw table's name and one row of it: values by column; a column left out is null."""


class Column(NamedTuple):
    """A column of a raw table."""

    name: str
    type: str
    nullable: bool = True


def _required(name: str, type_: str) -> Column:
    return Column(name, type_, nullable=False)


_SEEN = (_required("first_seen_at", "timestamp"), _required("run_id", "text"))

RAW_TABLES: dict[str, tuple[Column, ...]] = {
    "progressions": (
        _required("source", "text"),
        _required("class_id", "text"),
        _required("record_id", "text"),
        _required("version_no", "bigint"),
        _required("record_hash", "text"),
        _required("is_removed", "bool"),
        *(Column(field.name, field.type) for field in PROGRESSION_FIELDS),
        Column("extra", "text"),
        Column("rejected_fields", "text"),
        *_SEEN,
    ),
    "classes": (
        _required("source", "text"),
        _required("class_id", "text"),
        _required("version_no", "bigint"),
        _required("record_hash", "text"),
        Column("friendly_id", "text"),
        Column("name", "text"),
        Column("school", "text"),
        Column("is_published", "bool"),
        Column("units_hash", "text"),
        *_SEEN,
    ),
    "class_states": (
        _required("source", "text"),
        _required("class_id", "text"),
        Column("is_listed", "bool"),
        Column("unlisted_since", "timestamp"),
        _required("is_retired", "bool"),
        *_SEEN,
    ),
    "class_units": (
        _required("source", "text"),
        _required("class_id", "text"),
        _required("units_hash", "text"),
        _required("position", "bigint"),
        _required("section_position", "bigint"),
        Column("section_name", "text"),
        _required("assignment_id", "text"),
        *_SEEN,
    ),
    "sync_runs": (
        _required("run_id", "text"),
        _required("source", "text"),
        _required("class_id", "text"),
        _required("started_at", "timestamp"),
        _required("finished_at", "timestamp"),
        _required("mode", "text"),
        _required("is_quick", "bool"),
        _required("is_described", "bool"),
        _required("status", "text"),
        _required("pages", "bigint"),
        _required("fetched", "bigint"),
        _required("new", "bigint"),
        _required("changed", "bigint"),
        _required("removed", "bigint"),
        _required("rejected", "bigint"),
        Column("reported_total", "bigint"),
        _required("stored_total", "bigint"),
        _required("verified", "bool"),
        Column("page_size", "bigint"),
        Column("newest_completed_at", "timestamp"),
        _required("timezone", "text"),
        Column("error", "text"),
    ),
    "sync_pages": (
        _required("run_id", "text"),
        _required("source", "text"),
        _required("class_id", "text"),
        _required("seq", "bigint"),
        _required("page", "bigint"),
        _required("records_processed", "bigint"),
        _required("synced_at", "timestamp"),
    ),
    "page_sizes": (
        _required("source", "text"),
        _required("api_base", "text"),
        _required("asked", "bigint"),
        Column("granted", "bigint"),
        *_SEEN,
    ),
    "rejected_records": (
        _required("source", "text"),
        _required("class_id", "text"),
        Column("record_id", "text"),
        _required("record_hash", "text"),
        Column("page", "bigint"),
        _required("reason", "text"),
        _required("record_json", "text"),
        Column("field", "text"),
        Column("version_no", "bigint"),
        *_SEEN,
    ),
    "roster": (
        _required("file_version", "bigint"),
        _required("line", "bigint"),
        Column("class", "text"),
        Column("email", "text"),
        Column("first_name", "text"),
        Column("last_name", "text"),
        Column("region", "text"),
        Column("night", "text"),
        Column("role", "text"),
        Column("started_on", "date"),
        Column("left_on", "date"),
        Column("student_id", "text"),
        *_SEEN,
    ),
    "mentors": (
        _required("file_version", "bigint"),
        _required("line", "bigint"),
        Column("mentor", "text"),
        Column("night", "text"),
        Column("email", "text"),
        Column("class", "text"),
        *_SEEN,
    ),
    "schedule": (
        _required("file_version", "bigint"),
        _required("line", "bigint"),
        Column("class", "text"),
        Column("assignment", "text"),
        Column("due_on", "date"),
        Column("optional", "bool"),
        Column("night", "text"),
        *_SEEN,
    ),
    "exclusions": (
        _required("file_version", "bigint"),
        _required("line", "bigint"),
        Column("pattern", "text"),
        *_SEEN,
    ),
    "contacts": (
        _required("contact_id", "text"),
        _required("student_id", "text"),
        _required("contacted_on", "date"),
        _required("how", "text"),
        Column("contacted_by", "text"),
        Column("note", "text"),
        _required("is_withdrawn", "bool"),
        _required("first_seen_at", "timestamp"),  # by nobody's run: somebody typed it
    ),
}

LOG_TABLES = ("page_sizes", "sync_pages", "sync_runs")
"""What was asked for and how it went, in the order of writing; the others hold what was read."""

FILE_TABLES = ("roster", "mentors", "schedule", "exclusions")
"""What people write by hand, in versions: a new one has all lines."""

INDEXES = {
    "progressions_by_class": "progressions (source, class_id)",
    "sync_runs_by_class": "sync_runs (source, class_id)",
    "sync_runs_by_kind": "sync_runs (source, class_id, status, mode, is_quick, is_described)",
    "sync_pages_by_run": "sync_pages (run_id)",
    "rejected_records_by_class": "rejected_records (source, class_id)",
    "class_units_by_class": "class_units (source, class_id, units_hash)",
}

NOTED_MIGRATIONS = (
    "CREATE TABLE IF NOT EXISTS raw_migrations (name TEXT PRIMARY KEY, applied_at DATETIME)"
)

FORGOTTEN = "CREATE TABLE IF NOT EXISTS raw_forgotten (secret TEXT, digest TEXT)"
"""Keyed hashes of people who were forgotten (raw/forgotten.py)."""

COMPACTED = "CREATE TABLE IF NOT EXISTS raw_compacted (one INTEGER PRIMARY KEY, up_to INTEGER)"
"""One row: the number of the run up to which the log was compacted (raw/compaction.py)."""

_SQLITE_TYPES = {
    "text": "TEXT",
    "bigint": "BIGINT",
    "bool": "BOOLEAN",
    "double": "DOUBLE",
    "timestamp": "DATETIME",
    "date": "DATE",
}


def create_table(table: str) -> str:
    """The SQLite statement that makes a raw table where it is missing (all columns nullable)."""
    columns = (f'"{column.name}" {_SQLITE_TYPES[column.type]}' for column in RAW_TABLES[table])
    return f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(columns)})"


def create_statements() -> list[str]:
    """SQLite statements that make what is missing of the layout.

    They also note that the file has this layout, so an older one must be migrated before.
    """
    tables = map(create_table, RAW_TABLES)
    indexes = [f"CREATE INDEX IF NOT EXISTS {name} ON {on}" for name, on in INDEXES.items()]
    noted = [
        "INSERT OR IGNORE INTO raw_migrations VALUES"  # noqa: S608
        f" ('{migration.name}', datetime('now'))"
        for migration in MIGRATIONS
    ]
    numbered = f"PRAGMA user_version = {LAYOUT:d}"
    own = [*SECRET_STATEMENTS, FORGOTTEN, *GENERATION_STATEMENTS, COMPACTED]
    return [NOTED_MIGRATIONS, *tables, *indexes, *own, *noted, numbered]


def missing_columns(db: sqlite3.Connection) -> dict[str, str]:
    """Columns that existing tables lack, as `table.column`, with the statement that adds each.

    What may be null is added so, without a migration.
    """
    return {
        f"{table}.{column.name}": f'ALTER TABLE {table} ADD COLUMN "{column.name}"'
        f" {_SQLITE_TYPES[column.type]}"
        for table, columns in RAW_TABLES.items()
        if (stored := columns_of(db, table))
        for column in columns
        if column.nullable and column.name not in stored
    }
