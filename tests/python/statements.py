"""What SQLite is asked while something runs, by whichever connection of this thread."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def listening() -> Iterator[list[str]]:
    """The statements of all connections that are used meanwhile, with the values bound to them."""
    statements: list[str] = []

    def look(_frame: FrameType, event: str, called: Any) -> None:
        connection = getattr(called, "__self__", None)
        is_asked = event == "c_call" and called.__name__.startswith("execute")
        if is_asked and isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(statements.append)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield statements
    finally:
        sys.setprofile(before)


def plan(db: sqlite3.Connection, statement: str) -> list[str]:
    """How SQLite goes about a statement: one line for each table that it visits."""
    return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
