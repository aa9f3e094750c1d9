"""What the rows of a route can be filtered by: it follows from the columns that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...reading.pages import Relations
from .contracts import Contract, Contracts
from .routes import Route

Kind = Literal["text", "number", "flag", "since", "until"]

_STUDENTS = "core.class_students"
_ASSIGNMENTS = "marts.assignment_completion"
_PAIRS = "core.student_assignments"


@dataclass(frozen=True)
class Filter:
    """One filter of one route.

    Args:
        name: the parameter.
        kind: what it is given and how it compares.
        column: what it compares with.
        table: where that column stands: the route's own table, or one that tells of the same
            student or the same assignment.
        key: what leads from a row to that table; empty for the route's own.
        values: all values there are, where that is fixed.
    """

    name: str
    kind: Kind
    column: str
    table: str
    key: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """What to write into it."""
        words = {
            "text": "may be given several times, any of them counts; capital letters do not matter",
            "number": "a whole number; may be given several times, any of them counts",
            "flag": "true or false",
            "since": "a date; rows of that day (UTC) or later",
            "until": "a date; rows of that day (UTC) or earlier",
        }
        return f"By `{self.column}`: {words[self.kind]}."

    def condition(self, value: Any, relation: Relations) -> tuple[str, list[Any]]:
        """In SQL, with its parameters. `relation` gives what the viewer may see of a table."""
        compared, parameters = _COMPARED[self.kind](f'"{self.column}"', value)
        if not self.key:
            return compared, parameters
        key = ", ".join(f'"{column}"' for column in self.key)
        return (
            f"({key}) IN (SELECT ({key}) FROM {relation(self.table)} WHERE {compared})",  # noqa: S608
            parameters,
        )


def _text(column: str, values: Sequence[str]) -> tuple[str, list[Any]]:
    return f"lower({column}) IN (SELECT lower(unnest(?)))", [list(values)]


def _number(column: str, values: Sequence[int]) -> tuple[str, list[Any]]:
    return f"{column} IN (SELECT unnest(?))", [list(values)]


def _flag(column: str, value: bool) -> tuple[str, list[Any]]:
    return f"{column} = ?", [value]


def _since(column: str, value: Any) -> tuple[str, list[Any]]:
    return f"CAST({column} AS DATE) >= ?", [value]


def _until(column: str, value: Any) -> tuple[str, list[Any]]:
    return f"CAST({column} AS DATE) <= ?", [value]


_COMPARED: Mapping[Kind, Callable[[str, Any], tuple[str, list[Any]]]] = {
    "text": _text,
    "number": _number,
    "flag": _flag,
    "since": _since,
    "until": _until,
}

# The parameter, and the column that it is about.
_OF_ROWS: tuple[tuple[str, str], ...] = (
    *(("night", "night"), ("mentor", "mentor"), ("region", "region")),
    *(("tier", "tier"), ("previous_tier", "previous_tier"), ("call_list", "call_list")),
    *(("type", "assignment_type"), ("section", "section"), ("state", "state")),
    *(("status", "status"), ("signal", "signal"), ("event", "event"), ("code", "code")),
    *(("role", "role"), ("iso_week", "iso_week"), ("weekday", "weekday"), ("hour", "hour")),
    *(("student_id", "student_id"), ("assignment_id", "assignment_id")),
    *(("is_enrolled", "is_enrolled"), ("is_class_over", "is_class_over")),
    *(("is_stale", "is_stale"), ("is_complete", "is_complete"), ("is_latest", "is_latest")),
    *(("is_stuck", "is_stuck"), ("is_awaiting_review", "is_awaiting_review")),
)
_OF_STUDENTS = ("night", "mentor", "region", "is_enrolled")
_OF_ASSIGNMENTS = ("type", "section")
_OF_PAIRS = ("state",)
_KINDS: Mapping[str, Kind] = {"string": "text", "bigint": "number", "boolean": "flag"}


def filters_of(route: Route, contracts: Contracts) -> dict[str, Filter]:
    """All filters of a route by name; of one row only the night that it is about."""
    contract = contracts[route.table]
    found: dict[str, Filter] = {}
    if not route.is_one:
        found |= _own(contract)
        found |= _through(contract, contracts[_STUDENTS], ("class_id", "student_id"), _OF_STUDENTS)
        found |= _through(
            contract, contracts[_ASSIGNMENTS], ("class_id", "assignment_id"), _OF_ASSIGNMENTS
        )
        found |= _through(
            contract, contracts[_PAIRS], ("class_id", "student_id", "assignment_id"), _OF_PAIRS
        )
        if route.day:
            found["since"] = Filter("since", "since", route.day, route.table)
            found["until"] = Filter("until", "until", route.day, route.table)
        if "{student_id}" in route.path:
            for name in ("student_id", *_OF_STUDENTS):
                found.pop(name, None)
    if route.night_table:
        found["night"] = Filter("night", "text", "night", route.night_table)
    return found


def _own(contract: Contract) -> dict[str, Filter]:
    return {
        name: Filter(
            name,
            _KINDS[contract.columns[column].type],
            column,
            contract.name,
            (),
            contract.columns[column].values,
        )
        for name, column in _OF_ROWS
        if column in contract.columns
    }


def _through(
    contract: Contract, other: Contract, key: tuple[str, ...], names: tuple[str, ...]
) -> dict[str, Filter]:
    """Filters by what another table says of the same student or assignment."""
    columns = dict(_OF_ROWS)
    if not {*key} <= {*contract.columns}:
        return {}
    found = {}
    for name in names:
        column = other.columns[columns[name]]
        if column.name not in contract.columns:
            found[name] = Filter(
                name, _KINDS[column.type], column.name, other.name, key, column.values
            )
    return found
