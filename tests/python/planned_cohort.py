"""The made-up cohorts and one class more, whose plan is a schedule with dates per night."""

import random
from datetime import date, timedelta
from typing import Any

from cohorts import SYNCED_AT, Tables, add_progressions, cohort_tables
from raw_fixture import run

CLASS_ID = "planned"
STUDENTS = 24


def planned_tables(seed: int) -> Tables:
    """Return the cohorts of a seed, and a class on three nights of which one has its own dates."""
    rng = random.Random(f"planned {seed}")
    tables = cohort_tables(seed)
    tables["classes"].append(
        {"class_id": CLASS_ID, "friendly_id": "web-9", "name": "Planned", "units_hash": "new"}
    )
    tables["sync_runs"].append(run(CLASS_ID, SYNCED_AT, timezone="Asia/Kathmandu"))
    # the units know fewer lessons, in another order
    tables["class_units"] += [
        {
            "class_id": CLASS_ID,
            "units_hash": "new",
            "position": position,
            "section_position": 1 + position // 5,
            "section_name": None if position // 5 == 1 else f"Part {1 + position // 5}",
            "assignment_id": f"{CLASS_ID}-{13 - position}",
        }
        for position in range(1, 12)
    ]
    add_progressions(rng, tables, CLASS_ID, STUDENTS)
    first_line = 2 + len(tables["roster"])
    tables["roster"] += [
        {"line": line, "file_version": 2, "class": CLASS_ID, **_roster_line(rng, number)}
        for line, number in enumerate(range(STUDENTS + 3), start=first_line)
    ]
    tables["schedule"] = [
        {"line": line, "class_id": CLASS_ID, **entry}
        for line, entry in enumerate(_schedule(rng), start=2)
    ]
    return tables


def _roster_line(rng: random.Random, number: int) -> dict[str, Any]:
    # the last three are on paper only
    user = f"u{number}" if number % 5 == 0 else f"{CLASS_ID}-u{number}"
    line: dict[str, Any] = {
        "email": f"{user}@example.org" if number < STUDENTS else f"paper{number}@example.org",
        "night": [None, "Monday", "TUESDAY", "Tuesday", "Thursday"][number % 5],
    }
    if number % 6 == 1:
        line["left_on"] = date(2026, 1, 20) + timedelta(days=rng.randrange(80))
    if number % 4 == 2:
        line["started_on"] = date(2026, 1, 5) + timedelta(days=rng.choice([0, 14, 15, 16, 40]))
    return line


def _schedule(rng: random.Random) -> list[dict[str, Any]]:
    """Return lines for everybody, then for one night, then some that speak of neither."""
    lessons = [1, 3, 2, 4, 5, 6, 8, 7, 9, 10, 12]
    everybody = [
        _line(
            lesson,
            due_on=date(2026, 1, 14) + timedelta(days=9 * place) if place % 4 == 1 else None,
            is_optional=lesson in (5, 12),
        )
        for place, lesson in enumerate(lessons)
    ]
    tuesday = [
        _line(
            lesson,
            night="tuesday",
            due_on=date(2026, 2, 1) + timedelta(days=rng.choice([3, 10, 11]) * lesson),
            is_optional=lesson == 4,
        )
        for lesson in (2, 4, 5, 9)
    ]
    # a lesson for one night only, and a second line for a lesson that has one
    return [*everybody, *tuesday, _line(11, night="Tuesday"), _line(1, is_optional=True)]


def _line(
    lesson: int, night: str | None = None, due_on: date | None = None, is_optional: bool = False
) -> dict[str, Any]:
    return {
        "assignment_id": f"{CLASS_ID}-{lesson}",
        "night": night,
        "due_on": due_on,
        "is_optional": is_optional,
    }
