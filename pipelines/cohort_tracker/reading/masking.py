"""Hiding names: what becomes of each column where an alias stands for a student."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .tables import Table

# Instead of these stands the alias, of the student that the row's id names.
_IDS = frozenset({"student_id"})
_NAMES = frozenset({"first_name", "student_name"})
# Numbers of students: they would tell a student on every page, as an id does.
_KEYS = frozenset({"student_key"})
# The texts that are no person's. Every other text is dropped, so a new column is hidden at first.
_TEXTS = frozenset(
    [
        "assignment_id",
        "assignment_name",
        "assignment_type",
        "call_list",
        "class_id",
        "class_name",
        "code",
        "day_name",
        "event",
        "field",
        "file_name",
        "friendly_id",
        "group_night_key",
        "id",
        "iso_week",
        "n_a_reason",
        "name",
        "night",
        "night_key",
        "previous_tier",
        "projection",
        "reason",
        "reason_codes",
        "reasons",
        "run_id",
        "school",
        "section",
        "sentence",
        "signal",
        "source",
        "start_assignment_id",
        "start_assignment_name",
        "state",
        "status",
        "sync_mode",
        "thresholds",
        "tier",
        "timezone",
        "type",
        "unit",
        "version",
        "weekday_name",
        "how",
        "last_run_status",
        "frontier_assignment_id",
        "frontier_assignment_name",
    ]
)
# Of these the columns `id` and `name` are a student's.
_OF_STUDENTS = frozenset({"core.students"})
# Of these the column `id` is a progression's.
_OF_PROGRESSIONS = frozenset({"core.progressions"})


def masked_columns(table: Table) -> tuple[str, ...]:
    """The columns of a table that are left where names are hidden."""
    return tuple(
        column.name
        for column in table.columns
        if column.name in _IDS | _NAMES
        or (column.name not in _KEYS and not column.type.startswith("VARCHAR"))
        or (column.name in _TEXTS and not (column.name == "id" and table.name in _OF_PROGRESSIONS))
    )


def mask(table: Table, columns: Sequence[str], alias_of: Mapping[str, str]) -> Masker:
    """What turns a row of the columns into one that names nobody."""
    own_id = "id" if table.name in _OF_STUDENTS else "student_id"
    aliased = {"id", "name", "first_name"} if table.name in _OF_STUDENTS else _IDS | _NAMES
    places = [place for place, column in enumerate(columns) if column in aliased]
    id_place = columns.index(own_id) if own_id in columns else None
    if places and id_place is None:
        raise ValueError(f"{table.name}: the alias needs {own_id}")

    def masked(row: Sequence[Any]) -> tuple[Any, ...]:
        if id_place is None:
            return tuple(row)
        alias = alias_of.get(row[id_place], "Somebody")
        return tuple(alias if place in places else value for place, value in enumerate(row))

    return masked


Masker = Callable[[Sequence[Any]], tuple[Any, ...]]
