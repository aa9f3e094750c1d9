"""The tables that can be read, as the published file describes them, and who may read which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from .published import DATABASE
from .viewer import Viewer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCHEMAS = ("core", "marts")

Kind = Literal["person", "night", "class", "shared", "lead"]
"""Of whom a row speaks: a student of a class, a group, a class, nobody, or anybody of any class."""

# Without a student in any column, and without a text in which one could stand.
_OF_A_CLASS = frozenset(
    [
        "core.class_weeks",
        "core.classes",
        "core.curriculum",
        "core.expected_assignments",
        "core.group_days",
        "core.group_weeks",
        "core.peer_weeks",
        "core.plans",
        "core.sync_history",
        "marts.activity_pattern",
        "marts.assignment_completion",
        "marts.blockers",
        "marts.class_summary",
        "marts.cohort_comparison",
        "marts.progress_over_time",
    ]
)
_OF_NOBODY = frozenset({"core.assignments", "core.build"})
# Nights by their key: a mentor sees the own ones.
_NIGHT_COLUMNS = ("night_key", "night")
# Of a student over all classes: the rows of who can be seen in one of them.
_OF_A_STUDENT = {"core.students": "id"}
_ID_OF_CLASSES = {"core.classes": "id"}


@dataclass(frozen=True)
class Column:
    """A column: its name, DuckDB's type, and what it means."""

    name: str
    type: str
    description: str | None


@dataclass(frozen=True)
class Table:
    """A table: its name with schema, what it answers, and its columns in order."""

    name: str
    description: str | None
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def kind(self) -> Kind:
        """Of whom its rows speak. What is not known to be harmless is the lead's."""
        names = self.column_names
        if self.name in _OF_A_STUDENT or {"class_id", "student_id"} <= {*names}:
            return "person"
        if self.name in _OF_NOBODY:
            return "shared"
        if self.name in _OF_A_CLASS:
            return "class"
        if "class_id" in names and self.name.split(".")[1].startswith("night_"):
            return "night"
        return "lead"


def catalog(connection: DuckDBPyConnection) -> dict[str, Table]:
    """All tables of `core` and `marts` by name with schema, in order."""
    comments = connection.execute(
        "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()"
        " WHERE database_name = ? AND schema_name IN (SELECT unnest(?)) ORDER BY 1",
        [DATABASE, list(SCHEMAS)],
    ).fetchall()
    columns: dict[str, list[Column]] = {name: [] for name, _ in comments}
    for name, *column in connection.execute(
        "SELECT schema_name || '.' || table_name, column_name, data_type, comment"
        " FROM duckdb_columns() WHERE database_name = ?"
        " ORDER BY schema_name, table_name, column_index",
        [DATABASE],
    ).fetchall():
        if name in columns:
            columns[name].append(Column(*column))
    return {name: Table(name, comment, tuple(columns[name])) for name, comment in comments}


def may_read(table: Table, viewer: Viewer) -> bool:
    """Whether the viewer may read rows of the table at all."""
    if viewer.sees_everybody and not viewer.hide_names:
        return True
    if viewer.role == "program":
        return table.kind in ("class", "shared")
    return table.kind != "lead"


def visible_rows(table: Table, viewer: Viewer) -> tuple[str, list[Any]]:
    """The condition that keeps what the viewer may see, in SQL, and its parameters.

    To be called for a table that `may_read` allows: it alone decides which rows leave the file.
    """
    conditions: list[str] = []
    parameters: list[Any] = []
    names = table.column_names
    class_column = _ID_OF_CLASSES.get(table.name, "class_id")
    if viewer.classes is not None and class_column in names:
        conditions.append(f'"{class_column}" IN (SELECT unnest(?))')
        parameters.append(sorted(viewer.classes))
    if table.kind == "person" and not viewer.sees_everybody:
        people, values = _visible_people(viewer)
        key = _OF_A_STUDENT.get(table.name)
        conditions.append(
            f'"{key}" IN (SELECT student_id FROM ({people}))'  # noqa: S608
            if key
            else f'("class_id", "student_id") IN ({people})'
        )
        parameters += values
    elif table.name in _OF_A_STUDENT and viewer.classes is not None:
        key = _OF_A_STUDENT[table.name]
        conditions.append(
            f'"{key}" IN (SELECT student_id FROM {DATABASE}.core.class_students'  # noqa: S608
            " WHERE class_id IN (SELECT unnest(?)))"
        )
        parameters.append(sorted(viewer.classes))
    elif table.kind == "night" and viewer.nights is not None:
        night = next(column for column in _NIGHT_COLUMNS if column in names)
        conditions.append(f'("class_id", lower("{night}")) IN (SELECT unnest(?), unnest(?))')
        parameters += _in_columns(viewer)
    return " AND ".join(conditions) or "true", parameters


def _visible_people(viewer: Viewer) -> tuple[str, list[Any]]:
    query = f"SELECT class_id, student_id FROM {DATABASE}.core.class_students"  # noqa: S608
    if viewer.role == "program" or viewer.nights is None:
        return f"{query} WHERE false", []
    return (
        f"{query} WHERE (class_id, lower(night)) IN (SELECT unnest(?), unnest(?))"
        + (" AND class_id IN (SELECT unnest(?))" if viewer.classes is not None else ""),
        [*_in_columns(viewer), *([sorted(viewer.classes)] if viewer.classes is not None else [])],
    )


def _in_columns(viewer: Viewer) -> list[Sequence[str]]:
    nights = sorted(viewer.nights or ())
    return [[class_id for class_id, _ in nights], [night for _, night in nights]]
