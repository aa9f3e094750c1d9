"""One read-only question to the published warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StoreError
from .extensions import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DAMAGE_HINT = "Run `cohort-tracker sync`: it sets a damaged file aside and builds a new one."


def attach(connection: DuckDBPyConnection, warehouse: Path, name: str) -> None:
    """Attach the published file to a database in memory, read-only, and make it the one in use.

    `duckdb.connect(file)` would hand out the file that another reader of this process has open,
    also when a sync has replaced it since. Raises duckdb.Error.
    """
    connection.execute(f"ATTACH {quoted(warehouse)} AS {name} (READ_ONLY)")
    connection.execute(f"USE {name}")


def query(warehouse: Path, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    """Run one read-only question against the published warehouse; raises StoreError."""
    import duckdb

    try:
        with duckdb.connect() as connection:
            attach(connection, warehouse, "warehouse")
            return connection.execute(sql, parameters or []).fetchall()
    except duckdb.Error as error:
        raise StoreError(f"{warehouse}: {str(error).splitlines()[0]}", DAMAGE_HINT) from error
