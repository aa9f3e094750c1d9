"""One read-only question to the published warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import StoreError

DAMAGE_HINT = "Run `cohort-tracker sync`: it sets a damaged file aside and builds a new one."


def query(warehouse: Path, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    """Run one read-only question against the published warehouse; raises StoreError.

    Attached, because `connect` would hand out a file that another reader in this process has open,
    also when a sync has replaced it since.
    """
    import duckdb

    place = str(warehouse).replace("'", "''")
    try:
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{place}' AS warehouse (READ_ONLY)")
            connection.execute("USE warehouse")
            return connection.execute(sql, parameters or []).fetchall()
    except duckdb.Error as error:
        raise StoreError(f"{warehouse}: {str(error).splitlines()[0]}", DAMAGE_HINT) from error
