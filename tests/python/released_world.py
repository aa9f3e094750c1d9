"""A small invented world with fixed dates: what the raw stores of released layouts were read from.

`tests/python/released/raw_layout_1.sql` is a dump of the `raw.db` that version 0.1.0, the commit
49fb671, made of it: `python tests/python/released_world.py DIRECTORY > DUMP`, with that version's
package and tests in `PYTHONPATH`, runs the syncs of all stages.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support import Bench, Classes, stamp

STAGES = 4
"""How far the world lived on: a sync was made at each stage."""

_START = datetime(2026, 3, 2, 18, tzinfo=UTC)
_PEOPLE = ("Ada Arden", "Bo Brook", "Cy Clay", "Di Dale", "Eve Elm", "Flo Fern")
_ROSTER = """class,email,first_name,last_name,region,night,role,started_on,left_on
friendly-c1,ada@example.org,Ada,Arden,North,Monday,student,2026-03-01,
friendly-c1,bo@example.org,Bo,Brook,South,Monday,student,2026-03-01,{left_on}
friendly-c1,cy@example.org,Cy,Clay,South,Tuesday,staff,,
friendly-c1,di@example.org,Di,Dale,North,Tuesday,student,not a date,
"""
_MENTORS = "mentor,night,email\nMo Mentor,Monday,mo@example.org\n"


def _record(class_id: str, number: int, *, done: bool = True, **fields: Any) -> dict[str, Any]:
    first, last = _PEOPLE[number % len(_PEOPLE)].split()
    task = number // len(_PEOPLE)
    started = _START + timedelta(days=task, hours=number % len(_PEOPLE))
    completed = started + timedelta(hours=2)
    return {
        "_id": {"$oid": f"{class_id}{number:022x}"},
        "user": {
            "id": f"user-{first.lower()}",
            "first_name": first,
            "last_name": last,
            "email": f"{first.lower()}@example.org",
        },
        "assignment": {
            "id": f"{class_id}-task-{task}",
            "name": f"Task {task}",
            "type": "quiz" if task % 3 == 2 else "lesson",
        },
        "grade": (number % 10) / 10 if done else None,
        "started_assignment_at": stamp(started),
        "completed_assignment_at": stamp(completed) if done else None,
        "reviewed_at": stamp(completed + timedelta(days=1)) if number % 4 == 0 and done else None,
        **fields,
    }


def world(stage: int = STAGES - 1) -> Classes:
    """What the server shows at a stage, from 0; the last one unless told otherwise."""
    first = [_record("c1", number) for number in range(30)]
    first += [_record("c1", number, done=False) for number in range(30, 36)]
    second = [_record("c2", number) for number in range(12)]
    first.append(_record("c1", 90, grade="full marks"))  # rejected at every stage
    if stage >= 1:
        first[29]["grade"] = 0.95  # graded anew
        first[31] |= {"completed_assignment_at": stamp(_START + timedelta(days=8)), "grade": 0.7}
        first.append(_record("c1", 36, done=False))
        second.append(_record("c2", 12, note="a field that nobody knows"))
    if stage != 2:
        first.append(_record("c1", 91))  # removed at stage 2, and back at stage 3
    if stage >= 2:
        del first[3]  # removed for good
        for raw in first:
            if raw["user"]["id"] == "user-eve":
                raw["user"] = raw["user"] | {"last_name": "Ash"}
    if stage >= 3:
        second.append(_record("c2", 13, user=None))  # rejected
    found = Classes(c1=first, c2=second)
    tasks = [f"c1-task-{number}" for number in range(4 if stage == 0 else 6)]
    found.units = [
        {"name": "Start", "assignments": tasks[:3]},
        {"name": "Next", "assignments": tasks[3:]},
    ]
    return found


def files(home: Path, stage: int = STAGES - 1) -> dict[str, str]:
    """Write roster and mentors as they were at a stage; the settings that name them."""
    (home / "roster.csv").write_text(_ROSTER.format(left_on="2026-03-07" if stage else ""))
    (home / "mentors.csv").write_text(_MENTORS)
    return {"roster": str(home / "roster.csv"), "mentors": str(home / "mentors.csv")}


def _make(home: Path) -> None:
    """Sync every stage with the package at hand, and print the store."""
    home.mkdir(parents=True)
    with Bench(home, source=world(0), options={"class_id": "c1,c2"}) as bench:
        for stage in range(STAGES):
            bench.source.__dict__.update(vars(world(stage)))
            report = bench.sync(full=stage in (0, 2, 3), **files(home, stage))
            print(stage, [error.message for error in report.errors], file=sys.stderr)
        bench.misbehave("status=404,times=always,on=/progressions")
        bench.sync(only=("c2",))  # a run that failed
        with closing(sqlite3.connect(bench.raw)) as db:
            (layout,) = db.execute("PRAGMA user_version").fetchone()
            print(*db.iterdump(), f"PRAGMA user_version = {layout};", sep="\n")


if __name__ == "__main__":
    _make(Path(sys.argv[1]))
