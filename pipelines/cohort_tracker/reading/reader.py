"""The one way to rows: filtered by who asks, and with aliases where names are hidden."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, StoreError
from ..raw.store import RawStore
from .aliases import aliases
from .masking import masked_columns, masked_query
from .published import DATABASE, opened
from .rights import may_read, register_rights, visible_rows
from .tables import Table, catalog
from .viewer import Viewer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BATCH = 10_000
_ALIASES = "temp.main.aliases"

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
        self._idle: list[DuckDBPyConnection] = []
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

    def shown_id(self, student_id: str) -> str:
        """What stands for a student's id: itself, or the alias where names are hidden."""
        return self._aliases.get(student_id, "") if self.viewer.hide_names else student_id

    def relation(self, name: str, kept: Sequence[str] = ()) -> str:
        """SQL that stands for a table with schema: all columns, of the rows that may be seen.

        Where names are hidden, ids and names are aliases and columns that are dropped are NULL;
        those in `kept` are there under another name (`kept_as`), to sort by and not to be shown. To
        be used with `answer`. Raises NotAllowedError.
        """
        table = self.table(name)
        schema, plain = name.split(".")
        relation = f'{DATABASE}."{schema}"."{plain}"'
        visible = visible_rows(table, self.viewer)
        if visible is not None:
            relation = f"(SELECT * FROM {relation} WHERE {visible})"  # noqa: S608
        if self.viewer.hide_names:
            relation = f"({masked_query(table, relation, _ALIASES, kept)})"
        return relation

    def query(self, name: str) -> str:
        """SQL for all that may be read of a table with schema. Raises NotAllowedError."""
        columns = ", ".join(f'"{column}"' for column in self.columns(self.table(name)))
        return f"SELECT {columns} FROM {self.relation(name)}"  # noqa: S608

    @contextmanager
    def answer(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[DuckDBPyConnection]:
        """A cursor with the answer to a question: SQL of this package, over `relation`s only.

        Another question does not end it half way.
        """
        session = self._idle.pop() if self._idle else self._new_session()
        try:
            yield session.execute(sql, [*parameters])
        finally:
            self._idle.append(session)

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
        see what the viewer sees, so where names are hidden `student_id` is the alias. Columns that
        are dropped come as None. Raises NotAllowedError.
        """
        table = self.table(name)
        wanted = tuple(columns or self.columns(table))
        unknown = {*wanted} - {*table.column_names}
        if unknown:
            raise ValueError(f"{name} has no column {', '.join(sorted(unknown))}")
        selected = ", ".join(f'"{column}"' for column in wanted)
        query = (
            f"SELECT {selected} FROM {self.relation(name)} WHERE {where}"  # noqa: S608
            + (f" ORDER BY {order}" if order else "")
            + (f" LIMIT {limit:d}" if limit is not None else "")
        )
        with self.answer(query, parameters) as found:
            while rows := found.fetchmany(_BATCH):
                yield rows

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

    def _new_session(self) -> DuckDBPyConnection:
        """A connection of its own, with the viewer's rights and the aliases."""
        session = self._connection.cursor()
        register_rights(session, self.viewer)
        if self.viewer.hide_names:
            # One text, because a list of many values takes DuckDB seconds.
            session.execute(
                f"CREATE TEMP TABLE {_ALIASES} AS SELECT key AS student_id, value->>'$' AS alias"  # noqa: S608
                " FROM json_each(?)",
                [json.dumps(self._aliases)],
            )
        return session

    @cached_property
    def _aliases(self) -> dict[str, str]:
        secret = RawStore(self.raw_path).secret()
        if secret is None:
            raise StoreError(
                f"Names cannot be hidden: {self.raw_path}, which aliases need, is not there",
                "Run the command where the syncs run.",
            )
        ids = self._connection.cursor().execute(
            f"SELECT id FROM {DATABASE}.core.students"  # noqa: S608
        )
        return aliases(secret, (row[0] for row in ids.fetchall()))


@contextmanager
def reader_of(warehouse: Path, raw_path: Path, viewer: Viewer) -> Iterator[Reader]:
    """A reader of the file that is published now.

    Raises ConfigError where there are no tables, StoreError where they cannot be read.
    """
    with opened(warehouse) as connection:
        yield Reader(connection, viewer, raw_path)
