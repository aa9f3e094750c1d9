"""From the parameters of a request to what is asked of the tables, or to what is wrong."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ... import __version__
from ...reading.pages import NAME_COLUMNS, By, Rows
from ...reading.seen import Seen
from ...reading.viewer import Viewer
from .problems import not_found, wrong_parameters
from .routes import Route
from .schema import LIMIT, Schema


@dataclass(frozen=True)
class Question:
    """What one request asks for.

    Args:
        rows: which rows.
        limit: the most of a page.
        asked: all that the answer depends on beside build and viewer, as text.
    """

    rows: Rows
    limit: int
    asked: str

    def bound_to(self, viewer: Viewer) -> str:
        """What a cursor or a tag of this question holds for this viewer alone."""
        return digest(__version__, viewer_text(viewer), self.asked)


def digest(*texts: str) -> str:
    """Short, and another one for other texts."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:24]


def viewer_text(viewer: Viewer) -> str:
    """All that an answer depends on of who asks."""
    return json.dumps(
        [
            viewer.role,
            sorted(viewer.classes) if viewer.classes is not None else None,
            sorted(viewer.nights) if viewer.nights is not None else None,
            viewer.hide_names,
        ]
    )


def question_of(
    route: Route,
    schema: Schema,
    seen: Seen,
    viewer: Viewer,
    given: dict[str, Any],
    place: dict[str, str],
) -> Question:
    """What a request asks for.

    Args:
        route: the route.
        schema: what the tables have.
        seen: what there is for the viewer.
        viewer: who asks.
        given: the parameters that were given, by name.
        place: the columns that the path fixes: the class, the student.

    Raises a problem: 404 for a table that is not the viewer's, 422 for parameters that cannot be
    used.
    """
    filters = schema.filters(route)
    asked_for = {name: given[name] for name in given if name in filters}
    table = route.night_table if route.night_table and "night" in asked_for else route.table
    if table not in seen.tables or any(part not in seen.tables for part in route.parts.values()):
        raise not_found()
    wrong: dict[str, str] = {}
    conditions = [f'"{column}" = ?' for column in place]
    parameters: list[Any] = [*place.values()]
    for name, value in asked_for.items():
        if filters[name].column not in seen.columns.get(filters[name].table, ()):
            wrong[name] = "What it is about is not for you."
            continue
        sql, values = filters[name].condition([value] if route.is_one else value, seen.relation)
        conditions.append(sql)
        parameters += values
    columns = schema.columns(route, table)
    if table != route.table:
        columns = seen.columns[table]
    columns = tuple(
        c for c in columns if c in seen.columns[table] or (route.is_named and c in NAME_COLUMNS)
    )
    order = _order(route, given.get("sort"), columns, wrong)
    if wrong:
        raise wrong_parameters(wrong)
    named = {column.removeprefix("-") for column in order}
    whole = [*order, *(column for column in schema.key(table) if column not in named)]
    return Question(
        Rows(
            table,
            columns,
            " AND ".join(conditions) or "true",
            tuple(parameters),
            tuple(_by(column) for column in whole),
            route.is_named,
        ),
        given.get("limit", LIMIT),
        json.dumps([route.path, place, sorted(asked_for.items()), order], default=str),
    )


def _order(
    route: Route, sort: str | None, sortable: Sequence[str], wrong: dict[str, str]
) -> list[str]:
    """The columns to sort by, `-` before those that go down; what is wrong goes into `wrong`."""
    if sort is None:
        return [column for column in route.sort if column.lstrip("-") in sortable]
    order = sort.split(",")
    names = [word.removeprefix("-") for word in order]
    if not {*names} <= {*sortable}:
        wrong["sort"] = f"It takes columns of the answer: {', '.join(sortable)}."
    elif len({*names}) < len(names):
        wrong["sort"] = "A column is named twice."
    return order


def _by(column: str) -> By:
    return By(column.removeprefix("-"), column.startswith("-"))
