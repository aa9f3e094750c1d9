"""Generated cohorts: the same seed and end give the same world, down to the byte."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from . import curriculum
from .clock import Clock
from .errors import SandboxError
from .lives import Course, Life, Persona, cast
from .model import (
    Assignment,
    Classroom,
    Event,
    Mentor,
    Progression,
    RosterRow,
    Student,
    Unit,
)
from .names import email, invent
from .rng import object_id, stream
from .world import World, as_utc

SCHOOL = "Riverbend Code School"
REGIONS = ("Lakeside", "Hill Country", "River Valley", "Old Town")
NIGHTS = (("Monday", 0), ("Tuesday", 1), ("Thursday", 3))
DEFAULT_TIMEZONE = "America/New_York"
FUTURE = timedelta(weeks=26)


def generate(
    seed: int,
    classes: int = 2,
    students: int | None = None,
    *,
    end: datetime,
    weeks: int = 13,
    timezone: str = DEFAULT_TIMEZONE,
) -> World:
    """Return a world of generated cohorts whose present is `end`.

    seed: equal arguments give identical worlds.
    classes: number of classes, each with its own course (1 to 200).
    students: enrolled students per class (1 to 2,000); None draws 46 to 58 for each class.
    end: aware time; nothing later is visible until `World.grow`, which has about 26 weeks to give.
    weeks: age of the courses at `end`, plus or minus one for each class (at least 1).
    timezone: IANA name of the school's zone: people study in its evenings and at its weekends.

    Raises SandboxError for an argument out of range.
    """
    for name, value, least, most in (
        ("classes", classes, 1, 200),
        ("students", 1 if students is None else students, 1, 2000),
        ("weeks", weeks, 1, 520),
    ):
        if not least <= value <= most:
            raise SandboxError(f"{name} must be from {least} to {most}, not {value}")
    end = as_utc(end, "end").replace(microsecond=0)
    school = _School(seed, end, weeks, Clock(timezone))
    for number in range(classes):
        school.open_class(number, students)
    return World(
        now=end,
        classes=school.rooms,
        students=school.students,
        roster=school.roster,
        mentors=school.mentors,
        events=school.events,
        seed=seed,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a student belongs: the same in every class of the student."""

    region: str
    night: int


class _School:
    """Collects classes one after the other; later classes take some students of the first."""

    def __init__(self, seed: int, end: datetime, weeks: int, clock: Clock) -> None:
        self.seed, self.end, self.weeks, self.clock = seed, end, weeks, clock
        self.rooms: list[Classroom] = []
        self.students: list[Student] = []
        self.roster: list[RosterRow] = []
        self.events: list[Event] = []
        self.places: dict[str, _Place] = {}
        self.mentors = [self._mentor(number) for number in range(2 * len(NIGHTS))]

    def open_class(self, number: int, students: int | None) -> None:
        rng = stream(self.seed, "class", number)
        course = self._course(number, rng)
        size = students if students is not None else rng.randint(46, 58)
        people = self._people(number, size, rng)
        happens: list[Event] = []
        for student, persona in zip(people, cast(size, rng), strict=True):
            happens += self._enrol(course, student, persona)
        happens += self._accounts(number, course)
        happens += self._changes(course, people, happens, rng)
        self.events += happens

    def _mentor(self, number: int) -> Mentor:
        rng = stream(self.seed, "mentor", number)
        person = invent(rng, "", 900 + number)
        name = f"{person.first_name} {person.last_name}"
        return Mentor(name, NIGHTS[number % len(NIGHTS)][0], person.email)

    def _course(self, number: int, rng: random.Random) -> Course:
        taught = curriculum.course(number)
        # Monday evening, local, about `weeks` weeks ago.
        first = self.clock.local_date(
            self.end - timedelta(days=7 * self.weeks + rng.randint(-6, 6))
        )
        starts_at = self.clock.at(first - timedelta(days=first.weekday()), 18.0)
        made = starts_at - timedelta(days=40)
        units: dict[str, list[str]] = {}
        assignments: dict[str, Assignment] = {}
        for unit, name, kind in curriculum.items(taught):
            item = Assignment(object_id(rng, made), name, kind)
            assignments[item.id] = item
            units.setdefault(unit, []).append(item.id)
        room = Classroom(
            id=object_id(rng, made),
            friendly_id=taught.slug,
            name=taught.name,
            school=SCHOOL,
            starts_at=starts_at,
            units=[Unit(name, tuple(ids)) for name, ids in units.items()],
            assignments=assignments,
            mentors=[object_id(rng, made) for _ in self.mentors],
        )
        self.rooms.append(room)
        order = tuple(assignments.values())
        middle = range(int(len(order) * 0.4), int(len(order) * 0.6))
        return Course(
            class_id=room.id,
            assignments=order,
            blocker=rng.choice([i for i in middle if order[i].type == "lesson"]),
            starts_at=starts_at,
            end=self.end,
            clock=self.clock,
            seed=f"{self.seed}/{number}",
        )

    def _people(self, number: int, size: int, rng: random.Random) -> list[Student]:
        """Return the class's students; about 1 in 15 of a later class is in the first too."""
        shared = self.students[: max(size // 15, 1)] if number and size > 1 else []
        people = list(shared[:size])
        joined = self.end - timedelta(days=7 * self.weeks + 20)
        while len(people) < size:
            student = invent(rng, object_id(rng, joined), len(self.students) + 1)
            self.places[student.id] = _Place(rng.choice(REGIONS), rng.randrange(len(NIGHTS)))
            self.students.append(student)
            people.append(student)
        return people

    def _enrol(self, course: Course, student: Student, persona: Persona) -> list[Event]:
        rng = stream(course.seed, "enrol", student.id)
        joined_at = course.starts_at + timedelta(hours=rng.uniform(0, 30))
        if persona == "late":
            joined_at += timedelta(days=rng.uniform(18, 36))
        place = self.places[student.id]
        night, weekday = NIGHTS[place.night]
        life = Life(course, student.id, persona, weekday, joined_at)
        left = None
        if life.stops_at is not None and rng.random() < 0.5:
            left = self.clock.local_date(life.stops_at + timedelta(days=rng.uniform(3, 14)))
        self.roster.append(
            RosterRow(
                self.rooms[-1].friendly_id,
                student.email,
                student.first_name,
                student.last_name,
                place.region,
                night,
                "student",
                self.clock.local_date(joined_at),
                left,
            )
        )
        return life.events()

    def _accounts(self, number: int, course: Course) -> Iterator[Event]:
        """Yield the clicks of the staff account, and in every second class of a test account."""
        for role, first, last in (("staff", "Course", "Team"), ("test", "Test", "Student")):
            if role == "test" and number % 2:
                continue
            rng = stream(course.seed, role)
            at = course.starts_at - timedelta(days=rng.uniform(3, 9))
            person = Student(
                object_id(rng, at), first, last, email(f"{role}.account", "", 990 + number)
            )
            self.students.append(person)
            room = self.rooms[-1]
            if role == "staff":
                room.instructors.append(person.id)
            day = course.starts_at.date() - timedelta(days=10)
            self.roster.append(
                RosterRow(room.friendly_id, person.email, first, last, role=role, started_on=day)
            )
            for assignment in course.assignments[: rng.randint(3, 6)]:
                at += timedelta(seconds=rng.randint(20, 400))
                at = at.replace(microsecond=rng.randrange(1000) * 1000)
                record = Progression(
                    object_id(rng, at), person.id, assignment.id, 1, at, at + timedelta(seconds=9)
                )
                yield Event(at, "add", course.class_id, record.id, {"record": record})

    def _changes(
        self, course: Course, people: list[Student], happens: list[Event], rng: random.Random
    ) -> Iterator[Event]:
        """Yield rare events: a record removed, a student or an assignment renamed."""
        added = [event for event in happens if event.kind == "add"]
        last = self.end + FUTURE
        at = course.starts_at
        while added and (at := at + timedelta(days=rng.expovariate(1 / 9))) < last:
            victim = rng.choice(added)
            yield Event(max(at, victim.at), "remove", course.class_id, victim.target, {})
        at = course.starts_at
        while (at := at + timedelta(days=rng.expovariate(1 / 20))) < last:
            other = invent(rng, "", 0)
            new = {"last_name": other.last_name}
            yield Event(at, "rename_student", course.class_id, rng.choice(people).id, new)
        at = course.starts_at
        while (at := at + timedelta(days=rng.expovariate(1 / 35))) < last:
            item = rng.choice(course.assignments)
            new = {"name": f"{item.name} (revised)"}
            yield Event(at, "rename_assignment", course.class_id, item.id, new)
