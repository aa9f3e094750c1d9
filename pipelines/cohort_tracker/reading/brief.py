"""Reading what there is to say about a group.

Everything is a row of the marts. Nothing is computed here but the order, and what belongs to whom.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .briefing import Briefing, Recovery, Review, StuckPlace, Student, Waiting, WeekProgress
from .reader import Reader, Row
from .scope import NO_NIGHT, Group
from .students import Asked, full_name, students_of

REVIEWS_SHOWN = 5
PLACES_SHOWN = 5


def brief(reader: Reader, group: Group) -> Briefing:
    """Read what there is to say about a group.

    Raises NotAllowedError where the viewer may not see its students.
    """
    asked = Asked(reader, group)
    [summary] = reader.rows(
        "marts.class_summary", where="class_id = ?", parameters=[group.class_id]
    )
    everyone = students_of(reader, asked)
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


def figures(reader: Reader, group: Group) -> Briefing:
    """What there is to say about a whole class to those who see no students."""
    asked = Asked(reader, group)
    [summary] = reader.rows(
        "marts.class_summary", where="class_id = ?", parameters=[group.class_id]
    )
    return Briefing(
        group=group,
        mentors=None,
        timezone=summary["timezone"],
        as_of=_aware(summary["as_of"]),
        is_stale=summary["is_stale"],
        paused_since=summary["paused_since_on"],
        students=summary["students"],
        judged=0,
        places=tuple(_places(asked, [])),
        stuck_students=summary["stuck_students"],
        weeks=tuple(_weeks(reader, asked, group)),
        cohorts=tuple(_cohorts(reader, asked)),
    )


def _called(everyone: tuple[Student, ...]) -> dict[str | None, tuple[Student, ...]]:
    """The call lists, each in the order of the students."""
    lists: dict[str | None, tuple[Student, ...]] = defaultdict(tuple)
    for student in everyone:
        lists[student.call_list] += (student,)
    return lists


def _mentors(everyone: tuple[Student, ...]) -> str | None:
    """Who takes the night, as its students have it."""
    return next((student.mentor for student in everyone if student.mentor), None)


def _recovered(asked: Asked, everyone: tuple[Student, ...]) -> Iterator[Recovery]:
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


def _stuck(asked: Asked) -> list[Row]:
    return asked.rows(
        "marts.stuck_students",
        *("assignment_id", "student_id", "first_name", "last_name", "days_waiting"),
        order="days_waiting DESC, last_name, first_name, student_id",
    )


def _places(asked: Asked, stuck: list[Row]) -> Iterator[StuckPlace]:
    who: dict[str, list[Waiting]] = defaultdict(list)
    for row in stuck:
        who[row["assignment_id"]].append(
            Waiting(row["student_id"], full_name(row), row["days_waiting"])
        )
    for row in asked.rows(
        "marts.night_blockers" if asked.of_night else "marts.blockers",
        *("assignment_id", "assignment_name", "section", "reached", "stuck", "skipped", "graded"),
        *("low_grades", "median_days_waiting", "reason_codes"),
        where=f"blocker_rank <= {PLACES_SHOWN:d}",
        order="blocker_rank",
    ):
        yield StuckPlace(**row, who=tuple(who[row["assignment_id"]]))


def _reviews(asked: Asked) -> list[Review]:
    """Work that waits for a review, the longest first."""
    rows = asked.rows(
        "marts.review_queue",
        *("student_id", "first_name", "last_name", "assignment_id", "assignment_name"),
        *("days_waiting", "is_overdue"),
        order="review_rank, student_id",
    )
    return [
        Review(
            row["student_id"],
            full_name(row),
            row["assignment_id"],
            row["assignment_name"],
            row["days_waiting"],
            row["is_overdue"],
        )
        for row in rows
    ]


def _weeks(reader: Reader, asked: Asked, group: Group) -> Iterator[WeekProgress]:
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


def _nights(asked: Asked) -> list[Row]:
    """The nights of a class side by side."""
    return asked.rows(
        "marts.night_summary",
        *("night", "mentor", "students", "active_students", "stuck_students", "critical_students"),
        *("high_students", "mean_score", "completion_rate", "open_reviews", "overdue_reviews"),
        order="night",
    )


def _cohorts(reader: Reader, asked: Asked) -> list[Row]:
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
