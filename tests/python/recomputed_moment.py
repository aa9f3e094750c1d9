"""One group at the end of one day: who is there, how silent, who sets the pace, who is done."""

from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from functools import cached_property
from typing import Any

from recomputed import Group, Recomputed
from recomputed_calendar import Calendar, monday_of

PEER_WINDOW_DAYS = 35
EXPECTED_SHARE = Fraction(7, 10)


def middle(values: Sequence[Fraction | int]) -> Fraction | None:
    """Return the exact median."""
    ordered = sorted(values)
    if not ordered:
        return None
    half = len(ordered) // 2
    return Fraction(ordered[half] + ordered[(len(ordered) - 1) // 2], 2)


class Moment:
    """What is known of one group at the end of a day."""

    def __init__(self, core: Recomputed, calendar: Calendar, group: Group, day: date) -> None:
        self.core, self.calendar, self.group, self.day = core, calendar, group, day
        self.class_id = group[0]
        self.students = core.students_of(group)
        self.enrollments = {s: core.enrollments[self.class_id, s] for s in self.students}
        self.required = core.required(group)
        begun = [s for s, e in self.enrollments.items() if e["enrolled_on"] <= day]
        self.there = [s for s in begun if not self.has_left(s)]
        self._timeliness: dict[tuple[str, str], Fraction] = {}
        self.first_done: dict[tuple[str, str], date] = {}
        self.last: dict[str, date] = {}
        for (student, assignment), days in core.completed_days(self.class_id).items():
            known = [d for d in days if d <= day]
            if student in self.enrollments and known:
                self.first_done[student, assignment] = known[0]
                self.last[student] = max(known[-1], self.last.get(student, date.min))
        self.finished = {s for s in self.there if self._has_all(s)}
        self.latest = max((self.last[s] for s in self.there if s in self.last), default=None)
        self.peers = [s for s in self.there if self._is_peer(s)]
        self.class_silent = middle([self.silence(s, as_peer=True) for s in self.peers])
        self.class_calendar_silent = middle([self.peer_days_silent(s) for s in self.peers])

    def has_left(self, student: str) -> bool:
        """Return whether the student has left."""
        left = self.enrollments[student]["left_on"]
        return bool(left and left <= self.day)

    def _has_all(self, student: str) -> bool:
        return bool(self.required) and all((student, a) in self.first_done for a in self.required)

    def _is_peer(self, student: str) -> bool:
        if student in self.finished:
            return True
        if student not in self.last or self.latest is None:
            return False
        last = self.calendar.class_day(self.group, self.last[student])
        return self.calendar.class_day(self.group, self.latest) - last <= PEER_WINDOW_DAYS

    def silent_since(self, student: str) -> date:
        """Return the day of the last completion, else the first day in the class."""
        return self.last.get(student, self.enrollments[student]["enrolled_on"])

    def days_silent(self, student: str) -> int:
        """Return calendar days without a completion."""
        return self.calendar.days_between(self.class_id, self.silent_since(student), self.day)

    def peer_days_silent(self, student: str) -> int:
        """Return calendar days of silence as they count for the class's median."""
        since = self.silent_since(student)
        if student in self.finished and self.latest:
            since = self.latest
        return self.calendar.days_between(self.class_id, since, self.day)

    def silence(self, student: str, *, as_peer: bool = False) -> int:
        """Return class days without a completion; a finished peer is as silent as the class."""
        since = self.silent_since(student)
        if as_peer and student in self.finished and self.latest:
            since = self.latest
        return self.calendar.class_days_between(self.group, since, self.day)

    def excess(self, student: str) -> Fraction | None:
        """Return the class days of silence beyond the class's; unknown without peers."""
        if self.class_silent is None or student not in self.there:
            return None
        return max(Fraction(0), self.silence(student) - self.class_silent)

    def days_enrolled(self, student: str) -> int:
        """Return the days in the class."""
        enrolled = self.enrollments[student]["enrolled_on"]
        return self.calendar.days_between(self.class_id, enrolled, self.day)

    def is_expected(self, assignment: str) -> bool:
        """Return whether the group expects a required assignment."""
        due_on = self.core.line_of(self.group, assignment)["due_on"]
        if due_on:
            return self.day > due_on
        done = sum((s, assignment) in self.first_done for s in self.peers)
        return bool(self.peers) and done >= EXPECTED_SHARE * len(self.peers)

    @cached_property
    def expected(self) -> list[str]:
        """Return what the group expects, in its order."""
        return [a for a in self.required if self.is_expected(a)]

    @cached_property
    def newest_grades(self) -> dict[tuple[str, str], Fraction | None]:
        """Return the grade of the newest completion of each pair, in millionths."""
        newest: dict[tuple[str, str], tuple[datetime, str, float | None]] = {}
        for attempt in self._completions():
            key = attempt["user_id"], attempt["assignment_id"]
            this = attempt["completed_at"], attempt["record_id"], attempt["grade"]
            if key not in newest or this[:2] > newest[key][:2]:
                newest[key] = this
        return {
            key: None if grade is None else Fraction(round(grade * 1_000_000), 1_000_000)
            for key, (_, _, grade) in newest.items()
        }

    @cached_property
    def graded(self) -> set[str]:
        """Return the assignments on which anybody of the group has ever got a grade."""
        return {r["assignment_id"] for r in self._completions() if r["grade"] is not None}

    def _completions(self) -> list[dict[str, Any]]:
        return [
            r
            for r in self.core.known[self.class_id]
            if r["user_id"] in self.enrollments
            and r["completed_at"]
            and self.core.day(self.class_id, r["completed_at"]) <= self.day
        ]

    def has_begun_anything(self, student: str) -> bool:
        """Return whether the student had opened or completed anything by that day."""
        return any(d <= self.day for d in self.core.active_days(self.class_id, student))

    def timeliness(self, student: str, assignment: str) -> Fraction:
        """Return the share that had not completed it on an earlier day, in millionths."""
        if (student, assignment) not in self._timeliness:
            self._timeliness[student, assignment] = self._not_ahead(student, assignment)
        return self._timeliness[student, assignment]

    def _not_ahead(self, student: str, assignment: str) -> Fraction:
        mine = self.first_done[student, assignment]
        ahead = sum(a == assignment and d < mine for (_, a), d in self.first_done.items())
        measured_on = self.calendar.measured_on(self.class_id, mine)
        begun = sum(e["enrolled_on"] <= measured_on for e in self.enrollments.values())
        millionths = Fraction(begun - ahead, begun) * 1_000_000
        return Fraction((millionths + Fraction(1, 2)).__floor__(), 1_000_000)

    @property
    def monday(self) -> date:
        """Return the Monday of the day's week."""
        return monday_of(self.day)
