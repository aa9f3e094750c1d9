"""All routes that answer with rows: one list decides what there is, and what it tells of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

PREFIX = "/api/v1"


@dataclass(frozen=True)
class Route:
    """A path, and the table whose rows it answers with.

    Args:
        path: with `{class_id}` the rows of one class, with `{student_id}` of one student in it.
        table: by name with schema.
        title: what it answers, in a few words.
        sort: the order where nobody asks for another; `-` is downwards.
        columns: what is shown, where it is not every column.
        night_table: the table to read where `night` is asked for.
        day: the column that `since` and `until` are about.
        is_one: whether it answers with one row, and 404 where there is none.
        parts: tables whose rows are told beside the one row, by the name they get.
        is_named: whether each row gets the assignment's name, type and section.
    """

    path: str
    table: str
    title: str
    sort: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    night_table: str | None = None
    day: str | None = None
    is_one: bool = False
    parts: Mapping[str, str] = field(default_factory=dict)
    is_named: bool = False

    @property
    def name(self) -> str:
        """A name of its own, for the schema: `StudentHealth`."""
        if self.path == _CLASS:
            return "Class"
        path = self.path.removeprefix(f"{_CLASS}/").removeprefix("metrics/")
        path = path.replace("students/{student_id}", "student")
        return "".join(word.title() for part in path.split("/") for word in part.split("-"))

    @property
    def file_name(self) -> str:
        """What a file of its rows is called: `student-health`."""
        return re.sub(r"(?<!^)([A-Z])", r"-\1", self.name).lower()


_CLASS = "/classes/{class_id}"
_STUDENT_COLUMNS = (
    *("class_id", "class_name", "student_id", "student_name", "first_name", "last_name", "email"),
    *("region", "night", "mentor", "role", "enrolled_on", "is_late_joiner", "left_on"),
    *("has_started", "has_left", "is_enrolled"),
)
_ASSIGNMENT_COLUMNS = (
    *("class_id", "class_name", "assignment_id", "assignment_name", "assignment_type", "section"),
    *("position", "is_inferred"),
)
_OF_PAIRS = (
    *("class_id", "student_id", "assignment_id", "is_assigned", "position", "is_optional"),
    *("due_on", "state", "attempts", "progression_id", "grade", "started_at", "completed_at"),
    *("reviewed_at", "is_passed", "is_awaiting_review", "is_skipped", "is_waiting"),
    *("waiting_since_on", "days_waiting", "is_stuck"),
)
_METRICS = f"{_CLASS}/metrics"
_STUDENT = f"{_CLASS}/students/{{student_id}}"
_BY_NAME = ("last_name", "first_name")

ROUTES: tuple[Route, ...] = (
    Route("/build", "core.build", "Which build of the tables this is", is_one=True),
    Route("/classes", "marts.class_summary", "All classes, running and over", ("class_name",)),
    Route("/mentors", "core.mentors", "Who takes which night", ("night_key", "mentor")),
    Route(_CLASS, "marts.class_summary", "One class in one row", is_one=True),
    Route(
        f"{_CLASS}/progress-summary",
        "marts.class_summary",
        "How a class or one of its nights stands, in one row",
        night_table="marts.night_summary",
        is_one=True,
    ),
    Route(
        f"{_CLASS}/students",
        "core.class_students",
        "Who is in the class",
        _BY_NAME,
        _STUDENT_COLUMNS,
        day="enrolled_on",
    ),
    Route(
        f"{_CLASS}/assignments",
        "marts.assignment_completion",
        "What there is to do, in its order",
        ("position", "assignment_name"),
        _ASSIGNMENT_COLUMNS,
    ),
    Route(
        f"{_CLASS}/progressions",
        "core.progressions",
        "Each piece of work as the API of the classes has it",
        ("-completed_at",),
        day="completed_at",
    ),
    Route(
        f"{_METRICS}/completion",
        "marts.assignment_completion",
        "How far each assignment is completed",
        ("position", "assignment_name"),
        night_table="marts.night_assignment_completion",
    ),
    Route(
        f"{_METRICS}/blockers",
        "marts.blockers",
        "Where students are stuck, the worst first",
        ("blocker_rank", "position"),
        night_table="marts.night_blockers",
    ),
    Route(
        f"{_METRICS}/stuck-students",
        "marts.stuck_students",
        "Who is stuck where, and for how long",
        ("-days_waiting",),
        day="waiting_since_on",
    ),
    Route(
        f"{_METRICS}/student-health",
        "marts.student_health",
        "Who needs help and why, the most urgent first",
        ("risk_rank",),
        day="last_completed_on",
    ),
    Route(
        f"{_METRICS}/student-signals",
        "marts.student_signals",
        "What each student's standing is judged by",
        ("student_id", "signal"),
    ),
    Route(
        f"{_METRICS}/student-reasons",
        "marts.student_reasons",
        "Why students need help, in the order to say it",
        ("student_id", "reason_rank"),
    ),
    Route(
        f"{_METRICS}/student-activity",
        "marts.student_completion",
        "When each student last did anything, the longest ago first",
        ("-days_since_last_activity",),
        day="last_activity_on",
    ),
    Route(
        f"{_METRICS}/health-weekly",
        "marts.student_health_weekly",
        "Each student's score week by week",
        ("week_number", "student_id"),
        day="week_ends_on",
    ),
    Route(
        f"{_METRICS}/events",
        "marts.student_events",
        "What changed with whom, the newest first",
        ("-week_starts_on", "event"),
        day="week_starts_on",
    ),
    Route(
        f"{_METRICS}/review-queue",
        "marts.review_queue",
        "Completed work that waits for a review, the longest first",
        ("review_rank",),
        day="completed_at",
    ),
    Route(
        f"{_METRICS}/progress-over-time",
        "marts.progress_over_time",
        "How the class moves, week by week",
        ("week_number",),
        night_table="marts.night_progress",
        day="week_starts_on",
    ),
    Route(f"{_METRICS}/nights", "marts.night_summary", "Nights side by side", ("night",)),
    Route(
        f"{_METRICS}/cohorts",
        "marts.cohort_comparison",
        "The class beside the others, by week in the program",
        ("week_in_program",),
        day="week_ends_on",
    ),
    Route(
        f"{_METRICS}/activity",
        "marts.activity_pattern",
        "On which weekday and at which hour the class works",
        ("weekday", "hour"),
    ),
    Route(
        f"{_METRICS}/grade-distribution",
        "marts.grade_distribution",
        "How the grades are spread",
        ("band",),
        night_table="marts.night_grade_distribution",
    ),
    Route(
        f"{_METRICS}/sections",
        "marts.section_completion",
        "How far each student is in each section",
        ("section_position", "student_id"),
    ),
    Route(
        f"{_METRICS}/types",
        "marts.type_completion",
        "How far each student is in each type of assignment",
        ("assignment_type", "student_id"),
    ),
    Route(
        _STUDENT,
        "marts.student_completion",
        "One student: work, health, reasons, signals",
        is_one=True,
        parts={
            "health": "marts.student_health",
            "reasons": "marts.student_reasons",
            "signals": "marts.student_signals",
        },
    ),
    Route(
        f"{_STUDENT}/assignments",
        "core.student_assignments",
        "One student on each assignment",
        ("position", "assignment_id"),
        _OF_PAIRS,
        day="completed_at",
        is_named=True,
    ),
    Route(
        f"{_STUDENT}/weeks",
        "marts.student_health_weekly",
        "One student's score week by week",
        ("week_number",),
        day="week_ends_on",
    ),
    Route(
        f"{_STUDENT}/sections",
        "marts.section_completion",
        "How far one student is in each section",
        ("section_position",),
    ),
    Route(
        f"{_STUDENT}/types",
        "marts.type_completion",
        "How far one student is in each type of assignment",
        ("assignment_type",),
    ),
    Route(
        f"{_STUDENT}/events",
        "marts.student_events",
        "What changed with one student, the newest first",
        ("-week_starts_on", "event"),
        day="week_starts_on",
    ),
)
