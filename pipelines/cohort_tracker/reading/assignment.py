"""One assignment of a class: how far the class is with it, where it is stuck, and who is where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from .reader import Reader, Row
from .scope import NO_NIGHT, Group
from .students import Asked, full_name

_WORK = "core.student_assignments"
_PLACE = (
    *("students", "completed", "in_progress", "not_started", "graded"),
    *("low_grades", "completion_rate", "average_grade", "median_days_to_complete"),
)
_STUCK = ("reached", "waiting", "stuck", "skipped", "median_days_waiting")


@dataclass(frozen=True)
class Standing:
    """How far a class or a night is with an assignment.

    `night` is None for the whole class. Rates and grades are from 0 to 1; what belongs to a place
    where one can be stuck is None where the tables name none.
    """

    night: str | None
    students: int
    completed: int
    in_progress: int
    not_started: int
    graded: int
    low_grades: int
    completion_rate: float | None
    average_grade: float | None
    median_days_to_complete: float | None
    reached: int | None
    waiting: int | None
    stuck: int | None
    skipped: int | None
    median_days_waiting: float | None


@dataclass(frozen=True)
class AtWork:
    """One student at the assignment; `where` is one of `WHERE`."""

    student_id: str
    name: str
    night: str | None
    where: str
    grade: float | None
    completed_on: date | None
    days_waiting: int | None


WHERE = {
    "stuck": "Stuck here",
    "waiting": "Here now",
    "in_progress": "Begun",
    "low": "Done with a low grade",
    "skipped": "Went on without it",
    "completed": "Done",
    "not_started": "Not come to it yet",
}
"""Where students are, in the order to show it, in words."""


@dataclass(frozen=True)
class Assignment:
    """What there is to say about an assignment.

    Args:
        name, type, section, position: as the curriculum has it.
        standings: of the whole class, then of the nights that the viewer may see.
        who: the students whom the viewer may see, by where they are.
    """

    assignment_id: str
    name: str
    type: str | None
    section: str | None
    position: int | None
    standings: tuple[Standing, ...]
    who: tuple[AtWork, ...]

    def at(self, where: str) -> tuple[AtWork, ...]:
        """Who is there."""
        return tuple(one for one in self.who if one.where == where)


def assignment_of(reader: Reader, group: Group, assignment_id: str) -> Assignment | None:
    """Read what there is to say about an assignment of a class; None where it has no such one."""
    asked = Asked(reader, group)
    found = _rows_of(
        asked,
        "marts.assignment_completion",
        *(assignment_id, *_PLACE, "assignment_name", "assignment_type", "section", "position"),
    )
    if not found:
        return None
    [place] = found
    stuck = _rows_of(asked, "marts.blockers", assignment_id, *_STUCK)
    return Assignment(
        assignment_id=assignment_id,
        name=place["assignment_name"],
        type=place["assignment_type"],
        section=place["section"],
        position=place["position"],
        standings=(
            _standing(None, place, stuck[0] if stuck else {}),
            *_nights(reader, asked, assignment_id),
        ),
        who=tuple(_who(reader, asked, assignment_id)),
    )


def _rows_of(asked: Asked, table: str, assignment_id: str, *columns: str) -> list[Row]:
    """Rows about the assignment."""
    return asked.rows(table, *columns, where="assignment_id = ?", values=[assignment_id])


def _nights(reader: Reader, asked: Asked, assignment_id: str) -> list[Standing]:
    if "marts.night_assignment_completion" not in reader.tables:
        return []
    stuck = {
        row["night"]: row
        for row in _rows_of(asked, "marts.night_blockers", assignment_id, "night", *_STUCK)
    }
    rows = _rows_of(asked, "marts.night_assignment_completion", assignment_id, "night", *_PLACE)
    return [
        _standing(row["night"], row, stuck.get(row["night"], {}))
        for row in sorted(rows, key=lambda row: (row["night"] == NO_NIGHT, row["night"]))
    ]


def _standing(night: str | None, place: Row, stuck: Row) -> Standing:
    figures: Row = {name: place[name] for name in _PLACE}
    figures |= {name: stuck.get(name) for name in _STUCK}
    return Standing(night, **figures)


def _who(reader: Reader, asked: Asked, assignment_id: str) -> list[AtWork]:
    """Who is in the class, by where they are; who waits longest or was done last comes first."""
    if _WORK not in reader.tables:
        return []
    people = {
        row["student_id"]: row
        for row in asked.rows(
            "core.class_students",
            *("student_id", "first_name", "last_name", "night", "is_enrolled"),
            where="is_enrolled",
        )
    }
    found = []
    for row in _rows_of(
        asked,
        _WORK,
        assignment_id,
        *("student_id", "state", "grade", "is_passed", "is_graded", "is_skipped"),
        *("is_waiting", "is_stuck", "is_assigned", "completed_on", "days_waiting"),
    ):
        person = people.get(row["student_id"])
        if person is not None and row["is_assigned"]:
            found.append(
                AtWork(
                    row["student_id"],
                    full_name(person),
                    person["night"],
                    _where(row),
                    row["grade"],
                    row["completed_on"],
                    row["days_waiting"],
                )
            )
    places = [*WHERE]
    return sorted(
        found,
        key=lambda one: (
            places.index(one.where),
            -(one.days_waiting or 0),
            one.name,
            one.student_id,
        ),
    )


def _where(row: Row) -> str:
    """Where a student is, by what the tables say."""
    if row["state"] == "completed":
        return "completed" if row["is_passed"] else "low"
    if row["is_stuck"]:
        return "stuck"
    if row["is_waiting"]:
        return "waiting"
    if row["state"] == "in_progress":
        return "in_progress"
    return "skipped" if row["is_skipped"] else "not_started"
