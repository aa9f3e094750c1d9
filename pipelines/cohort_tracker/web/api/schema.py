"""The models of what is asked and answered, made from the contracts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from ...reading.pages import NAME_COLUMNS
from .contracts import Contract, ContractColumn, Contracts
from .cursors import LONGEST_CURSOR
from .filters import Filter, filters_of
from .routes import Route

LIMIT = 100
MOST = 1000
_MOST_VALUES = 50
_LONGEST = 200
_TYPES: Mapping[str, Any] = {
    "string": str,
    "bigint": int,
    "double": float,
    "boolean": bool,
    "date": date,
    "timestamp": datetime,
}
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Page(BaseModel):
    """Where in the whole these rows are."""

    limit: int = Field(description="The most rows of a page.")
    next: str | None = Field(description="`cursor` of the next page; null on the last one.")
    total: int = Field(description="Rows of all pages.")


class Build(BaseModel):
    """Of when the tables are."""

    id: str = Field(description="The build: another one is another answer.")
    as_of: datetime | None = Field(
        description="Up to when the class's records tell; of several the class furthest behind."
    )
    is_stale: bool = Field(
        description="Whether the last good sync is longer ago than the settings allow."
    )


class ParameterError(BaseModel):
    """What is wrong with one parameter."""

    parameter: str
    detail: str


class ProblemDetails(BaseModel):
    """RFC 9457: what happened and what to do."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ParameterError] = Field(default=[], description="Only where parameters are wrong.")


@cache
def examples() -> dict[str, Any]:
    """A row of each table, of an invented cohort."""
    found: dict[str, Any] = json.loads(
        (Path(__file__).parent / "examples.json").read_text(encoding="utf-8")
    )
    return found


class Schema:
    """The models of all routes.

    Args:
        contracts: what the tables have.
    """

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        self._rows: dict[str, type[BaseModel]] = {}
        self._filters: dict[str, dict[str, Filter]] = {}

    def filters(self, route: Route) -> dict[str, Filter]:
        """The filters of a route by name."""
        if route.path not in self._filters:
            self._filters[route.path] = filters_of(route, self._contracts)
        return self._filters[route.path]

    def columns(self, route: Route, table: str) -> tuple[str, ...]:
        """What a route shows of a table, in order."""
        there = self._contracts[table].columns
        shown = tuple(column for column in route.columns or there if column in there)
        return shown + (NAME_COLUMNS if route.is_named else ())

    def key(self, table: str) -> tuple[str, ...]:
        """The columns that tell a table's rows apart."""
        return self._contracts[table].key

    def question(self, route: Route) -> type[BaseModel]:
        """The parameters of a route; all others are refused."""
        fields: dict[str, Any] = {}
        if not route.is_one:
            fields = {
                "limit": (int, Field(LIMIT, ge=1, le=MOST, description="The most rows of a page.")),
                "cursor": (
                    str | None,
                    Field(
                        None,
                        max_length=LONGEST_CURSOR,
                        description="`page.next` of the page before.",
                    ),
                ),
                "sort": (
                    str | None,
                    Field(
                        None,
                        max_length=_LONGEST,
                        description="Columns with commas between, `-` before one for downwards; "
                        "empty values come last.",
                        examples=[",".join(route.sort)],
                    ),
                ),
            }
        for name, found in self.filters(route).items():
            fields[name] = _parameter(found, is_one=route.is_one)
        return create_model(
            f"{route.name}Question", __config__=ConfigDict(extra="forbid"), **fields
        )

    def parameters(self, route: Route) -> list[dict[str, Any]]:
        """The parameters of a route as OpenAPI has them."""
        fields: dict[str, Any] = self.question(route).model_json_schema()["properties"]
        return [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": field.pop("description"),
                "schema": field,
            }
            for name, field in fields.items()
        ]

    def answer(self, route: Route) -> type[BaseModel]:
        """The answer of a route: rows, the page, the build."""
        row = self._row(route)
        if route.is_one:
            data: Any = self._with_parts(route, row) if route.parts else row
            page: Any = (None, Field(description="Null: there is one row."))
        else:
            data, page = list[row], (Page, ...)  # type: ignore[valid-type]
        return create_model(f"{route.name}Answer", data=(data, ...), page=page, build=(Build, ...))

    def _with_parts(self, route: Route, row: type[BaseModel]) -> type[BaseModel]:
        parts: dict[str, Any] = {}
        for name, table in route.parts.items():
            part = self._table_row(table)
            key = self._contracts[table].key
            parts[name] = (part if {*key} == {"class_id", "student_id"} else list[part], ...)  # type: ignore[valid-type]
        return create_model(f"{route.name}Row", work=(row, ...), **parts)

    def _row(self, route: Route) -> type[BaseModel]:
        if not (route.columns or route.night_table or route.is_named):
            return self._table_row(route.table)
        shown = [self._contracts[route.table]]
        if route.night_table:
            shown.append(self._contracts[route.night_table])
        names = tuple(route.columns or shown[0].columns) + tuple(
            column
            for contract in shown[1:]
            for column in contract.columns
            if column not in shown[0].columns
        )
        fields = {
            name: _field(
                next(c.columns[name] for c in shown if name in c.columns),
                is_always_there=all(_is_kept(c, name) for c in shown),
            )
            for name in names
        }
        if route.is_named:
            of_assignments = self._contracts["marts.assignment_completion"]
            fields |= {
                name: _field(of_assignments.columns[name], is_always_there=True, is_certain=False)
                for name in NAME_COLUMNS
            }
        return create_model(
            f"{route.name}Row",
            __config__=_with_example(route.table, fields),
            __doc__=shown[0].description,
            **fields,
        )

    def _table_row(self, table: str) -> type[BaseModel]:
        if table not in self._rows:
            contract = self._contracts[table]
            fields = {
                name: _field(column, is_always_there=_is_kept(contract, name))
                for name, column in contract.columns.items()
            }
            self._rows[table] = create_model(
                "".join(word.title() for word in re.split(r"[._]", table)),
                __config__=_with_example(table, fields),
                __doc__=contract.description,
                **fields,
            )
        return self._rows[table]


def _is_kept(contract: Contract, column: str) -> bool:
    """Whether every answer has the column: also where names are hidden, of class and night."""
    return column in contract.columns and column in contract.kept_columns


def _field(column: ContractColumn, *, is_always_there: bool, is_certain: bool = True) -> Any:
    """A column as a field. `is_certain`: whether a row of its table is there in any case."""
    type_: Any = Literal[column.values] if column.values else _TYPES[column.type]
    if column.is_nullable or not (is_always_there and is_certain):
        type_ = type_ | None
    default: Any = ... if is_always_there else None
    return type_, Field(default, description=column.description)


def _with_example(table: str, fields: Mapping[str, Any]) -> ConfigDict:
    row = examples().get(table)
    if row is None:
        return ConfigDict()
    shown = {name: value for name, value in row.items() if name in fields}
    return ConfigDict(json_schema_extra={"examples": [shown]})


def _day(value: Any) -> Any:
    """A day as it is written: 2026-03-01, and not any of the other ways that pydantic knows."""
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("write a day as 2026-03-01")
    return value


def _parameter(found: Filter, *, is_one: bool) -> Any:
    described: dict[str, Any] = {"description": found.description}
    if found.kind in ("since", "until"):
        return Annotated[date, BeforeValidator(_day)] | None, Field(None, **described)
    if found.kind == "flag":
        return bool | None, Field(None, **described)
    if found.kind == "number":
        one: Any = Annotated[int, Field(ge=-(2**31), lt=2**31)]
    elif found.values:
        one = Literal[found.values]
    else:
        one = Annotated[str, Field(min_length=1, max_length=_LONGEST)]
    if is_one:
        return one | None, Field(None, **described)
    return list[one], Field([], max_length=_MOST_VALUES, **described)
