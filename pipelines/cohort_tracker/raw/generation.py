"""The store's generation: a random text that stays as long as rows are only added.

Whatever changes rows that were there, or takes rows back, draws another one: erasing a person,
restoring a backup, a migration. A copy that has the rows up to some number is right about them as
long as it is of the same generation.
"""

from __future__ import annotations

import sqlite3

from .migrations import columns_of

_CREATE = "CREATE TABLE IF NOT EXISTS raw_generation (generation TEXT)"
_DRAW = "INSERT INTO raw_generation SELECT lower(hex(randomblob(16)))"
_DRAW_FIRST = f"{_DRAW} WHERE NOT EXISTS (SELECT 1 FROM raw_generation)"  # noqa: S608

GENERATION_STATEMENTS = (_CREATE, _DRAW_FIRST)
"""The table, and the first generation of a store that has none."""


def begin_generation(db: sqlite3.Connection) -> None:
    """Draw another one; to be called in the transaction that changes the rows."""
    for statement in (_CREATE, "DELETE FROM raw_generation", _DRAW):
        db.execute(statement)


def generation_of(db: sqlite3.Connection) -> str | None:
    """The generation; None in the file of an older version."""
    if not columns_of(db, "raw_generation"):
        return None
    found = db.execute("SELECT max(generation) FROM raw_generation").fetchone()
    return None if found is None else found[0]
