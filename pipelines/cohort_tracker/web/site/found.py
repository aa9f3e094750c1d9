"""What an address names, as far as it is there for the viewer."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, date

from fastapi import HTTPException

from ...reading.reader import Reader
from ...reading.seen import Seen, SeenClass


def class_called(seen: Seen, name: str) -> SeenClass:
    """The class of an address. Raises 404 where it is not there, or not the viewer's."""
    found = seen.classes_called(name)
    if len(found) != 1:
        raise not_found()
    return found[0]


def require_student(reader: Reader, found: SeenClass, student_id: str) -> str | None:
    """The night of a student in a class. Raises 404 for whom the viewer may not see there."""
    rows = reader.rows(
        "core.class_students",
        ("night",),
        where="class_id = ? AND student_id = ?",
        parameters=[found.class_id, student_id],
    )
    if not rows:
        raise not_found()
    night: str | None = rows[0]["night"]
    return night


def monday(text: str) -> date:
    """The week of an address, by its Monday. Raises 404 for anything else."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise not_found() from None
    # At the ends of the calendar there is no week beside it.
    if found.isoformat() != text or found.weekday() or found.year in (MINYEAR, MAXYEAR):
        raise not_found()
    return found


def not_found() -> HTTPException:
    """Nothing there, or not for who asks: the two are not told apart."""
    return HTTPException(404, "There is nothing here, or not for you.")
