"""A world: classes, students and their work at one moment, which can be moved on and changed."""

import csv
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, Protocol, TypedDict, Unpack

from .encoding import IdStyle, class_json, escape, progression_json
from .errors import SandboxError
from .model import (
    Assignment,
    Classroom,
    Event,
    Growth,
    Mentor,
    Progression,
    RosterRow,
    Student,
)
from .rng import object_id, stream
from .schedule import SCHEDULE_HEADER, schedule_rows

Order = Literal["id", "completed_desc", "nulls_first"]

ROSTER_HEADER = [
    "class",
    "email",
    "first_name",
    "last_name",
    "region",
    "night",
    "role",
    "started_on",
    "left_on",
]
MENTORS_HEADER = ["mentor", "night", "email"]


class Changes(TypedDict, total=False):
    """The fields of a record that can be changed; times are aware."""

    student_id: str
    assignment_id: str
    grade: float | int | None
    started_at: datetime | None
    completed_at: datetime | None
    reviewed_at: datetime | None
    omit_nulls: bool


class View(Protocol):
    """The progressions of a class in one order, as they were when the view was taken."""

    def __len__(self) -> int:
        """Return the number of records."""
        ...

    def text(self, start: int, stop: int, *, escaped: bool) -> bytes:
        """Return records `start` to `stop` (exclusive) as JSON objects with commas between.

        `escaped` gives the same text as it stands inside a JSON string.
        """
        ...


class Source(Protocol):
    """What the server serves: a `World`, or anything else that answers the same questions."""

    def class_list(self, style: IdStyle) -> list[dict[str, Any]]:
        """Return all classes as the class list shows them."""
        ...

    def class_detail(self, class_id: str, style: IdStyle) -> dict[str, Any]:
        """Return one class with its curriculum; `class_id` comes from `resolve`."""
        ...

    def resolve(self, key: str) -> str | None:
        """Return the class id for an id or a friendly id, None when there is no such class."""
        ...

    def view(self, class_id: str, order: Order, style: IdStyle) -> View:
        """Return the class's progressions in the given order."""
        ...

    def grow(self, days: float) -> Growth:
        """Move time forward; raises SandboxError where that is not possible."""
        ...

    def shift(self, class_id: str, count: int) -> None:
        """Add `count` records that come first in newest-first order, or remove the first -count."""
        ...

    def state(self) -> dict[str, Any]:
        """Return counts per class and the world's time, ready for JSON."""
        ...


class _ListView:
    """A view over texts that are already encoded."""

    def __init__(self, plain: list[bytes]) -> None:
        self._plain = plain
        self._escaped: list[bytes] | None = None

    def __len__(self) -> int:
        return len(self._plain)

    def text(self, start: int, stop: int, *, escaped: bool) -> bytes:
        joined = b",".join(self._plain[start:stop])
        return escape(joined) if escaped else joined


def completed_key(record: Progression) -> tuple[bool, float, str]:
    """Return the sort key of newest completion first, nulls last, then by id."""
    done = record.completed_at
    return (True, 0.0, record.id) if done is None else (False, -done.timestamp(), record.id)


def _nulls_first_key(record: Progression) -> tuple[bool, float, str]:
    null, moment, key = completed_key(record)
    return (not null, moment, key)


class World:
    """Several classes at a moment `now` (UTC), with what will happen to them later.

    All methods may be called from several threads. Classes are named by id or friendly id.
    Methods raise SandboxError for a class, student, assignment or record that does not exist.
    """

    def __init__(
        self,
        *,
        now: datetime,
        classes: Iterable[Classroom],
        students: Iterable[Student],
        roster: Iterable[RosterRow] = (),
        mentors: Iterable[Mentor] = (),
        events: Iterable[Event] = (),
        seed: int = 0,
    ) -> None:
        self.seed = seed
        self.now = now
        self.classes = list(classes)
        self.students = {student.id: student for student in students}
        self.roster = list(roster)
        self.mentors = list(mentors)
        self._lock = threading.RLock()
        self._by_key = {room.id: room for room in self.classes}
        self._by_key |= {room.friendly_id: room for room in self.classes}
        self._views: dict[tuple[str, Order, IdStyle], _ListView] = {}
        self._encoded: dict[IdStyle, dict[tuple[str, str], bytes]] = {"oid": {}, "plain": {}}
        self._made = 0
        # Popped from the end, so the next event comes last.
        self._events = sorted(events, key=lambda event: event.at, reverse=True)
        self._happen_until(now)

    # What the server asks.

    def class_list(self, style: IdStyle) -> list[dict[str, Any]]:
        """Return all classes as the class list shows them."""
        return [class_json(room, style, detail=False) for room in self.classes]

    def class_detail(self, class_id: str, style: IdStyle) -> dict[str, Any]:
        """Return one class with its curriculum."""
        return class_json(self.classroom(class_id), style, detail=True)

    def resolve(self, key: str) -> str | None:
        """Return the class id for an id or a friendly id, None when there is no such class."""
        room = self._by_key.get(key)
        return room.id if room else None

    def view(self, class_id: str, order: Order, style: IdStyle) -> View:
        """Return the class's progressions in the given order, encoded."""
        with self._lock:
            found = self._views.get((class_id, order, style))
            if found is None:
                room = self.classroom(class_id)
                found = _ListView([self._json(room, r, style) for r in self._sorted(room, order)])
                self._views[(class_id, order, style)] = found
            return found

    def state(self) -> dict[str, Any]:
        """Return the world's time and counts per class, ready for JSON."""
        with self._lock:
            return {
                "now": self.now.isoformat(timespec="milliseconds"),
                "classes": [
                    {
                        "id": room.id,
                        "friendly_id": room.friendly_id,
                        "name": room.name,
                        "students": len({r.student_id for r in room.progressions.values()}),
                        "assignments": len(room.assignments),
                        "progressions": len(room.progressions),
                        "completed": sum(
                            r.completed_at is not None for r in room.progressions.values()
                        ),
                    }
                    for room in self.classes
                ],
            }

    # Reading.

    def classroom(self, key: str) -> Classroom:
        """Return the class with this id or friendly id."""
        room = self._by_key.get(key)
        if room is None:
            raise SandboxError(f"no class {key!r} in this world")
        return room

    def progressions(self, key: str) -> list[Progression]:
        """Return copies of the class's records, newest completion first, nulls last."""
        with self._lock:
            return [replace(r) for r in self._sorted(self.classroom(key), "completed_desc")]

    def write_roster(self, path: Path) -> int:
        """Write the roster as of `now` as CSV (UTF-8) and return the number of rows.

        Who starts later is not on it yet, and who leaves later has not left yet.
        """
        today = self.now.date()
        rows: list[Sequence[object]] = []
        for row in self.roster:
            if row.started_on is not None and row.started_on > today:
                continue
            left = row.left_on if row.left_on is not None and row.left_on <= today else None
            who = (row.class_key, row.email, row.first_name, row.last_name)
            rows.append((*who, row.region, row.night, row.role, row.started_on or "", left or ""))
        return _write_csv(path, ROSTER_HEADER, rows)

    def write_mentors(self, path: Path) -> int:
        """Write the mentors as CSV (UTF-8) and return the number of rows."""
        rows = [(mentor.name, mentor.night, mentor.email) for mentor in self.mentors]
        return _write_csv(path, MENTORS_HEADER, rows)

    def write_schedule(self, path: Path) -> int:
        """Write the schedule as of `now` as CSV (UTF-8) and return the number of rows."""
        with self._lock:
            rows = [row for room in self.classes for row in schedule_rows(room)]
        return _write_csv(path, SCHEDULE_HEADER, rows)

    # Changing.

    def grow(self, days: float) -> Growth:
        """Move time forward by `days` (> 0) and let happen what belongs there.

        Two steps of 3 and 4 days end in the same world as one step of 7.
        """
        check_days(days)
        with self._lock:
            self.now += timedelta(days=days)
            return self._happen_until(self.now)

    def add_progression(
        self,
        class_key: str,
        *,
        student_id: str,
        assignment_id: str,
        grade: float | int | None = None,
        started_at: datetime | None = None,
        completed_at: datetime | None = None,
        reviewed_at: datetime | None = None,
        omit_nulls: bool = False,
        progression_id: str | None = None,
    ) -> Progression:
        """Add a record with the given content and return a copy of it; the id is made if not given.

        Raises SandboxError when the id is taken in the class.
        """
        with self._lock:
            room = self.classroom(class_key)
            self._student(student_id)
            if assignment_id not in room.assignments:
                raise SandboxError(f"no assignment {assignment_id!r} in class {class_key!r}")
            record = Progression(
                progression_id or self._new_id(completed_at or started_at or self.now),
                student_id,
                assignment_id,
                grade,
                started_at,
                completed_at,
                reviewed_at,
                omit_nulls,
            )
            if record.id in room.progressions:
                raise SandboxError(f"record {record.id!r} exists already in class {class_key!r}")
            room.progressions[record.id] = record
            self._touch(room)
            return replace(record)

    def update_progression(
        self, class_key: str, progression_id: str, **changes: Unpack[Changes]
    ) -> None:
        """Set fields of a record, such as `grade=0.9` or `completed_at=None`."""
        with self._lock:
            room = self.classroom(class_key)
            record = self._record(room, progression_id)
            try:
                room.progressions[progression_id] = replace(record, **changes)
            except TypeError as error:
                raise SandboxError(f"cannot update a record: {error}") from error
            self._touch(room, progression_id)

    def remove_progression(self, class_key: str, progression_id: str) -> None:
        """Take a record out of the class."""
        with self._lock:
            room = self.classroom(class_key)
            self._record(room, progression_id)
            del room.progressions[progression_id]
            self._touch(room, progression_id)

    def add_student(self, first_name: str, last_name: str, email: str) -> Student:
        """Add a student who has no record yet, and return it."""
        with self._lock:
            student = Student(self._new_id(self.now), first_name, last_name, email)
            self.students[student.id] = student
            return student

    def rename_student(
        self,
        student_id: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        email: str | None = None,
    ) -> None:
        """Change a student's names or e-mail in every record; None keeps what is there."""
        given = {"first_name": first_name, "last_name": last_name, "email": email}
        with self._lock:
            self._rename(self._student(student_id), given)
            self._forget_texts()

    def rename_assignment(self, assignment_id: str, name: str) -> None:
        """Change an assignment's name in every class that has it."""
        with self._lock:
            found = [
                room.assignments[assignment_id]
                for room in self.classes
                if assignment_id in room.assignments
            ]
            if not found:
                raise SandboxError(f"no assignment {assignment_id!r} in this world")
            for assignment in found:
                self._rename(assignment, {"name": name})
            self._forget_texts()

    def shift(self, class_id: str, count: int) -> None:
        """Add `count` records that come first in newest-first order, or remove the first -count."""
        with self._lock:
            room = self.classroom(class_id)
            newest = self._sorted(room, "completed_desc")
            for record in newest[: max(-count, 0)]:
                self.remove_progression(class_id, record.id)
            if count <= 0 or not newest:
                return
            latest = newest[0].completed_at or self.now
            for step in range(1, count + 1):
                pattern = newest[step % len(newest)]
                self.add_progression(
                    class_id,
                    student_id=pattern.student_id,
                    assignment_id=pattern.assignment_id,
                    grade=1,
                    completed_at=latest + timedelta(seconds=step),
                )

    # Inside.

    def _happen_until(self, moment: datetime) -> Growth:
        counts = {"added": 0, "updated": 0, "removed": 0, "renamed": 0}
        while self._events and self._events[-1].at <= moment:
            done = self._apply(self._events.pop())
            if done:
                counts[done] += 1
        return Growth(moment, **counts)

    def _apply(self, event: Event) -> str | None:
        """Apply one event; None when its record or name has been taken out by hand before."""
        room = self.classroom(event.class_id)
        if event.kind == "rename_student":
            self.rename_student(event.target, **event.payload)
            return "renamed"
        if event.kind == "rename_assignment":
            self.rename_assignment(event.target, event.payload["name"])
            return "renamed"
        if event.kind == "add":
            room.progressions[event.target] = replace(event.payload["record"])
            self._touch(room)
            return "added"
        record = room.progressions.get(event.target)
        if record is None:
            return None
        if event.kind == "update":
            room.progressions[event.target] = replace(record, **event.payload)
        else:
            del room.progressions[event.target]
        self._touch(room, event.target)
        return "updated" if event.kind == "update" else "removed"

    def _sorted(self, room: Classroom, order: Order) -> list[Progression]:
        records = room.progressions.values()
        if order == "id":
            return sorted(records, key=lambda record: record.id)
        return sorted(records, key=completed_key if order == "completed_desc" else _nulls_first_key)

    def _json(self, room: Classroom, record: Progression, style: IdStyle) -> bytes:
        known = self._encoded[style]
        text = known.get((room.id, record.id))
        if text is None:
            student = self.students[record.student_id]
            assignment = room.assignments[record.assignment_id]
            text = known[(room.id, record.id)] = progression_json(
                record, student, assignment, style
            )
        return text

    def _touch(self, room: Classroom, progression_id: str | None = None) -> None:
        """Drop what was encoded of a class that changed, and of the record that changed in it."""
        if self._views:
            self._views = {key: view for key, view in self._views.items() if key[0] != room.id}
        if progression_id is not None:
            for known in self._encoded.values():
                known.pop((room.id, progression_id), None)

    def _forget_texts(self) -> None:
        self._views = {}
        self._encoded = {"oid": {}, "plain": {}}

    def _rename(self, thing: Student | Assignment, given: Mapping[str, str | None]) -> None:
        for name, value in given.items():
            if value is not None:
                setattr(thing, name, value)

    def _student(self, student_id: str) -> Student:
        student = self.students.get(student_id)
        if student is None:
            raise SandboxError(f"no student {student_id!r} in this world")
        return student

    def _record(self, room: Classroom, progression_id: str) -> Progression:
        record = room.progressions.get(progression_id)
        if record is None:
            raise SandboxError(f"no record {progression_id!r} in class {room.friendly_id!r}")
        return record

    def _new_id(self, at: datetime) -> str:
        self._made += 1
        return object_id(stream(self.seed, "made", self._made), at)


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> int:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    return len(rows)


def check_days(days: float) -> None:
    """Raise SandboxError for a step that time cannot make."""
    if not 0 < days <= 3660:
        raise SandboxError(f"days must be above 0 and at most 3660, not {days:g}")


def as_utc(moment: datetime, what: str) -> datetime:
    """Return `moment` in UTC; raises SandboxError, naming `what`, when it carries no time zone."""
    if moment.tzinfo is None:
        raise SandboxError(f"{what} must carry a time zone")
    return moment.astimezone(UTC)
