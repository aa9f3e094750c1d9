"""Hiding names: what becomes of each column where an alias stands for a student."""

from __future__ import annotations

from collections.abc import Sequence

from .tables import Column, Table

# Of a student by table: the column with the id, and those that the alias takes the place of.
_STUDENTS = "core.students"
_ALIASED = frozenset({"student_id", "first_name", "student_name"})
_ALIASED_STUDENTS = frozenset({"id", "first_name", "name"})

# What cannot hold a name. Texts, and whatever else may come, are hidden unless they are named here.
_TYPES = ("BOOLEAN", "BIGINT", "HUGEINT", "INTEGER", "DOUBLE", "DECIMAL", "DATE", "TIMESTAMP")
# Numbers that would tell a student on every page, as an id does, or a line of the roster.
_KEYS = frozenset({"student_key", "line", "version_no"})
_TEXTS = frozenset(
    [
        "assignment_id",
        "assignment_name",
        "assignment_type",
        "call_list",
        "class_id",
        "class_name",
        "code",
        "event",
        "field",
        "friendly_id",
        "frontier_assignment_id",
        "frontier_assignment_name",
        "group_night_key",
        "how",
        "iso_week",
        "last_run_status",
        "movement",
        "n_a_reason",
        "night",
        "night_key",
        "previous_call_list",
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
        "thresholds",
        "tier",
        "timezone",
        "type",
        "unit",
        "version",
        "weekday_name",
    ]
)
# Of these alone the columns `id` and `name` are no person's.
_NAMED = frozenset({"core.assignments", "core.build", "core.classes", "core.sync_history"})


def masked_columns(table: Table) -> tuple[str, ...]:
    """The columns of a table that are left where names are hidden."""
    return tuple(
        column.name
        for column in table.columns
        if column.name in _aliased(table) or _shows(table, column)
    )


def kept_as(column: str) -> str:
    """What a column is called that is dropped and still sorts."""
    return f"kept {column}"


def masked_query(table: Table, relation: str, aliases: str, kept: Sequence[str] = ()) -> str:
    """SQL for all columns of a relation, with aliases for names and NULL for what is dropped.

    Args:
        table: what the columns are.
        relation: SQL of the rows.
        aliases: the name of a table of `student_id` and `alias`.
        kept: columns that are there under `kept_as` as well: to sort by, not to be shown.
    """
    aliased = _aliased(table)
    selected = ", ".join(
        f"coalesce(a.alias, 'Somebody') AS \"{column.name}\""
        if column.name in aliased
        else f'r."{column.name}"'
        if _shows(table, column)
        else f'CAST(NULL AS {column.type}) AS "{column.name}"'
        for column in table.columns
    )
    selected += "".join(f', r."{column}" AS "{kept_as(column)}"' for column in kept)
    if not aliased:
        return f"SELECT {selected} FROM {relation} AS r"  # noqa: S608
    own_id = "id" if table.name == _STUDENTS else "student_id"
    return (
        f"SELECT {selected} FROM {relation} AS r"  # noqa: S608
        f' LEFT JOIN {aliases} AS a ON r."{own_id}" = a.student_id'
    )


def _aliased(table: Table) -> frozenset[str]:
    if table.name == _STUDENTS:
        return _ALIASED_STUDENTS
    return _ALIASED if table.kind == "person" else frozenset()


def _shows(table: Table, column: Column) -> bool:
    if column.type.startswith("VARCHAR"):
        named = table.name in _NAMED and column.name in ("id", "name")
        return column.type == "VARCHAR" and (named or column.name in _TEXTS)
    return column.type.startswith(_TYPES) and "[" not in column.type and column.name not in _KEYS
