"""Real courses through the real pipeline: sandbox server, sync with roster, dbt, warehouse."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from cohort_tracker.sandbox import SandboxServer, load_data_dir

from ..environment import clean_environment

PARTS = ("completion_share", "grade_share", "recency_share", "timeliness_share")


@dataclass(frozen=True)
class Learner:
    """One student of one class at one moment, and what became of them.

    The parts are those of the score; None where one does not apply. `tier` may be `n_a`.
    """

    score: float
    tier: str
    parts: tuple[float | None, ...]
    failed: bool


@dataclass(frozen=True)
class Moment:
    """A class at a share of its length, known by the last week that ended before."""

    class_id: str
    share: float
    week_end: str
    learners: tuple[Learner, ...]


def build(data: Path, work: Path) -> tuple[Path, list[str]]:
    """Serve the directory, sync it with its enrolments as the roster.

    Returns the warehouse, and the e-mail address of each enrolment in their order.
    """
    work.mkdir(parents=True, exist_ok=True)
    world = load_data_dir(data)
    world.write_roster(work / "roster.csv")
    with SandboxServer(world) as server:
        environment = clean_environment(
            work,
            COHORT_TRACKER_EMAIL=server.desk.email,
            COHORT_TRACKER_PASSWORD=server.desk.password or "",
            COHORT_TRACKER_API_BASE=server.url,
            COHORT_TRACKER_DATA_DIR=str(work / "data"),
            COHORT_TRACKER_ROSTER=str(work / "roster.csv"),
            COHORT_TRACKER_PAGE_DELAY="0",
        )
        done = subprocess.run(
            [sys.executable, "-m", "cohort_tracker", "sync", "--full", "--json"],
            env=environment,
            cwd=work,
            stdout=subprocess.PIPE,
            check=False,
        )
    if done.returncode != 0:
        said = json.loads(done.stdout or b"{}")
        raise SystemExit(f"the sync failed: {said.get('error') or said.get('classes')}")
    return work / "data" / "warehouse.duckdb", [row.email.lower() for row in world.roster]


def moments(
    data: Path, warehouse: Path, emails: list[str], shares: tuple[float, ...]
) -> list[Moment]:
    """Each class at each share of its length, with the students who were in it then."""
    enrolled = list(zip(emails, _read(data, "enrollments"), strict=True))
    with duckdb.connect(str(warehouse), read_only=True) as tables:
        return [
            _moment(
                tables, room, share, [e for e in enrolled if e[1]["class_id"] == room["class_id"]]
            )
            for room in sorted(_read(data, "classes"), key=lambda row: row["class_id"])
            for share in shares
        ]


def _moment(
    tables: duckdb.DuckDBPyConnection,
    room: dict[str, str],
    share: float,
    enrolled: list[tuple[str, dict[str, str]]],
) -> Moment:
    start, end = _time(room["starts_at"]), _time(room["ends_at"])
    assert start is not None and end is not None
    moment = start + (end - start) * share
    # the last day that is over at that moment
    last_day = (moment - timedelta(days=1)).date()
    week_end, *_ = _one(
        tables,
        "select max(week_ends_on) from marts.student_health_weekly"
        " where class_id = ? and week_ends_on <= ?",
        [room["class_id"], last_day],
    )
    rows = tables.execute(
        "select lower(students.email), weekly.score, weekly.tier,"
        f" {', '.join('weekly.' + part for part in PARTS)}"
        " from marts.student_health_weekly as weekly"
        " join core.students as students on weekly.student_id = students.id"
        " where weekly.class_id = ? and weekly.week_ends_on = ?",
        [room["class_id"], week_end],
    ).fetchall()
    known = {row[0]: row[1:] for row in rows}
    learners = []
    for email, enrolment in enrolled:
        joined, left = _time(enrolment["registered_at"]), _time(enrolment["unregistered_at"])
        if (joined and joined > moment) or (left and left <= moment):
            continue
        failed = enrolment["at_risk"] == "1"
        # who joined or left between the end of the week and the moment has no score
        score, tier, *parts = known.get(email, (None, "n_a", *(None for _ in PARTS)))
        learners.append(Learner(-1.0 if score is None else score, tier, tuple(parts), failed))
    return Moment(room["class_id"], share, str(week_end), tuple(learners))


def _read(data: Path, name: str) -> list[dict[str, str]]:
    packed = data / f"{name}.csv.gz"
    if packed.exists():
        with gzip.open(packed, "rt", encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    with (data / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _one(tables: duckdb.DuckDBPyConnection, sql: str, parameters: list[object]) -> tuple[str, ...]:
    found = tables.execute(sql, parameters).fetchone()
    if found is None or found[0] is None:
        raise SystemExit(f"no week of {parameters[0]} before {parameters[1]}")
    return found


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=None) if text else None
