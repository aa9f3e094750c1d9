"""The one way to rows: filtered by who asks, and with aliases where names are hidden."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, StoreError
from ..raw.store import RawStore
from .aliases import aliases
from .masking import Masker, mask, masked_columns
from .published import DATABASE, opened
from .tables import Table, catalog, may_read, visible_rows
from .viewer import Viewer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BATCH = 10_000

Row = dict[str, Any]
"""A row by column."""


class NotAllowedError(ConfigError):
    """The viewer may not read the table."""


class Reader:
    """Reads the published tables for one viewer.

    Args:
        connection: to the published file, as `opened` gives it.
        viewer: who asks.
        raw_path: the raw store: it has the secret that aliases are made with, and the contacts.
    """

    def __init__(self, connection: DuckDBPyConnection, viewer: Viewer, raw_path: Path) -> None:
        self._connection = connection
        self.viewer = viewer
        self.raw_path = raw_path

    @cached_property
    def tables(self) -> dict[str, Table]:
        """The tables that the viewer may read, by name with schema."""
        return {
            name: table
            for name, table in catalog(self._connection).items()
            if may_read(table, self.viewer)
        }

    @cached_property
    def _aliases(self) -> Mapping[str, str]:
        secret = RawStore(self.raw_path).secret()
        if secret is None:
            raise StoreError(
                f"Names cannot be hidden: {self.raw_path}, which aliases need, is not there",
                "Run the command where the syncs run.",
            )
        ids = self._connection.execute(
            f"SELECT id FROM {DATABASE}.core.students"  # noqa: S608
        ).fetchall()
        return aliases(secret, (row[0] for row in ids))

    def columns(self, table: Table) -> tuple[str, ...]:
        """The columns of a table that the viewer may read, in order."""
        return masked_columns(table) if self.viewer.hide_names else table.column_names

    def table(self, name: str) -> Table:
        """A table by name with schema. Raises NotAllowedError for one that is not the viewer's."""
        found = self.tables.get(name)
        if found is None:
            raise NotAllowedError(
                f"There is no table {name}, or not for you",
                "`cohort-tracker export --list` shows what there is.",
            )
        return found

    def batches(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        *,
        where: str = "true",
        parameters: Sequence[Any] = (),
        order: str = "",
        limit: int | None = None,
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Rows of a table in batches, as tuples of `columns` (default: all that may be read).

        `where` and `order` are SQL of this package, never a user's: values are `parameters`. They
        see the columns of the table and only the rows that the viewer may see; where names are
        hidden, columns that are dropped come as None. Raises NotAllowedError.
        """
        table = self.table(name)
        wanted = tuple(columns or self.columns(table))
        unknown = set(wanted) - {*table.column_names}
        if unknown:
            raise ValueError(f"{name} has no column {', '.join(sorted(unknown))}")
        readable = {*self.columns(table)}
        selected = ", ".join(
            f'"{column}"' if column in readable else f'NULL AS "{column}"' for column in wanted
        )
        visible, values = visible_rows(table, self.viewer)
        schema, plain = name.split(".")
        query = (
            f'WITH visible AS (SELECT * FROM {DATABASE}."{schema}"."{plain}" WHERE {visible})'  # noqa: S608
            f" SELECT {selected} FROM visible WHERE {where}"
            + (f" ORDER BY {order}" if order else "")
            + (f" LIMIT {limit:d}" if limit is not None else "")
        )
        masked = self._masker(table, wanted)
        # A connection of its own: another question must not end this one half way.
        found = self._connection.cursor().execute(query, [*values, *parameters])
        while rows := found.fetchmany(_BATCH):
            yield [masked(row) for row in rows] if masked else rows

    def _masker(self, table: Table, columns: tuple[str, ...]) -> Masker | None:
        if not self.viewer.hide_names:
            return None
        return mask(table, columns, self._aliases if table.kind == "person" else {})

    def rows(
        self,
        name: str,
        columns: Sequence[str] | None = None,
        *,
        where: str = "true",
        parameters: Sequence[Any] = (),
        order: str = "",
        limit: int | None = None,
    ) -> list[Row]:
        """The same as `batches`, all at once and by column."""
        wanted = tuple(columns or self.columns(self.table(name)))
        found = self.batches(
            name, wanted, where=where, parameters=parameters, order=order, limit=limit
        )
        return [dict(zip(wanted, row, strict=True)) for batch in found for row in batch]


@contextmanager
def reader_of(warehouse: Path, raw_path: Path, viewer: Viewer) -> Iterator[Reader]:
    """A reader of the file that is published now.

    Raises ConfigError where there are no tables, StoreError where they cannot be read.
    """
    with opened(warehouse) as connection:
        yield Reader(connection, viewer, raw_path)
