"""One class's records as text, with a mark where the number of the real class goes."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from .encoding import IdStyle, progression_json
from .model import Assignment, Classroom, Progression, Student, Unit
from .names import invent
from .rng import stream
from .world import completed_key

# Eight signs wide, as is a class's number; JSON leaves it alone.
MARK = "~~~~~~~~"
ASSIGNMENTS = 40
FUTURE = timedelta(weeks=26)
_PER_UNIT = 8
_PAST = timedelta(days=91)


@dataclass(frozen=True, slots=True)
class Template:
    """Records in the order of newest completion first; `open_from` is the first without one."""

    texts: list[bytes]
    ids: list[str]
    open_from: int


def people(records: int) -> int:
    """Return the number of students that so many records are spread over."""
    return -(-records // ASSIGNMENTS)


def classroom(number: int) -> Classroom:
    """Return the class with this number, without records."""
    items = _assignments(f"{number:08x}")
    keys = [item.id for item in items]
    return Classroom(
        id=f"60000000{number:08x}00000000",
        friendly_id=f"bulk-{number:05d}",
        name=f"Bulk Class {number}",
        school="Bulk School",
        starts_at=datetime.min,
        units=[
            Unit(f"Unit {start // _PER_UNIT + 1}", tuple(keys[start : start + _PER_UNIT]))
            for start in range(0, ASSIGNMENTS, _PER_UNIT)
        ],
        assignments={item.id: item for item in items},
    )


def make(
    seed: int, variant: int, records: int, spare: int, end: datetime, style: IdStyle
) -> Template:
    """Return a template of `records` until `end`, and `spare` completions after it at the head."""
    rng = stream(seed, "bulk", variant)
    items = _assignments(MARK)
    students = [_student(rng, number) for number in range(people(records))]
    rows: list[tuple[Progression, Student, Assignment]] = []
    for index in range(records + spare):
        if index < records:
            student, item = students[index // ASSIGNMENTS], items[index % ASSIGNMENTS]
        else:
            student, item = rng.choice(students), rng.choice(items)
        record = _record(rng, index, student, item, end)
        if index >= records:
            record.completed_at = end + FUTURE * rng.random()
            record.reviewed_at = None
        rows.append((record, student, item))
    rows.sort(key=lambda row: completed_key(row[0]))
    return Template(
        texts=[progression_json(*row, style) for row in rows],
        ids=[row[0].id for row in rows],
        open_from=sum(row[0].completed_at is not None for row in rows),
    )


def _assignments(mark: str) -> list[Assignment]:
    return [
        Assignment(
            f"66000000{mark}{number:08x}",
            f"{'Lesson' if number % 5 else 'Quiz'} {number + 1}",
            "lesson" if number % 5 else "quiz",
        )
        for number in range(ASSIGNMENTS)
    ]


def _student(rng: random.Random, number: int) -> Student:
    student = invent(rng, f"65000000{MARK}{number:08x}", number)
    student.email = f"student.{MARK}.{number}@example.org"
    return student


def _record(
    rng: random.Random, index: int, student: Student, item: Assignment, end: datetime
) -> Progression:
    started = end - _PAST * (1 - rng.random())
    done: datetime | None = started + timedelta(minutes=rng.uniform(1, 150))
    luck = rng.random()
    if luck < 0.07 or (done is not None and done > end):
        done = None
    grade: float | int | None = round(0.4 + 0.6 * luck, 2) if item.type == "quiz" else 1
    if done is None or luck < 0.25:
        grade = None
    reviewed = None
    if done is not None and luck > 0.6:
        reviewed = min(done + timedelta(hours=20), end)
    key = f"{int(started.timestamp()):08x}{MARK}{index:08x}"
    return Progression(key, student.id, item.id, grade, started, done, reviewed)
