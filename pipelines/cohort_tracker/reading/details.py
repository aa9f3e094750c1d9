"""What there is to say about one student when somebody looks closer: rows of the tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TypeVar

from .reader import Reader
from .scope import Group
from .students import Asked

Names = dict[str, tuple[str, str | None]]
"""Name and section of an assignment by its id."""

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Signal:
    """A single sign: `status` is `fail`, `watch`, `pass` or `n_a`; shares are from 0 to 1.

    Args:
        signal: which, as `marts.student_signals` names it.
        sentence: the finding without a full stop; with `n_a` why there is none.
        unit: what the numbers count: `share`, `days`, `completions` or `quizzes`.
        value: what was measured, and `cohort` the same of the class.
        watch: from which value on it is worth a look, and `fail` from which it is a warning.
    """

    signal: str
    status: str
    sentence: str
    unit: str
    value: float | None
    cohort: float | None
    watch: float | None
    fail: float | None


@dataclass(frozen=True)
class Section:
    """How far the student is in a section of the curriculum."""

    name: str
    assignments: int
    completed: int
    in_progress: int
    low_grades: int
    average_grade: float | None


@dataclass(frozen=True)
class Work:
    """One assignment of the curriculum, in its order.

    `state` is `completed`, `in_progress` or `not_started`; `grade` is from 0 to 1.
    """

    assignment_id: str
    name: str
    section: str | None
    state: str
    grade: float | None
    is_passed: bool
    is_optional: bool
    is_stuck: bool
    completed_on: date | None
    days_waiting: int | None

    @property
    def is_low(self) -> bool:
        """Whether it was completed with a grade that does not pass."""
        return self.state == "completed" and not self.is_passed


@dataclass(frozen=True)
class Regrade:
    """A grade that was changed, as seen `at`; both grades are None where names are hidden."""

    name: str
    before: float | None
    after: float | None
    at: datetime


@dataclass(frozen=True)
class StudentDetails:
    """All that folds out of one student; the weeks and contacts are in `Student`."""

    signals: tuple[Signal, ...] = ()
    sections: tuple[Section, ...] = ()
    work: tuple[Work, ...] = ()
    regrades: tuple[Regrade, ...] = ()


def details_of(
    reader: Reader, group: Group, student_id: str | None = None
) -> dict[str, StudentDetails]:
    """The details of everybody in the group's class whom the viewer may see, by student id.

    With `student_id`, as it is shown, those of that student only.
    """
    asked = Asked(reader, replace(group, night=None), student_id)
    names = {
        row["assignment_id"]: (row["assignment_name"], row["section"])
        for row in asked.rows("core.curriculum", "assignment_id", "assignment_name", "section")
    }
    signals = _by_student(_signals(asked))
    sections = _by_student(_sections(asked))
    work = _by_student(_work(asked, names))
    regrades = _by_student(_regrades(asked, names))
    return {
        id_: StudentDetails(
            tuple(signals[id_]), tuple(sections[id_]), tuple(work[id_]), tuple(regrades[id_])
        )
        for id_ in {*signals, *work}
    }


def _by_student(pairs: Iterable[tuple[str, Thing]]) -> dict[str, list[Thing]]:
    found: dict[str, list[Thing]] = defaultdict(list)
    for student_id, thing in pairs:
        found[student_id].append(thing)
    return found


def _signals(asked: Asked) -> Iterator[tuple[str, Signal]]:
    """Warnings first, then in the order of the names."""
    for row in asked.rows(
        "marts.student_signals",
        *("student_id", "signal", "status", "reason", "unit", "measured_value", "cohort_value"),
        *("watch_threshold", "fail_threshold"),
        order="list_position(['fail', 'watch', 'pass', 'n_a'], status), signal",
    ):
        id_, *values = row.values()
        yield id_, Signal(*values)


def _sections(asked: Asked) -> Iterator[tuple[str, Section]]:
    for row in asked.rows(
        "marts.section_completion",
        *("student_id", "section", "assignments", "completed", "in_progress", "low_grades"),
        "average_grade",
        order="section_position",
    ):
        id_, *values = row.values()
        yield id_, Section(*values)


def _work(asked: Asked, names: Names) -> Iterator[tuple[str, Work]]:
    for row in asked.rows(
        "core.student_assignments",
        *("student_id", "assignment_id", "state", "grade", "is_passed", "is_optional"),
        *("is_stuck", "completed_on", "days_waiting"),
        where="is_assigned",
        order="position",
    ):
        id_, assignment_id, *values = row.values()
        yield id_, Work(assignment_id, *names[assignment_id], *values)


def _regrades(asked: Asked, names: Names) -> Iterator[tuple[str, Regrade]]:
    """The newest first. A first grade is no regrade."""
    for row in asked.rows(
        "core.progression_changes",
        *("student_id", "assignment_id", "value_from", "value_to", "changed_at"),
        where="field = 'grade' AND value_from IS NOT NULL",
        order="changed_at DESC, assignment_id",
    ):
        if row["assignment_id"] in names:
            yield (
                row["student_id"],
                Regrade(
                    name=names[row["assignment_id"]][0],
                    before=_grade(row["value_from"]),
                    after=_grade(row["value_to"]),
                    at=row["changed_at"].replace(tzinfo=UTC),
                ),
            )


def _grade(text: str | None) -> float | None:
    """A grade that the tables have as text; None where it is none."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
