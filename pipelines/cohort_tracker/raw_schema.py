"""The tables of the raw store as plain data: the one place where their columns are written down.

The loader derives its column types from `TABLES`, and dbt reads an empty stand-in made from the
same definition as long as nothing was ever synced. Meaning of each column: `docs/raw-store.md`.
"""

from typing import Final, NamedTuple

LAYOUT_VERSION: Final = 1
"""Stored as `PRAGMA user_version` of the raw store."""


class Column(NamedTuple):
    """One column: name, type (a key of `SQLITE_TYPES`), and whether it may be null."""

    name: str
    type: str
    nullable: bool = True


SQLITE_TYPES: Final = {
    "text": "TEXT",
    "bigint": "BIGINT",
    "bool": "BOOLEAN",
    "double": "DOUBLE",
    "timestamp": "DATETIME",
    "date": "DATE",
}

_MET: Final = [
    Column("first_seen_at", "timestamp", nullable=False),
    Column("run_id", "text", nullable=False),
]

TABLES: Final[dict[str, list[Column]]] = {
    "progressions": [
        Column("class_id", "text", nullable=False),
        Column("record_id", "text", nullable=False),
        Column("version_no", "bigint", nullable=False),
        Column("record_hash", "text", nullable=False),
        Column("is_removed", "bool", nullable=False),
        Column("user_id", "text"),
        Column("user_first_name", "text"),
        Column("user_last_name", "text"),
        Column("user_email", "text"),
        Column("assignment_id", "text"),
        Column("assignment_name", "text"),
        Column("assignment_type", "text"),
        Column("grade", "double"),
        Column("started_at", "timestamp"),
        Column("completed_at", "timestamp"),
        Column("reviewed_at", "timestamp"),
        Column("extra", "text"),
        *_MET,
    ],
    "classes": [
        Column("class_id", "text", nullable=False),
        Column("version_no", "bigint", nullable=False),
        Column("record_hash", "text", nullable=False),
        Column("friendly_id", "text"),
        Column("name", "text"),
        Column("school", "text"),
        Column("is_published", "bool"),
        Column("units_hash", "text"),
        *_MET,
    ],
    "class_units": [
        Column("class_id", "text", nullable=False),
        Column("units_hash", "text", nullable=False),
        Column("position", "bigint", nullable=False),
        Column("section_position", "bigint", nullable=False),
        Column("section_name", "text"),
        Column("assignment_id", "text", nullable=False),
        *_MET,
    ],
    "sync_runs": [
        Column("run_id", "text", nullable=False),
        Column("class_id", "text", nullable=False),
        Column("started_at", "timestamp", nullable=False),
        Column("finished_at", "timestamp", nullable=False),
        Column("mode", "text", nullable=False),
        Column("status", "text", nullable=False),
        Column("pages", "bigint", nullable=False),
        Column("fetched", "bigint", nullable=False),
        Column("new", "bigint", nullable=False),
        Column("changed", "bigint", nullable=False),
        Column("gone", "bigint", nullable=False),
        Column("rejected", "bigint", nullable=False),
        Column("reported_total", "bigint"),
        Column("stored_total", "bigint", nullable=False),
        Column("verified", "bool", nullable=False),
        Column("page_size", "bigint"),
        Column("timezone", "text", nullable=False),
        Column("error", "text"),
    ],
    "sync_pages": [
        Column("run_id", "text", nullable=False),
        Column("class_id", "text", nullable=False),
        Column("seq", "bigint", nullable=False),
        Column("page", "bigint", nullable=False),
        Column("records_processed", "bigint", nullable=False),
        Column("synced_at", "timestamp", nullable=False),
    ],
    "rejected_records": [
        Column("class_id", "text", nullable=False),
        Column("record_id", "text"),
        Column("record_hash", "text", nullable=False),
        Column("page", "bigint"),
        Column("reason", "text", nullable=False),
        Column("record_json", "text", nullable=False),
        *_MET,
    ],
    "roster": [
        Column("file_version", "bigint", nullable=False),
        Column("line", "bigint", nullable=False),
        Column("class", "text"),
        Column("email", "text"),
        Column("first_name", "text"),
        Column("last_name", "text"),
        Column("region", "text"),
        Column("night", "text"),
        Column("role", "text"),
        Column("started_on", "date"),
        Column("left_on", "date"),
        *_MET,
    ],
    "mentors": [
        Column("file_version", "bigint", nullable=False),
        Column("line", "bigint", nullable=False),
        Column("mentor", "text"),
        Column("night", "text"),
        Column("email", "text"),
        *_MET,
    ],
}


def create_statements() -> list[str]:
    """Return the SQLite statements that make an empty raw store of this layout."""
    statements = []
    for table, columns in TABLES.items():
        lines = ", ".join(
            f'"{column.name}" {SQLITE_TYPES[column.type]}'
            + ("" if column.nullable else " NOT NULL")
            for column in columns
        )
        statements.append(f'CREATE TABLE "{table}" ({lines})')
    statements.append(f"PRAGMA user_version = {LAYOUT_VERSION}")
    return statements
