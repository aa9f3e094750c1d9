"""One small made-up class, written down as what its students did so many days before the sync."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from raw_fixture import run

Tables = dict[str, list[dict[str, Any]]]
Lesson = int | str

SYNCED_AT = datetime(2026, 3, 24, 17, 0)
"""A Tuesday."""


def students(count: int) -> list[str]:
    """Return names: s01, s02, and so on."""
    return [f"s{number:02}" for number in range(1, count + 1)]


def every(step: int, *, since: int, until: int = 1) -> list[int]:
    """Return days before the sync, one in `step` days: every(3, since=10) is 10, 7, 4, 1."""
    return list(range(since, until - 1, -step))


def day(days_ago: int) -> date:
    """Return the date so many days before the sync."""
    return SYNCED_AT.date() - timedelta(days=days_ago)


class Cohort:
    """A class whose lessons 1, 2, 3 … are listed in units of four."""

    def __init__(self, class_id: str, lessons: Iterable[Lesson] = ()) -> None:
        self.class_id = class_id
        self.lessons = list(lessons)
        self.records: list[dict[str, Any]] = []
        self.roster: list[dict[str, Any]] = []
        self.schedule: list[dict[str, Any]] = []

    def do(
        self,
        who: str | Sequence[str],
        lesson: Lesson,
        days_ago: int,
        *,
        hour: int = 18,
        grade: float | None = 0.9,
    ) -> None:
        """Open a lesson at 17:00 and complete it at 18:00."""
        for student in [who] if isinstance(who, str) else who:
            completed = datetime.combine(day(days_ago), time(hour))
            self._add(student, lesson, completed - timedelta(hours=1), completed, grade)

    def follow(self, who: str | Sequence[str], days: Sequence[int], *, hour: int = 18) -> None:
        """Do lessons 1, 2, 3 … on these days before the sync."""
        for lesson, days_ago in enumerate(days, start=1):
            self.do(who, lesson, days_ago, hour=hour)

    def open(self, student: str, lesson: Lesson, days_ago: int) -> None:
        """Open a lesson at 17:00 and leave it open."""
        self._add(student, lesson, datetime.combine(day(days_ago), time(17)), None, None)

    def enroll(self, student: str, **line: Any) -> None:
        """Put somebody on the roster."""
        email = f"{student}@{self.class_id}.example"
        self.roster.append({"class": self.class_id, "email": email, **line})

    def plan(self, lesson: Lesson, **line: Any) -> None:
        """Add a line to the schedule."""
        plain = {"night": None, "due_on": None, "is_optional": False}
        self.schedule.append(
            {"class_id": self.class_id, "assignment_id": self.id_of(lesson), **plain, **line}
        )

    def id_of(self, lesson: Lesson) -> str:
        """Return the id of an assignment."""
        return f"{self.class_id}/{lesson}"

    def _add(
        self,
        student: str,
        lesson: Lesson,
        started: datetime | None,
        completed: datetime | None,
        grade: float | None,
    ) -> None:
        self.records.append(
            {
                "class_id": self.class_id,
                "record_id": f"{self.class_id}/{len(self.records)}",
                "first_seen_at": SYNCED_AT,
                "user_id": f"{self.class_id}/{student}",
                "user_first_name": "Student",
                "user_last_name": student,
                "user_email": f"{student}@{self.class_id}.example",
                "assignment_id": self.id_of(lesson),
                "assignment_name": f"Lesson {lesson}",
                "assignment_type": "lesson",
                "grade": grade,
                "started_at": started,
                "completed_at": completed,
                "reviewed_at": completed,
            }
        )

    def units(self) -> list[dict[str, Any]]:
        """Return the lines of the units: modules of four lessons."""
        return [
            {
                "class_id": self.class_id,
                "units_hash": "new",
                "position": number + 1,
                "section_position": number // 4 + 1,
                "section_name": f"Module {number // 4 + 1}",
                "assignment_id": self.id_of(lesson),
            }
            for number, lesson in enumerate(self.lessons)
        ]


def store(cohorts: Iterable[Cohort]) -> Tables:
    """Return one raw store of all the classes, read at the same moment."""
    cohorts = list(cohorts)
    records = [record for cohort in cohorts for record in cohort.records]
    roster = [line for cohort in cohorts for line in cohort.roster]
    schedule = [line for cohort in cohorts for line in cohort.schedule]
    return {
        "progressions": [{**r, "version_no": n} for n, r in enumerate(records, start=1)],
        "classes": [
            {
                "class_id": c.class_id,
                "friendly_id": c.class_id,
                "name": c.class_id,
                "units_hash": "new" if c.lessons else None,
            }
            for c in cohorts
        ],
        "class_units": [unit for c in cohorts for unit in c.units()],
        "sync_runs": [run(c.class_id, SYNCED_AT) for c in cohorts],
        "roster": [{"line": n, "file_version": 2, **r} for n, r in enumerate(roster, start=2)],
        "schedule": [{"line": n, **s} for n, s in enumerate(schedule, start=2)],
    }
