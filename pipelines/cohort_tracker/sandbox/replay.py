"""Serves records from files: classes, assignments, enrollments and progressions as CSV."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from .errors import SandboxError
from .model import Assignment, Classroom, Event, Progression, RosterRow, Student, Unit
from .names import invent
from .rng import stream
from .tables import Row, read_table
from .world import World, as_utc

_NEVER = datetime.max.replace(tzinfo=UTC)


def load_data_dir(path: Path, *, as_of: datetime | None = None) -> World:
    """Return a world with the records of a folder.

    The folder holds `classes`, `assignments`, `enrollments` and `progressions`, each `.csv` or
    `.csv.gz` with a header; times are ISO 8601, without an offset in UTC. Names and e-mails are
    invented from the student id, always the same ones. Each class has one unit, "Coursework", in
    the order of the due times. Records that the files give stay as they are, odd ones too.

    as_of: aware time. What completed later (or, without a completion, started later) stays hidden
    until `World.grow` reaches it. None shows everything; `now` is then the latest time met.

    Raises SandboxError, naming file and line, for what cannot be read or does not fit together.
    """
    if not path.is_dir():
        raise SandboxError(f"{path}: not a folder")
    rooms = _classes(path)
    _assignments(path, rooms)
    students: dict[str, Student] = {}
    roster = list(_roster(path, rooms, students))
    latest = max(room.starts_at for room in rooms.values())
    limit = _NEVER if as_of is None else as_utc(as_of, "as_of")
    later: list[Event] = []
    for room, record in _progressions(path, rooms, students):
        seen = record.completed_at or record.started_at
        if seen is not None and seen > limit:
            later.append(Event(seen, "add", room.id, record.id, {"record": record}))
            continue
        room.progressions[record.id] = record
        moments = (record.started_at, record.completed_at, record.reviewed_at, latest)
        latest = max(moment for moment in moments if moment is not None)
    return World(
        now=latest if as_of is None else limit,
        classes=rooms.values(),
        students=students.values(),
        roster=roster,
        events=later,
    )


def _classes(path: Path) -> dict[str, Classroom]:
    rooms: dict[str, Classroom] = {}
    for row in read_table(path, "classes", ["class_id"]):
        key = row.key("class_id")
        if key in rooms:
            raise row.error(f"class {key!r} stands there twice")
        name = row.text("name") or f"{row.text('course')} {row.text('term')}".strip() or key
        rooms[key] = Classroom(
            id=key,
            friendly_id=key.lower(),
            name=name,
            school="Open Courses",
            starts_at=row.time("starts_at") or datetime(1970, 1, 1, tzinfo=UTC),
            units=[],
            assignments={},
        )
    if not rooms:
        raise SandboxError(f"{path}: classes has no rows")
    return rooms


def _class_of(row: Row, rooms: dict[str, Classroom]) -> Classroom:
    key = row.key("class_id")
    room = rooms.get(key)
    if room is None:
        raise row.error(f"class_id {key!r} is not in classes")
    return room


def _assignments(path: Path, rooms: dict[str, Classroom]) -> None:
    due: dict[str, list[tuple[datetime, str]]] = {key: [] for key in rooms}
    for row in read_table(path, "assignments", ["assignment_id", "class_id", "name", "type"]):
        room = _class_of(row, rooms)
        key = row.key("assignment_id")
        if key in room.assignments:
            raise row.error(f"assignment {key!r} stands there twice")
        room.assignments[key] = Assignment(key, row.key("name"), row.key("type"))
        due[room.id].append((row.time("due_at") or _NEVER, key))
    for key, room in rooms.items():
        room.units = [Unit("Coursework", tuple(item for _, item in sorted(due[key])))]


def _student(students: dict[str, Student], key: str) -> Student:
    found = students.get(key)
    if found is None:
        found = invent(stream("replay", key), key, 0)
        # Unique by the id itself, so that it does not depend on the order of the rows.
        found.email = f"student{key}@example.org"
        students[key] = found
    return found


def _roster(
    path: Path, rooms: dict[str, Classroom], students: dict[str, Student]
) -> Iterator[RosterRow]:
    for row in read_table(path, "enrollments", ["class_id", "student_id"]):
        room = _class_of(row, rooms)
        student = _student(students, row.key("student_id"))
        joined, left = row.time("registered_at"), row.time("unregistered_at")
        yield RosterRow(
            room.friendly_id,
            student.email,
            student.first_name,
            student.last_name,
            started_on=joined.date() if joined else None,
            left_on=left.date() if left else None,
        )


def _progressions(
    path: Path, rooms: dict[str, Classroom], students: dict[str, Student]
) -> Iterator[tuple[Classroom, Progression]]:
    needed = ["progression_id", "class_id", "student_id", "assignment_id", "grade", "completed_at"]
    met: set[tuple[str, str]] = set()
    for row in read_table(path, "progressions", needed):
        room = _class_of(row, rooms)
        key, assignment = row.key("progression_id"), row.key("assignment_id")
        if (room.id, key) in met:
            raise row.error(f"progression {key!r} stands there twice")
        met.add((room.id, key))
        if assignment not in room.assignments:
            raise row.error(f"assignment_id {assignment!r} is not in assignments of its class")
        yield (
            room,
            Progression(
                key,
                _student(students, row.key("student_id")).id,
                assignment,
                row.number("grade"),
                row.time("started_at"),
                row.time("completed_at"),
                row.time("reviewed_at"),
            ),
        )
