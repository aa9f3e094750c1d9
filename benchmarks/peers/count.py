"""How many progressions a peer stored: `count.py FILE TABLE KEY` prints rows and distinct keys."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

path, table, key = sys.argv[1:]
connection: Any
with Path(path).open("rb") as file:
    is_sqlite = file.read(6) == b"SQLite"
if is_sqlite:
    connection = sqlite3.connect(path)
else:
    import duckdb

    connection = duckdb.connect(path, read_only=True)
with closing(connection):
    rows, keys = connection.execute(
        f"SELECT count(*), count(DISTINCT {key}) FROM {table}"
    ).fetchone()
print(rows, keys)
