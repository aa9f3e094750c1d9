"""One week of a class: what was done in it, who moved, who stopped, and what changed for whom.

Everything is a row of the marts. Nothing is computed here but the order, and what belongs to whom.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from .reader import Reader, Row
from .scope import NO_NIGHT, Group
from .students import Asked, full_name

_WEEK = timedelta(days=7)
_WHOLE = "marts.progress_over_time"
_NIGHTS = "marts.night_progress"
_HEALTH = "marts.student_health_weekly"
_EVENTS = "marts.student_events"
_FIGURES = ("completions", "active_students", "enrolled_students", "cumulative_completion_rate")

MOVEMENTS = {
    "stopped": "Stopped",
    "silent": "Silent",
    "moved": "Completed something",
    "finished": "Nothing left to do",
}
"""What a week was for students, in words."""

CHANGES = {
    "Got worse": ("got_worse", "entered_at_risk"),
    "Got better": ("recovered", "back_after_silence"),
    "Newly finished": ("finished",),
}
"""What changed for students, in words, by the events that tell it."""


@dataclass(frozen=True)
class Figures:
    """A class or a night in one week; `completion_rate` is of all work up to its end."""

    completions: int
    active_students: int
    enrolled_students: int
    completion_rate: float | None


@dataclass(frozen=True)
class Standing:
    """A class, or a night of it, in the week and in the one before; None: there was none."""

    night: str | None
    now: Figures
    before: Figures | None


@dataclass(frozen=True)
class InWeek:
    """One student in the week.

    Args:
        is_enrolled: whether the student still is in the class.
        movement: one of `MOVEMENTS`.
        completions: in the week, and `previous` in the week before; None: there was none.
        tier: at the end of the week.
        days_silent: by then.
    """

    student_id: str
    name: str
    night: str | None
    is_enrolled: bool
    movement: str
    completions: int
    previous: int | None
    tier: str
    days_silent: int


@dataclass(frozen=True)
class Change:
    """What changed for a student in the week, as a sentence; `kind` is one of `CHANGES`."""

    kind: str
    student_id: str
    name: str
    sentence: str


@dataclass(frozen=True)
class Week:
    """What there is to say about a week.

    Args:
        starts_on: its Monday, and `ends_on` its Sunday.
        number: which of the class, its first one is 1.
        is_complete: whether it was over when the tables were made; `measured_on`: their last day.
        standings: of the whole class, then of the nights that the viewer may see.
        others_rate: what other classes had done at the same week of theirs.
        people: the students whom the viewer may see, who is to be asked first.
        changes: for them; of complete weeks only.
        previous: the Monday of the week before, and `next` of the one after; None: there is none.
    """

    starts_on: date
    ends_on: date
    measured_on: date
    number: int
    is_complete: bool
    standings: tuple[Standing, ...]
    others_rate: float | None
    people: tuple[InWeek, ...]
    changes: tuple[Change, ...]
    previous: date | None
    next: date | None

    def who(self, movement: str) -> tuple[InWeek, ...]:
        """For whom the week was that."""
        return tuple(one for one in self.people if one.movement == movement)

    def changed(self, kind: str) -> tuple[Change, ...]:
        """The changes of a kind."""
        return tuple(one for one in self.changes if one.kind == kind)


def week_of(reader: Reader, group: Group, starts_on: date) -> Week | None:
    """Read what there is to say about the week of a class that begins on a Monday.

    None where the class has no such week.
    """
    asked = Asked(reader, group)
    weeks = {
        row["week_starts_on"]: row
        for row in _around(
            asked,
            _WHOLE,
            starts_on,
            *("week_ends_on", "measured_on", "week_number", "is_complete"),
        )
    }
    this = weeks.get(starts_on)
    if this is None:
        return None
    before, after = starts_on - _WEEK, starts_on + _WEEK
    return Week(
        starts_on=starts_on,
        ends_on=this["week_ends_on"],
        measured_on=this["measured_on"],
        number=this["week_number"],
        is_complete=this["is_complete"],
        standings=(
            _standing(None, weeks, starts_on),
            *(_nights(asked, starts_on) if _NIGHTS in reader.tables else ()),
        ),
        others_rate=_others(asked, this["week_ends_on"]),
        people=tuple(_people(asked, this["week_ends_on"]) if _HEALTH in reader.tables else ()),
        changes=tuple(_changes(asked, starts_on) if _EVENTS in reader.tables else ()),
        previous=before if before in weeks else None,
        next=after if after in weeks else None,
    )


def _around(asked: Asked, table: str, starts_on: date, *columns: str) -> list[Row]:
    """The week, and those beside it."""
    return asked.rows(
        table,
        *("week_starts_on", *_FIGURES, *columns),
        where="week_starts_on BETWEEN ? AND ?",
        values=[starts_on - _WEEK, starts_on + _WEEK],
    )


def _nights(asked: Asked, starts_on: date) -> Iterator[Standing]:
    """The nights, those without one last."""
    nights: dict[str, dict[date, Row]] = {}
    for row in _around(asked, _NIGHTS, starts_on, "night"):
        nights.setdefault(row["night"], {})[row["week_starts_on"]] = row
    for night in sorted(nights, key=lambda night: (night == NO_NIGHT, night)):
        yield _standing(night, nights[night], starts_on)


def _standing(night: str | None, weeks: Mapping[date, Row], starts_on: date) -> Standing:
    now, before = (
        Figures(*(row[name] for name in _FIGURES)) if (row := weeks.get(day)) else None
        for day in (starts_on, starts_on - _WEEK)
    )
    assert now is not None
    return Standing(night, now, before)


def _others(asked: Asked, ends_on: date) -> float | None:
    rows = asked.rows(
        "marts.cohort_comparison",
        "other_classes_completion_rate",
        where="week_ends_on = ? AND is_complete",
        values=[ends_on],
    )
    return rows[0]["other_classes_completion_rate"] if rows else None


def _people(asked: Asked, ends_on: date) -> Iterator[InWeek]:
    """Who was in the class: who did most comes first, then who has been silent for longest."""
    for row in asked.rows(
        _HEALTH,
        *("student_id", "first_name", "last_name", "night", "is_enrolled", "movement"),
        *("completions", "previous_completions", "tier", "days_silent"),
        where="week_ends_on = ? AND movement IS NOT NULL",
        values=[ends_on],
        order="completions DESC, previous_completions DESC, days_silent DESC, last_name,"
        " first_name, student_id",
    ):
        yield InWeek(
            student_id=row["student_id"],
            name=full_name(row),
            night=row["night"],
            is_enrolled=row["is_enrolled"],
            movement=row["movement"],
            completions=row["completions"],
            previous=row["previous_completions"],
            tier=row["tier"],
            days_silent=row["days_silent"],
        )


def _changes(asked: Asked, starts_on: date) -> Iterator[Change]:
    """What changed, of each kind once for each student."""
    kinds = {event: kind for kind, events in CHANGES.items() for event in events}
    seen = set()
    for row in asked.rows(
        _EVENTS,
        *("student_id", "first_name", "last_name", "event", "sentence"),
        where="week_starts_on = ?",
        values=[starts_on],
        order="last_name, first_name, student_id, event DESC",
    ):
        kind = kinds.get(row["event"])
        if kind is not None and (kind, row["student_id"]) not in seen:
            seen.add((kind, row["student_id"]))
            yield Change(kind, row["student_id"], full_name(row), row["sentence"])
