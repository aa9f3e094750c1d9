"""Whom somebody means by an id, an e-mail address or a name, in the published tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import ConfigError
from ..raw.forgotten import email_key, name_key
from ..warehouse.query import query

_STUDENTS = """
    select student_id, student_name, email, class_id, class_name, night, timezone
    from core.class_students
    order by student_id, is_enrolled desc, class_id
"""


class Place(NamedTuple):
    """A class that a student is in, or was."""

    class_id: str
    class_name: str
    night: str | None
    timezone: str


@dataclass(frozen=True)
class Student:
    """A student of the published tables, with the classes they are in before those they left."""

    student_id: str
    name: str
    email: str | None
    places: tuple[Place, ...]

    @property
    def shown(self) -> str:
        """Id, name, and each class with the night, for people."""
        places = (
            f"{at.class_name}, {at.night}" if at.night else at.class_name for at in self.places
        )
        return "; ".join([f"{self.student_id}, {self.name}", *places])

    def as_json(self) -> dict[str, object]:
        """The student for programs."""
        return {
            "student_id": self.student_id,
            "name": self.name,
            "classes": [
                {"class_id": at.class_id, "class_name": at.class_name, "night": at.night}
                for at in self.places
            ],
        }


class SeveralStudentsError(ConfigError):
    """More than one student is meant.

    Args:
        students: who could be meant.
    """

    def __init__(self, message: str, hint: str, students: list[Student]) -> None:
        super().__init__(message, hint)
        self.students = students


def all_students(warehouse: Path) -> list[Student]:
    """Every student of the published tables, by id.

    Raises StoreError, or ConfigError where nothing was published yet.
    """
    if not warehouse.exists():
        raise ConfigError("There are no tables yet", "Run `cohort-tracker sync` first.")
    found: dict[str, Student] = {}
    for student_id, name, email, *place in query(warehouse, _STUDENTS):
        before = found[student_id].places if student_id in found else ()
        found[student_id] = Student(student_id, name, email, (*before, Place(*place)))
    return list(found.values())


def find_student(warehouse: Path, text: str) -> Student:
    """The student whom an id, an e-mail address or a full name means; by the first that fits.

    Raises StoreError, or ConfigError where nobody is meant, as SeveralStudentsError where several
    are.
    """
    students = all_students(warehouse)
    wanted, email, name = text.strip(), email_key(text), name_key(text)
    found = [student for student in students if student.student_id == wanted]
    if not found and email:
        found = [s for s in students if s.email and email_key(s.email) == email]
    if not found and name:
        found = [s for s in students if name_key(s.name) == name]
    if not found:
        raise ConfigError(
            f"No student is called {text!r}",
            "Name an id, an e-mail address or a full name, as core.students has them. Who came in"
            " since the last sync is known after the next one.",
        )
    if len(found) > 1:
        raise SeveralStudentsError(
            f"{len(found)} students are called {text!r}; nothing was changed",
            "Name one by the id.",
            found,
        )
    return found[0]
