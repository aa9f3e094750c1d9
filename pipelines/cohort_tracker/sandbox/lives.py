"""How students get through a course: each life becomes a list of dated events."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from .clock import Clock, Habit
from .model import Assignment, Event, Progression
from .rng import object_id, stream

Persona = Literal["steady", "ahead", "crammer", "slowing", "stuck", "stopped", "late", "never"]

COURSE_DAYS = 102.0

# Shares of a class in percent. A class of 40 has at least one of each.
SHARES: tuple[tuple[Persona, float], ...] = (
    ("steady", 48),
    ("ahead", 13),
    ("crammer", 10),
    ("slowing", 8),
    ("stuck", 10),
    ("stopped", 5),
    ("late", 3),
    ("never", 3),
)

ABILITY: dict[Persona, float] = {
    "steady": 0.85,
    "ahead": 0.94,
    "crammer": 0.78,
    "slowing": 0.76,
    "stuck": 0.74,
    "stopped": 0.70,
    "late": 0.83,
    "never": 0.8,
}


def cast(students: int, rng: random.Random) -> list[Persona]:
    """Return a persona for each student, in the shares of `SHARES`, shuffled."""
    roles: list[Persona] = []
    for persona, share in SHARES[1:]:
        roles += [persona] * max(1, round(share * students / 100))
    roles = roles[:students]
    roles += ["steady"] * (students - len(roles))
    rng.shuffle(roles)
    return roles


@dataclass(frozen=True, slots=True)
class Course:
    """What all students of a class share: order, blocker, calendar."""

    class_id: str
    assignments: tuple[Assignment, ...]
    blocker: int
    starts_at: datetime
    end: datetime
    clock: Clock
    seed: str


@dataclass(slots=True)
class Life:
    """One student in one class. `events()` is the whole life, beyond the world's end too."""

    course: Course
    student_id: str
    persona: Persona
    night: int
    joined_at: datetime
    rng: random.Random = field(init=False)
    ability: float = field(init=False)
    habit: Habit = field(init=False)
    pace: float = field(init=False)
    blocks: tuple[float, float] = field(init=False)
    stops_at: datetime | None = field(init=False, default=None)
    recovers_at: datetime | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        rng = self.rng = stream(self.course.seed, "life", self.student_id)
        self.ability = ABILITY[self.persona] + rng.gauss(0, 0.05)
        self.habit = self._habit()
        ranges = {"ahead": (0.6, 0.8), "stuck": (0.9, 1.45), "stopped": (0.95, 1.25)}
        self.pace = rng.uniform(*ranges.get(self.persona, (0.86, 1.06)))
        self.blocks = (rng.uniform(4.5, 8), rng.random())
        if self.persona == "stopped":
            self.stops_at = self.course.starts_at + timedelta(days=rng.uniform(13, 62))
        if self.persona == "stuck" and rng.random() < 0.35:
            self.recovers_at = self.course.end + timedelta(days=rng.uniform(2, 12))

    def events(self) -> list[Event]:
        """Return everything this student's records will ever show, in no particular order."""
        if self.persona == "never":
            return []
        return list(self._work())

    def _habit(self) -> Habit:
        rng = self.rng
        days = frozenset({self.night, 5, 6, *rng.sample(range(5), 2)})
        if self.persona == "crammer":
            return Habit(frozenset({6, self.night, rng.randrange(5)}), (21.5, 26.5), (20.5, 27.0))
        return Habit(days, (rng.uniform(17.5, 19.0), 22.5), (rng.uniform(9.5, 13.0), 21.0))

    def _due(self, index: int) -> datetime:
        """Return when this student means to finish the assignment."""
        course, rng = self.course, self.rng
        share = (index + 1) / len(course.assignments)
        pace = self.pace
        if self.persona == "slowing":
            pace *= 1 + 1.1 * share**1.5
        elif self.persona == "crammer":
            # A block at a time, in its last nights; each crammer has blocks of their own.
            count, phase = self.blocks
            share = (math.ceil(share * count + phase) - phase) / count
        day = COURSE_DAYS * share * pace + rng.gauss(0, 1.6)
        due = course.starts_at + timedelta(days=max(day, 0))
        if self.persona == "late":
            due = max(due, self.joined_at + timedelta(days=1.7 * (index + 1)))
        return due

    def _work(self) -> Iterator[Event]:
        course, rng, clock = self.course, self.rng, self.course.clock
        free = self.joined_at
        opened: dict[int, datetime] = {}
        for index, assignment in enumerate(course.assignments):
            lead = timedelta(days=rng.uniform(0, 1.5))
            begins = opened.get(index) or clock.slot(
                max(free, self._due(index) - lead), self.habit, rng
            )
            if self.stops_at is not None and begins > self.stops_at:
                return
            if self.persona == "stuck" and index == course.blocker:
                if self.recovers_at is None:
                    if rng.random() < 0.8:
                        yield from self._attempt(assignment, begins, None)
                    return
                done = clock.slot(self.recovers_at, self.habit, rng)
                yield from self._attempt(assignment, begins, done)
                free = done
                continue
            fate = rng.random()
            if fate < 0.015 and index not in opened:
                continue
            if fate < 0.045:
                yield from self._attempt(assignment, begins, None)
                continue
            done = self._finish(assignment, begins, hard=index == course.blocker)
            if self.stops_at is not None and done > self.stops_at:
                yield from self._attempt(assignment, begins, None)
                return
            yield from self._attempt(assignment, begins, done)
            free = max(free, done)
            if index + 1 < len(course.assignments) and rng.random() < 0.55:
                opened[index + 1] = done + timedelta(minutes=rng.uniform(1, 25))

    def _finish(self, assignment: Assignment, begins: datetime, *, hard: bool) -> datetime:
        rng = self.rng
        if assignment.type == "quiz":
            return begins + timedelta(minutes=rng.uniform(6, 40))
        minutes = timedelta(minutes=rng.uniform(15, 95))
        if self.persona == "crammer":
            return begins + minutes / 2
        if hard:
            return self.course.clock.slot(
                begins + timedelta(days=rng.uniform(2, 8)), self.habit, rng
            )
        if rng.random() < 0.45:
            later = begins + timedelta(days=rng.uniform(0.6, 5))
            return self.course.clock.slot(later, self.habit, rng) + minutes / 3
        return begins + minutes

    def _attempt(
        self, assignment: Assignment, begins: datetime, done: datetime | None
    ) -> Iterator[Event]:
        """Yield the events of one record, and of a second one where a quiz is taken anew."""
        rng = self.rng
        begins = _milliseconds(begins)
        # A few records were brought over from elsewhere and have no start.
        imported = done is not None and rng.random() < 0.03
        appears = done if imported and done is not None else begins
        appears = _milliseconds(appears)
        record = Progression(
            object_id(rng, appears),
            self.student_id,
            assignment.id,
            started_at=None if imported else begins,
            omit_nulls=rng.random() < 0.08,
        )
        yield Event(appears, "add", self.course.class_id, record.id, {"record": record})
        if done is None:
            return
        done = _milliseconds(done)
        quiz = assignment.type == "quiz"
        grade = self._score() if quiz and rng.random() < 0.93 else None
        yield self._update(record, done, completed_at=done, grade=grade)
        if quiz:
            if grade is not None and grade < 0.7 and rng.random() < 0.65:
                yield from self._retry(assignment, record, done, grade)
            return
        yield from self._review(record, done)

    def _score(self) -> float | int:
        questions = self.rng.choice((5, 8, 10, 12))
        mean = min(max(self.rng.gauss(self.ability, 0.14), 0.0), 1.0)
        right = round(mean * questions)
        return 1 if right == questions else round(right / questions, 4)

    def _retry(
        self, assignment: Assignment, record: Progression, done: datetime, grade: float | int
    ) -> Iterator[Event]:
        rng = self.rng
        again = _milliseconds(
            self.course.clock.slot(done + timedelta(hours=rng.uniform(1, 90)), self.habit, rng)
        )
        better = round(min(1.0, max(grade, 0.5) + rng.uniform(0.1, 0.4)), 2)
        way = rng.random()
        if way < 0.4:
            yield self._update(record, again, grade=better, completed_at=again)
        elif way < 0.75:
            yield self._update(record, again, grade=better)
        else:
            started = _milliseconds(again - timedelta(minutes=rng.uniform(5, 30)))
            second = Progression(
                object_id(rng, started), self.student_id, assignment.id, started_at=started
            )
            yield Event(started, "add", self.course.class_id, second.id, {"record": second})
            yield self._update(second, again, completed_at=again, grade=better)

    def _review(self, record: Progression, done: datetime) -> Iterator[Event]:
        """Yield a mentor's look at a lesson: most within days, some very late, some never."""
        rng = self.rng
        luck = rng.random()
        if luck > 0.84:
            return
        days = rng.uniform(0.5, 9) if luck < 0.72 else rng.uniform(15, 45)
        seen = done + timedelta(days=days)
        clock = self.course.clock
        seen = clock.at(clock.local_date(seen), rng.uniform(17.0, 21.8))
        seen = _milliseconds(max(seen, done + timedelta(minutes=30)))
        mark = rng.random()
        grade: float | int | None = 1 if mark < 0.66 else None
        if mark > 0.9:
            grade = round(min(max(rng.gauss(self.ability - 0.05, 0.12), 0.3), 1.0), 2)
        yield self._update(record, seen, reviewed_at=seen, grade=grade)
        if grade is not None and rng.random() < 0.04:
            changed = seen + timedelta(days=rng.uniform(1, 20))
            yield self._update(record, changed, grade=0.9 if grade == 1 else 1)

    def _update(self, record: Progression, at: datetime, **fields: object) -> Event:
        return Event(at, "update", self.course.class_id, record.id, fields)


def _milliseconds(moment: datetime) -> datetime:
    """Cut to what the API can show, so that nothing is equal only after a round trip."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
