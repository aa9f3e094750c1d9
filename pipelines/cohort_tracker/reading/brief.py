"""Reading what there is to say about a group.

Everything is a row of the marts. Nothing is computed here but the order, and what belongs to whom.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .briefing import (
    Briefing,
    Reason,
    Recovery,
    Review,
    StuckPlace,
    Student,
    WeekProgress,
    WeekScore,
)
from .contacts import contacts_by_student
from .reader import Reader, Row
from .scope import NO_NIGHT, Group, key_of

WEEKS_SHOWN = 8
REVIEWS_SHOWN = 5
PLACES_SHOWN = 5


class _Asked:
    """Questions about one group, with the group's condition in each."""

    def __init__(self, reader: Reader, group: Group) -> None:
        self._reader = reader
        self._group = group
        self.of_night = group.night is not None

    def rows(self, table: str, *columns: str, where: str = "true", order: str = "") -> list[Row]:
        """Rows of a table about the group's class, or its night where the table has one."""
        there = self._reader.table(table)
        condition, parameters = "class_id = ?", [self._group.class_id]
        if self._group.night is not None and there.kind in ("person", "night"):
            night = "night" if "night" in there.column_names else "night_key"
            condition += f" AND lower({night}) = ?"
            parameters.append(key_of(self._group.night))
        return self._reader.rows(
            table, columns, where=f"{condition} AND ({where})", parameters=parameters, order=order
        )


def brief(reader: Reader, group: Group) -> Briefing:
    """Read what there is to say about a group.

    Raises NotAllowedError where the viewer may not see its students.
    """
    asked = _Asked(reader, group)
    [summary] = reader.rows(
        "marts.class_summary", where="class_id = ?", parameters=[group.class_id]
    )
    everyone = _students(reader, asked)
    called = _called(everyone)
    reviews = _reviews(asked)
    stuck = _stuck(asked)
    nights = () if asked.of_night else tuple(_nights(asked))
    return Briefing(
        group=group,
        mentors=_mentors(everyone) if asked.of_night else None,
        timezone=summary["timezone"],
        as_of=_aware(summary["as_of"]),
        is_stale=summary["is_stale"],
        paused_since=summary["paused_since_on"],
        students=sum(student.is_enrolled for student in everyone),
        judged=sum(student.tier != "n_a" for student in everyone),
        slipping=called["slipping"],
        gone_quiet=called["gone_quiet"],
        never_started=called["never_started"],
        recovered=tuple(_recovered(asked, everyone)),
        places=tuple(_places(asked, stuck)),
        stuck_students=len({row["student_id"] for row in stuck}),
        reviews=tuple(reviews[:REVIEWS_SHOWN]),
        open_reviews=len(reviews),
        overdue_reviews=sum(review.is_overdue for review in reviews),
        weeks=tuple(_weeks(reader, asked, group)),
        everyone=everyone,
        nights=nights,
        cohorts=tuple(_cohorts(reader, asked)),
        has_nights=any(row["night"] != NO_NIGHT for row in nights),
    )


def _students(reader: Reader, asked: _Asked) -> tuple[Student, ...]:
    """Everybody of the group, who is in the class first, then by risk and name."""
    reasons: dict[str, list[Reason]] = defaultdict(list)
    for row in asked.rows(
        "marts.student_reasons", "student_id", "code", "sentence", order="student_id, reason_rank"
    ):
        reasons[row["student_id"]].append(Reason(row["code"], row["sentence"]))
    weeks: dict[str, list[WeekScore]] = defaultdict(list)
    for row in asked.rows(
        "marts.student_health_weekly",
        *("student_id", "week_ends_on", "measured_on", "score", "tier", "is_complete"),
        order="student_id, week_number",
    ):
        weeks[row.pop("student_id")].append(WeekScore(**row))
    done = {
        row["student_id"]: row
        for row in asked.rows("marts.student_completion", "student_id", "completed", "assignments")
    }
    contacts = contacts_by_student(reader)
    found = []
    for row in asked.rows(
        "marts.student_health",
        *("student_id", "first_name", "last_name", "email", "night", "mentor", "is_enrolled"),
        *("is_finished", "tier", "previous_tier", "n_a_reason", "score", "class_score"),
        *("risk_rank", "call_list", "is_newly_called", "days_silent", "days_behind"),
        *("start_assignment_id", "start_assignment_name", "start_days_waiting"),
        order="is_enrolled DESC, risk_rank NULLS LAST, last_name, first_name, student_id",
    ):
        id_ = row["student_id"]
        work = done.get(id_, {})
        found.append(
            Student(
                name=_name(row),
                completed=work.get("completed", 0),
                assignments=work.get("assignments", 0),
                start_id=row.pop("start_assignment_id"),
                start_name=row.pop("start_assignment_name"),
                start_days=row.pop("start_days_waiting"),
                reasons=tuple(reasons[id_]),
                weeks=tuple(weeks[id_][-WEEKS_SHOWN:]),
                contacts=tuple(contacts.get(id_, ())),
                **{key: row[key] for key in row if key not in ("first_name", "last_name")},
            )
        )
    return tuple(found)


def _name(row: Row) -> str:
    """The full name; the id of who has none. Where names are hidden the first one is the alias."""
    return " ".join(filter(None, (row["first_name"], row["last_name"]))) or row["student_id"]


def _called(everyone: tuple[Student, ...]) -> dict[str | None, tuple[Student, ...]]:
    """The call lists, each in the order of the students."""
    lists: dict[str | None, tuple[Student, ...]] = defaultdict(tuple)
    for student in everyone:
        lists[student.call_list] += (student,)
    return lists


def _mentors(everyone: tuple[Student, ...]) -> str | None:
    """Who takes the night, as its students have it."""
    return next((student.mentor for student in everyone if student.mentor), None)


def _recovered(asked: _Asked, everyone: tuple[Student, ...]) -> Iterator[Recovery]:
    """Who got better in the running or the last complete week, and is on no call list."""
    well = {student.student_id: student for student in everyone if student.call_list is None}
    seen = set()
    for row in asked.rows(
        "marts.student_events",
        *("student_id", "event", "sentence"),
        where="is_recent AND is_enrolled AND event IN ('recovered', 'back_after_silence')",
        order="event DESC, last_name, first_name, student_id",
    ):
        student = well.get(row["student_id"])
        if student is not None and student.student_id not in seen:
            seen.add(student.student_id)
            yield Recovery(
                student.student_id, student.name, student.night, row["event"], row["sentence"]
            )


def _stuck(asked: _Asked) -> list[Row]:
    return asked.rows(
        "marts.stuck_students",
        *("assignment_id", "student_id", "first_name", "last_name", "days_waiting"),
        order="days_waiting DESC, last_name, first_name, student_id",
    )


def _places(asked: _Asked, stuck: list[Row]) -> Iterator[StuckPlace]:
    who: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in stuck:
        who[row["assignment_id"]].append((_name(row), row["days_waiting"]))
    for row in asked.rows(
        "marts.night_blockers" if asked.of_night else "marts.blockers",
        *("assignment_id", "assignment_name", "section", "reached", "stuck", "skipped", "graded"),
        *("low_grades", "median_days_waiting", "reason_codes"),
        where=f"blocker_rank <= {PLACES_SHOWN:d}",
        order="blocker_rank",
    ):
        yield StuckPlace(**row, who=tuple(who[row["assignment_id"]]))


def _reviews(asked: _Asked) -> list[Review]:
    """Work that waits for a review, the longest first."""
    rows = asked.rows(
        "marts.review_queue",
        *("student_id", "first_name", "last_name", "assignment_name"),
        *("days_waiting", "is_overdue"),
        order="review_rank, student_id",
    )
    return [
        Review(
            row["student_id"],
            _name(row),
            row["assignment_name"],
            row["days_waiting"],
            row["is_overdue"],
        )
        for row in rows
    ]


def _weeks(reader: Reader, asked: _Asked, group: Group) -> Iterator[WeekProgress]:
    others = {
        row["week_ends_on"]: row["other_classes_completion_rate"]
        for row in reader.rows(
            "marts.cohort_comparison",
            ("week_ends_on", "other_classes_completion_rate"),
            where="class_id = ? AND is_complete",
            parameters=[group.class_id],
        )
    }
    for row in asked.rows(
        "marts.night_progress" if asked.of_night else "marts.progress_over_time",
        *("iso_week", "week_starts_on", "week_ends_on", "measured_on", "is_complete"),
        *("completions", "active_students", "enrolled_students", "cumulative_completion_rate"),
        order="week_number",
    ):
        ends_on = row.pop("week_ends_on")
        rate = row.pop("cumulative_completion_rate")
        yield WeekProgress(**row, completion_rate=rate, others_rate=others.get(ends_on))


def _nights(asked: _Asked) -> list[Row]:
    """The nights of a class side by side."""
    return asked.rows(
        "marts.night_summary",
        *("night", "mentor", "students", "active_students", "stuck_students", "critical_students"),
        *("high_students", "mean_score", "completion_rate", "open_reviews", "overdue_reviews"),
        order="night",
    )


def _cohorts(reader: Reader, asked: _Asked) -> list[Row]:
    """For a lead: every class in its newest week that is over, at the same columns."""
    if asked.of_night:
        return []
    rows = reader.rows(
        "marts.cohort_comparison",
        (
            *("class_id", "class_name", "week_in_program", "enrolled_students", "active_rate"),
            *("cumulative_completion_rate", "at_risk_rate", "other_classes_completion_rate"),
        ),
        where="is_complete",
        order="class_name, class_id, week_in_program",
    )
    return list({row["class_id"]: row for row in rows}.values())


def _aware(moment: Any) -> datetime | None:
    """A UTC time of the tables as an aware one."""
    return None if moment is None else moment.replace(tzinfo=UTC)
