"""The tables that can be read, as the published file describes them, and of whom they speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from .published import DATABASE

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
        "marts.grade_distribution",
        "marts.progress_over_time",
    ]
)
_OF_NOBODY = frozenset({"core.assignments", "core.build"})
# With a class and a night in each row, and no student.
_OF_A_NIGHT = frozenset(
    [
        "core.night_assignments",
        "core.night_weeks",
        "marts.night_assignment_completion",
        "marts.night_blockers",
        "marts.night_grade_distribution",
        "marts.night_progress",
        "marts.night_summary",
    ]
)
# A line of a file is found to be a student's, but may name others.
_OF_A_LEAD = frozenset({"core.roster_matches"})


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
        if self.name in _OF_A_LEAD:
            return "lead"
        if self.name == "core.students" or {"class_id", "student_id"} <= {*self.column_names}:
            return "person"
        if self.name in _OF_NOBODY:
            return "shared"
        if self.name in _OF_A_CLASS:
            return "class"
        return "night" if self.name in _OF_A_NIGHT else "lead"


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
