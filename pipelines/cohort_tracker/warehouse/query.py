"""Questions to the published warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import StoreError

DAMAGE_HINT = "Run `cohort-tracker sync`: it sets a damaged file aside and builds a new one."


def query(warehouse: Path, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    """Run one read-only question against the published warehouse; raises StoreError."""
    import duckdb

    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            return connection.execute(sql, parameters or []).fetchall()
    except duckdb.Error as error:
        raise StoreError(f"{warehouse}: {str(error).splitlines()[0]}", DAMAGE_HINT) from error
