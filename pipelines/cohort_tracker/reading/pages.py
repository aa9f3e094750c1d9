"""Rows of one table page by page: what may be seen of it, filtered, in an order without ties."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .reader import Reader, Row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Relations = Callable[[str], str]
"""From a table to the SQL of what the viewer may see of it: `Reader.relation`."""

_NAMES = "marts.assignment_completion"
NAME_COLUMNS = ("assignment_name", "assignment_type", "section")
"""What `is_named` puts beside `assignment_id`."""


@dataclass(frozen=True)
class Rows:
    """Which rows: SQL of this package over what the viewer may see, its values bound.

    Args:
        table: by name with schema.
        columns: in order.
        where: the condition, with its `parameters`.
        order: no two rows are alike in it.
        is_named: whether the assignment of each row is named.
    """

    table: str
    columns: tuple[str, ...]
    where: str
    parameters: tuple[Any, ...]
    order: str
    is_named: bool = False


def page(reader: Reader, rows: Rows, limit: int, position: int) -> list[Row]:
    """At most `limit` rows after the first `position`."""
    sql = f"{_query(reader, rows)} LIMIT {limit:d} OFFSET {position:d}"
    with reader.answer(sql, rows.parameters) as found:
        return [dict(zip(rows.columns, row, strict=True)) for row in found.fetchall()]


def count(reader: Reader, rows: Rows) -> int:
    """How many rows there are on all pages."""
    sql = f"SELECT count(*) FROM {reader.relation(rows.table)} WHERE {rows.where}"  # noqa: S608
    with reader.answer(sql, rows.parameters) as found:
        [(number,)] = found.fetchall()
    return int(number)


@contextmanager
def everything(reader: Reader, rows: Rows) -> Iterator[DuckDBPyConnection]:
    """A cursor with the rows of all pages."""
    with reader.answer(_query(reader, rows), rows.parameters) as found:
        yield found


def _query(reader: Reader, rows: Rows) -> str:
    relation = reader.relation(rows.table)
    if rows.is_named:
        named = ", ".join(f"a.{column}" for column in NAME_COLUMNS)
        relation = (
            f"(SELECT r.*, {named} FROM {relation} AS r"  # noqa: S608
            f" LEFT JOIN {reader.relation(_NAMES)} AS a USING (class_id, assignment_id))"
        )
    columns = ", ".join(f'"{column}"' for column in rows.columns)
    return f"SELECT {columns} FROM {relation} WHERE {rows.where} ORDER BY {rows.order}"  # noqa: S608
