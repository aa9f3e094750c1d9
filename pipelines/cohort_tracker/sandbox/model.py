"""What a sandbox world is made of. All times are aware and in UTC."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

EventKind = Literal["add", "update", "remove", "rename_student", "rename_assignment"]


@dataclass(slots=True)
class Student:
    """A user as the API shows it inside a progression."""

    id: str
    first_name: str
    last_name: str
    email: str


@dataclass(slots=True)
class Assignment:
    """A lesson, a quiz or any other type."""

    id: str
    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A section of the curriculum with its assignments in order."""

    name: str
    assignment_ids: tuple[str, ...]


@dataclass(slots=True)
class Progression:
    """One student's work on one assignment.

    `completed_at` null means work in progress. With `omit_nulls` the API leaves null keys out.
    """

    id: str
    student_id: str
    assignment_id: str
    grade: float | int | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    reviewed_at: datetime | None = None
    omit_nulls: bool = False


@dataclass(slots=True)
class Classroom:
    """A class with its curriculum and the progressions in force, by id."""

    id: str
    friendly_id: str
    name: str
    school: str
    starts_at: datetime
    units: list[Unit]
    assignments: dict[str, Assignment]
    mentors: list[str] = field(default_factory=list)
    instructors: list[str] = field(default_factory=list)
    is_published: bool = True
    progressions: dict[str, Progression] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RosterRow:
    """A line of the roster file; `class_key` is the class's friendly id."""

    class_key: str
    email: str
    first_name: str
    last_name: str
    region: str = ""
    night: str = ""
    role: str = "student"
    started_on: date | None = None
    left_on: date | None = None


@dataclass(frozen=True, slots=True)
class Mentor:
    """A line of the mentors file."""

    name: str
    night: str
    email: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens to a class at a time: a record or a name appears, changes or goes.

    `target` is the id of the progression, student or assignment; `payload` holds the fields that
    change (for `add`: the new progression, as `record`).
    """

    at: datetime
    kind: EventKind
    class_id: str
    target: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Growth:
    """What one step forward in time did, in counts; `now` is the world's time after it."""

    now: datetime
    added: int = 0
    updated: int = 0
    removed: int = 0
    renamed: int = 0
