"""The published warehouse, opened as it is now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, StoreError
from ..warehouse.published import change_log
from ..warehouse.query import DAMAGE_HINT, attach

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DATABASE = "warehouse"
"""The name of the published file in SQL."""

FileMark = tuple[int, int, int, int]
"""Device, inode, size and time of change in nanoseconds: another one is another file."""


def mark_of(warehouse: Path) -> FileMark:
    """What tells one published file from the next. Raises ConfigError where there is none."""
    try:
        found = warehouse.stat()
    except FileNotFoundError:
        raise ConfigError(
            f"{warehouse} is not there: no tables were built yet",
            "Run `cohort-tracker sync` first.",
        ) from None
    except OSError as error:
        raise StoreError(
            f"{warehouse}: {error.strerror}", "Ask its owner for the rights."
        ) from error
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def opened(warehouse: Path) -> Iterator[DuckDBPyConnection]:
    """A connection on which nothing can be written and no other file be read.

    Raises ConfigError where there are no tables, StoreError where they cannot be read.
    """
    import duckdb

    mark_of(warehouse)
    if change_log(warehouse).exists():
        raise StoreError(
            f"{change_log(warehouse)} is there: another program wrote into the tables",
            "Run `cohort-tracker sync`: it sets that file aside and builds the tables anew.",
        )
    try:
        with duckdb.connect() as connection:
            attach(connection, warehouse, DATABASE)
            connection.execute("SET temp_directory = ''")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield connection
    except duckdb.Error as error:
        raise StoreError(f"{warehouse}: {str(error).splitlines()[0]}", DAMAGE_HINT) from error
