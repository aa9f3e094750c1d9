"""Rows of one table page by page: what may be seen of it, filtered, in an order without ties.

A page begins after the place of the last row of the page before, and a place is what that row is
sorted by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from .masking import kept_as
from .reader import Reader, Row

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Relations = Callable[[str], str]
"""From a table to the SQL of what the viewer may see of it: `Reader.relation`."""

Place = Sequence[str | int | float | bool | None]
"""What a row is sorted by, one value for each `By`; days and times as text."""

_NAMES = "marts.assignment_completion"
NAME_COLUMNS = ("assignment_name", "assignment_type", "section")
"""What `is_named` puts beside `assignment_id`."""

SORTED_LENGTH = 100
"""So many characters of a text count for the order, or a place could be of any length."""


@dataclass(frozen=True)
class By:
    """A column to sort by; empty values come last either way."""

    column: str
    is_down: bool = False


@dataclass(frozen=True)
class Rows:
    """Which rows: SQL of this package over what the viewer may see, its values bound.

    Args:
        table: by name with schema.
        columns: in order.
        where: the condition, with its `parameters`.
        order: no two rows are alike in it. Columns that are dropped where names are hidden sort
            there all the same: they are in the places, and in no row.
        is_named: whether the assignment of each row is named.
    """

    table: str
    columns: tuple[str, ...]
    where: str
    parameters: tuple[Any, ...]
    order: tuple[By, ...]
    is_named: bool = False


@dataclass(frozen=True)
class _Key:
    """One part of the order in SQL, and its type."""

    sql: str
    type: str
    is_down: bool

    @property
    def ordered(self) -> str:
        return f"{self.sql} {'DESC' if self.is_down else 'ASC'} NULLS LAST"


def page(
    reader: Reader, rows: Rows, limit: int, after: Place | None = None
) -> tuple[list[Row], Place | None]:
    """At most `limit` rows after a place, and the place of the last of them if more follow."""
    keys = _keys(reader, rows)
    where, parameters = rows.where, [*rows.parameters]
    if after is not None:
        follows, values = _following(keys, after)
        where, parameters = f"({where}) AND ({follows})", [*parameters, *values]
    selected = ", ".join([*_quoted(rows.columns), *(key.sql for key in keys)])
    sql = f"{_query(reader, rows, selected, where, keys)} LIMIT {limit + 1:d}"
    with reader.answer(sql, parameters) as answer:
        found = answer.fetchall()
    width = len(rows.columns)
    last = found[limit - 1][width:] if len(found) > limit else None
    return (
        [dict(zip(rows.columns, row[:width], strict=True)) for row in found[:limit]],
        None if last is None else [_plain(value) for value in last],
    )


def count(reader: Reader, rows: Rows) -> int:
    """How many rows there are on all pages."""
    sql = f"SELECT count(*) FROM {reader.relation(rows.table)} WHERE {rows.where}"  # noqa: S608
    with reader.answer(sql, rows.parameters) as found:
        [(number,)] = found.fetchall()
    return int(number)


@contextmanager
def everything(reader: Reader, rows: Rows) -> Iterator[DuckDBPyConnection]:
    """A cursor with the rows of all pages."""
    selected = ", ".join(_quoted(rows.columns))
    sql = _query(reader, rows, selected, rows.where, _keys(reader, rows))
    with reader.answer(sql, rows.parameters) as found:
        yield found


def _query(reader: Reader, rows: Rows, selected: str, where: str, keys: Sequence[_Key]) -> str:
    relation = reader.relation(rows.table, kept=_dropped(reader, rows))
    if rows.is_named:
        named = ", ".join(f"a.{column}" for column in NAME_COLUMNS)
        relation = (
            f"(SELECT r.*, {named} FROM {relation} AS r"  # noqa: S608
            f" LEFT JOIN {reader.relation(_NAMES)} AS a USING (class_id, assignment_id))"
        )
    order = ", ".join(key.ordered for key in keys)
    return f"SELECT {selected} FROM {relation} WHERE {where} ORDER BY {order}"  # noqa: S608


def _dropped(reader: Reader, rows: Rows) -> tuple[str, ...]:
    """What sorts and may not be shown."""
    table = reader.table(rows.table)
    hidden = {*table.column_names} - {*reader.columns(table)}
    return tuple(by.column for by in rows.order if by.column in hidden)


def _keys(reader: Reader, rows: Rows) -> list[_Key]:
    types = dict.fromkeys(NAME_COLUMNS, "VARCHAR")
    types |= {column.name: column.type for column in reader.table(rows.table).columns}
    dropped = _dropped(reader, rows)
    keys = []
    for by in rows.order:
        type_ = types[by.column]
        sql = f'"{kept_as(by.column) if by.column in dropped else by.column}"'
        if type_ == "VARCHAR":
            sql = f"left({sql}, {SORTED_LENGTH})"
        keys.append(_Key(sql, type_, by.is_down))
    return keys


def _following(keys: Sequence[_Key], place: Place) -> tuple[str, list[Any]]:
    """The condition that rows come after a place: later by the first key, or alike in it and
    later by the others. Nothing comes after an empty value but what is alike.
    """
    if not keys:
        return "false", []
    key, value = keys[0], place[0]
    others, values = _following(keys[1:], place[1:])
    bound = f"CAST(? AS {key.type})"
    alike = f"({key.sql} IS NOT DISTINCT FROM {bound} AND ({others}))"
    if value is None:
        return alike, [None, *values]
    later = f"{key.sql} {'<' if key.is_down else '>'} {bound}"
    return f"{later} OR {key.sql} IS NULL OR {alike}", [value, value, *values]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _quoted(columns: Sequence[str]) -> list[str]:
    return [f'"{column}"' for column in columns]
