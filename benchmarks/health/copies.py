"""Changed copies of the courses, each class under a name of its own, to be synced beside others.

The names are those of the class, a dot and what was changed: `AAA-2013J.break-25`.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, time, timedelta

from .tables import NAMES, Row, Tables, is_in_class, moment_of, time_of, week_end_before

BREAK = timedelta(weeks=3)
DRAWN = 40
_TIMES = {
    "classes": ("ends_at",),
    "assignments": ("due_at",),
    "enrollments": ("registered_at", "unregistered_at"),
    "progressions": ("started_at", "completed_at", "reviewed_at"),
}


def copies(tables: Tables, shares: Iterable[float], draws: int) -> Tables:
    """All changed copies: a break at each share, no grades, only best grades, drawn classes."""
    found: Tables = {name: [] for name in NAMES}
    for place, room in enumerate(tables["classes"]):
        mine = _of_class(tables, room["class_id"])
        for share in shares:
            _add(found, with_break(mine, share), break_name(share))
        _add(found, with_grades(mine, lambda _: ""), "no-grades")
        _add(found, with_grades(mine, lambda grade: grade and "1"), "best-grades")
        for number in range(draws):
            # a seed of its own: more draws change none of these
            seed = random.Random(1000 * place + number)
            _add(found, drawn(mine, min(shares), seed), f"draw-{number:02d}")
    return found


def break_name(share: float) -> str:
    """What the copy with a break at this share of the class is called after the dot."""
    return f"break-{100 * share:.0f}"


def with_break(tables: Tables, share: float) -> Tables:
    """One class in which all that came after the week before the moment comes three weeks later."""
    [room] = tables["classes"]
    last_day = week_end_before(moment_of(room, share))
    pause = datetime.combine(last_day, time.max)

    def later(text: str) -> str:
        moment = time_of(text)
        if moment is None or moment <= pause:
            return text
        return (moment + BREAK).replace(tzinfo=UTC).isoformat()

    return {
        name: [
            {**row, **{field: later(row[field]) for field in _TIMES[name] if field in row}}
            for row in rows
        ]
        for name, rows in tables.items()
    }


def with_grades(tables: Tables, grade: Callable[[str], str]) -> Tables:
    """The same work with other grades."""
    graded = [{**row, "grade": grade(row["grade"])} for row in tables["progressions"]]
    return {**tables, "progressions": graded}


def drawn(tables: Tables, share: float, seed: random.Random) -> Tables:
    """The class as if only 40 of those had been there who were in it at this share of it."""
    [room] = tables["classes"]
    moment = moment_of(room, share)
    there = [row["student_id"] for row in tables["enrollments"] if is_in_class(row, moment)]
    chosen = set(seed.sample(there, min(DRAWN, len(there))))
    return {
        name: [row for row in rows if "student_id" not in row or row["student_id"] in chosen]
        for name, rows in tables.items()
    }


def _of_class(tables: Tables, class_id: str) -> Tables:
    return {
        name: [row for row in rows if row["class_id"] == class_id] for name, rows in tables.items()
    }


def _add(found: Tables, changed: Tables, name: str) -> None:
    for table, rows in changed.items():
        found[table] += [_renamed(row, name) for row in rows]


def _renamed(row: Row, name: str) -> Row:
    """Records and assignments belong to one class: their ids follow it."""
    ids = ("class_id", "assignment_id", "progression_id")
    return {**row, **{field: f"{row[field]}.{name}" for field in ids if field in row}}


def by_change(class_ids: Iterable[str]) -> dict[str, list[str]]:
    """The copies by what was changed in them; all draws together."""
    found: dict[str, list[str]] = defaultdict(list)
    for class_id in class_ids:
        change = class_id.rpartition(".")[2]
        found["draws" if change.startswith("draw-") else change].append(class_id)
    return found
