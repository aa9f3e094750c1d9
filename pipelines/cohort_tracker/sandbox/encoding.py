"""How records and answers look as JSON text, in every shape the API is known to use."""

from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from .model import Assignment, Classroom, Progression, Student

IdStyle = Literal["oid", "plain"]
Envelope = Literal["plain", "string", "list", "bare_list", "real"]
Payload = Literal["classes", "detail", "progressions"]

ID_STYLES: tuple[IdStyle, ...] = ("oid", "plain")
ENVELOPES: tuple[Envelope, ...] = ("plain", "string", "list", "bare_list", "real")


def timestamp(moment: datetime | None) -> str | None:
    """Return ISO 8601 with milliseconds and `Z` for an aware time, None for None."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def escape(text: bytes) -> bytes:
    """Return JSON text as it stands inside a JSON string, without the outer quotes."""
    return orjson.dumps(text.decode())[1:-1]


def identifier(value: str, style: IdStyle) -> str | dict[str, str]:
    """Return the form of an `_id`: an object with `$oid`, or the plain text."""
    return {"$oid": value} if style == "oid" else value


def progression_json(
    record: Progression, student: Student, assignment: Assignment, style: IdStyle
) -> bytes:
    """Return one progression as the API sends it."""
    body: dict[str, Any] = {
        "_id": identifier(record.id, style),
        "user": {
            "id": student.id,
            "first_name": student.first_name,
            "last_name": student.last_name,
            "email": student.email,
        },
        "assignment": {"id": assignment.id, "name": assignment.name, "type": assignment.type},
        "grade": record.grade,
        "started_assignment_at": timestamp(record.started_at),
        "completed_assignment_at": timestamp(record.completed_at),
        "reviewed_at": timestamp(record.reviewed_at),
    }
    if record.omit_nulls:
        body = {key: value for key, value in body.items() if value is not None}
    # orjson's own bytes keep a far larger buffer alive; the copy is small.
    return bytes(memoryview(orjson.dumps(body)))


def class_json(room: Classroom, style: IdStyle, *, detail: bool) -> dict[str, Any]:
    """Return a class as it stands in the list, or with its curriculum when `detail`."""
    body: dict[str, Any] = {
        "_id": identifier(room.id, style),
        "id": room.id,
        "friendly_id": room.friendly_id,
        "name": room.name,
        "is_published": room.is_published,
        "school": room.school,
    }
    if detail:
        body["assignments"] = [key for unit in room.units for key in unit.assignment_ids]
        body["units"] = [
            {"name": unit.name, "assignments": list(unit.assignment_ids)} for unit in room.units
        ]
        body["mentors"] = list(room.mentors)
        body["instructors"] = list(room.instructors)
    return body


def shape(envelope: Envelope, payload: Payload) -> tuple[bytes, bytes, bool]:
    """Return what stands before and after a payload, and whether the payload is escaped between.

    `real` is what public clients unwrap: the class list as one JSON string in `result.objects`,
    everything else as a list that holds one JSON string.
    """
    if envelope == "real":
        envelope = "string" if payload == "classes" else "list"
    if envelope == "string":
        return b'{"result":{"objects":"', b'"}}', True
    if envelope == "list":
        return b'{"result":{"objects":["', b'"]}}', True
    if envelope == "bare_list":
        return b'["', b'"]', True
    return b"", b"", False
