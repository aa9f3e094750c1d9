"""What a mentor reads of one group: whom to reach out to, why, who recovered, where it is stuck."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from .contacts import Contact
from .reader import Row
from .scope import Group


@dataclass(frozen=True)
class Reason:
    """Why, in one sentence without a full stop."""

    code: str
    sentence: str


@dataclass(frozen=True)
class WeekScore:
    """The health score at the end of a week, or as measured in the running one."""

    week_ends_on: date
    measured_on: date
    score: float | None
    tier: str
    is_complete: bool

    @property
    def week_starts_on(self) -> date:
        """Its Monday."""
        return self.week_ends_on - timedelta(days=6)


@dataclass(frozen=True)
class Student:
    """A student of the group, as of the last build.

    Args:
        student_id: id in the tables; the alias where names are hidden.
        name: the full name, or the alias.
        tier: `critical`, `high`, `medium`, `low`, or `n_a` with its `n_a_reason`.
        previous_tier: the one at the end of the week before.
        call_list: `slipping`, `gone_quiet`, `never_started` or None.
        is_newly_called: whether the student was on no call list at the end of the week before.
        reasons: why, in the order to say it.
        start_name: the assignment to start at; `start_days`: how many days the student waits there.
        weeks: the last weeks, the oldest first.
        contacts: the newest first.
    """

    student_id: str
    name: str
    email: str | None
    night: str | None
    mentor: str | None
    is_enrolled: bool
    is_finished: bool
    tier: str
    previous_tier: str | None
    n_a_reason: str | None
    score: float | None
    class_score: float | None
    risk_rank: int | None
    call_list: str | None
    is_newly_called: bool
    completed: int
    assignments: int
    days_silent: int | None
    days_behind: int | None
    start_id: str | None
    start_name: str | None
    start_days: int | None
    reasons: tuple[Reason, ...] = ()
    weeks: tuple[WeekScore, ...] = ()
    contacts: tuple[Contact, ...] = ()

    @property
    def fell_from(self) -> str | None:
        """The tier two weeks back, where only that one tells why the student is slipping."""
        if self.call_list != "slipping" or self.tier not in ("medium", "low"):
            return None
        earlier = self.weeks[-3].tier if len(self.weeks) > 2 else "n_a"
        return None if earlier in ("n_a", self.previous_tier) else earlier

    @property
    def unsaid_silence(self) -> int | None:
        """Days of silence of who has gone quiet, where neither of the first two reasons tells."""
        is_said = any(reason.code == "silent" for reason in self.reasons[:2])
        return None if self.call_list != "gone_quiet" or is_said else self.days_silent

    @property
    def last_contact(self) -> Contact | None:
        """The newest contact."""
        return self.contacts[0] if self.contacts else None


@dataclass(frozen=True)
class Recovery:
    """Somebody who is better than before: `event` is `recovered` or `back_after_silence`."""

    student_id: str
    name: str
    night: str | None
    event: str
    sentence: str


@dataclass(frozen=True)
class Waiting:
    """Somebody who is stuck at an assignment."""

    student_id: str
    name: str
    days: int


@dataclass(frozen=True)
class StuckPlace:
    """An assignment where the group is stuck.

    `who` are the students that the viewer may see, who waits longest first.
    """

    assignment_id: str
    assignment_name: str
    section: str | None
    reached: int
    stuck: int
    skipped: int
    graded: int
    low_grades: int
    median_days_waiting: float | None
    reason_codes: str | None
    who: tuple[Waiting, ...]


@dataclass(frozen=True)
class Review:
    """Completed work that waits for a review."""

    student_id: str
    name: str
    assignment_id: str
    assignment_name: str
    days_waiting: int
    is_overdue: bool


@dataclass(frozen=True)
class WeekProgress:
    """A week of the group: `completions` in it, `completion_rate` of all work up to its end.

    `others_rate` is that of the other classes at the same week in their program.
    """

    iso_week: str
    week_starts_on: date
    measured_on: date
    is_complete: bool
    completions: int
    active_students: int
    enrolled_students: int
    completion_rate: float | None
    others_rate: float | None


@dataclass(frozen=True)
class Briefing:
    """What there is to read of a group.

    `as_of` is UTC and aware, to be shown in `timezone`. `nights`, `cohorts` and `without_night` are
    a lead's; they are empty for a mentor.
    """

    group: Group
    mentors: str | None
    timezone: str
    as_of: datetime | None
    is_stale: bool
    paused_since: date | None
    students: int
    judged: int
    slipping: tuple[Student, ...] = ()
    gone_quiet: tuple[Student, ...] = ()
    never_started: tuple[Student, ...] = ()
    recovered: tuple[Recovery, ...] = ()
    places: tuple[StuckPlace, ...] = ()
    stuck_students: int = 0
    reviews: tuple[Review, ...] = ()
    open_reviews: int = 0
    overdue_reviews: int = 0
    weeks: tuple[WeekProgress, ...] = ()
    everyone: tuple[Student, ...] = ()
    nights: tuple[Row, ...] = ()
    cohorts: tuple[Row, ...] = ()
    has_nights: bool = False

    @property
    def to_reach(self) -> tuple[Student, ...]:
        """Everybody on a call list: slipping, gone quiet, never started."""
        return self.slipping + self.gone_quiet + self.never_started

    @property
    def without_verdict(self) -> tuple[Student, ...]:
        """Who is in the class and has no verdict, each with the reason."""
        return tuple(s for s in self.everyone if s.is_enrolled and s.tier == "n_a")

    @property
    def without_night(self) -> tuple[Student, ...]:
        """For a lead of a class with nights: who has none."""
        if not self.has_nights or self.group.night is not None:
            return ()
        return tuple(s for s in self.everyone if s.is_enrolled and s.night is None)
