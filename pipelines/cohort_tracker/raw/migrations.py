"""How `raw.db` came to its layout: one migration for each change since the first release.

A store notes the names of its migrations in `raw_migrations`. A new file is laid out as it should
be, with all names noted; an older one is migrated, each step in a transaction of its own. To
change the layout, append a migration here and change raw/schema.py; a new column that may be null
needs no migration. docs/raw-store.md says more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import NamedTuple

FIRST_SOURCE = "openclass"
"""The API of every row that was stored before rows said where they came from."""


class Migration(NamedTuple):
    """A change of the layout. `apply` looks before it changes: tables may be missing or new."""

    name: str
    apply: Callable[[sqlite3.Connection], None]


def columns_of(db: sqlite3.Connection, table: str) -> set[str]:
    """The columns of a table; none where there is no such table."""
    return {row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def _add_source(db: sqlite3.Connection) -> None:
    """The API that a row came from is part of its key. The first release knew one only."""
    for table in (
        *("progressions", "classes", "class_units"),
        *("sync_runs", "sync_pages", "rejected_records"),
    ):
        columns = columns_of(db, table)
        if columns and "source" not in columns:
            # Written once into the table's definition, not into its rows: instant at any size.
            default = f"TEXT NOT NULL DEFAULT '{FIRST_SOURCE}'"
            db.execute(f"ALTER TABLE {table} ADD COLUMN source {default}")
    if columns_of(db, "rejected_records"):
        lines = "class_id LIKE 'file:%'"  # of roster and mentors: no API sent them
        db.execute(f"UPDATE rejected_records SET source = 'files' WHERE {lines}")  # noqa: S608
    for index in ("progressions_by_class", "sync_runs_by_class"):
        db.execute(f"DROP INDEX IF EXISTS {index}")  # made again with the new key


def _removed_for_gone(db: sqlite3.Connection) -> None:
    """One word for records that the API does not show any more."""
    if "gone" in columns_of(db, "sync_runs"):
        db.execute("ALTER TABLE sync_runs RENAME COLUMN gone TO removed")


def _add_secret(db: sqlite3.Connection) -> None:
    """What tells who somebody is without saying it is keyed with a secret of the file."""
    for statement in SECRET_STATEMENTS:
        db.execute(statement)


SECRET_STATEMENTS = (
    "CREATE TABLE IF NOT EXISTS raw_secret (secret TEXT)",
    "INSERT INTO raw_secret SELECT lower(hex(randomblob(32)))"
    " WHERE NOT EXISTS (SELECT 1 FROM raw_secret)",
)
"""The table of the one secret, and the secret, which is never changed once it is there."""


MIGRATIONS = (
    Migration("0001_source", _add_source),
    Migration("0002_removed_for_gone", _removed_for_gone),
    Migration("0003_secret", _add_secret),
)
"""In the order in which they are applied; never changed once released."""

LAYOUT = 1 + len(MIGRATIONS)
"""The layout's number, which is SQLite's `user_version`: a program refuses a greater one."""
