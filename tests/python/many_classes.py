"""Thirty small classes: running and over, one that pauses, and somebody who is in two of them."""

from __future__ import annotations

from typing import Any

from verdict_cohort import Cohort, every, store, students

CLASSES = 30
OVER = (5, 17, 23)
PAUSED = 8
TWICE = "both@example.org"


def class_name(number: int) -> str:
    """What the classes are called; not in the order of their need."""
    return f"class-{number:02}"


def many_tables() -> dict[str, list[dict[str, Any]]]:
    """The raw tables; classes began up to nine weeks ago, and have nobody to call or some."""
    tables = store([_made(number) for number in range(CLASSES)])
    for record in tables["progressions"]:
        if record["user_email"].partition("@")[0] == "both":
            record |= {"user_id": "both", "user_email": TWICE}
    for row in tables["classes"]:
        row["name"] = f"Pathway {row['friendly_id']}, evenings"
    return tables


def _made(number: int) -> Cohort:
    cohort = Cohort(class_name(number), range(1, 31))
    since = 10 + 7 * (number % 7)
    if number in OVER:
        days = every(3, since=140 + number, until=80)
    elif number == PAUSED:
        days = every(3, since=58, until=12)
    else:
        days = every(2, since=since, until=1)
    cohort.follow(students(6), days)
    for quiet in range(number * 5 % 7):
        cohort.follow(f"quiet{quiet}", days[: max(1, len(days) // 3)])
    if number in (2, 3):
        cohort.follow("both", days[: len(days) // 3])
    return cohort
