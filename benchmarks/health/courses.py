"""Real courses through the real pipeline: sandbox server, sync with roster, dbt, warehouse."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from cohort_tracker.sandbox import SandboxServer, load_data_dir

from ..environment import clean_environment
from .tables import Row, is_in_class, moment_of, read_table, week_end_before

PARTS = ("completion_share", "grade_share", "recency_share", "timeliness_share")


@dataclass(frozen=True)
class Learner:
    """One student of one class at one moment, and what became of them.

    The parts are those of the score; None where one does not apply. `tier` may be `n_a`.
    """

    score: float
    tier: str
    call_list: str | None
    parts: tuple[float | None, ...]
    failed: bool


@dataclass(frozen=True)
class Moment:
    """A class at a share of its length, known by the last week that ended before."""

    class_id: str
    share: float
    week_end: str
    learners: tuple[Learner, ...]


@dataclass(frozen=True)
class Built:
    """A synced folder: its data directory, and the e-mail address of each enrolment in order."""

    folder: Path
    data_dir: Path
    emails: list[str]

    @property
    def warehouse(self) -> Path:
        """The published tables."""
        return self.data_dir / "warehouse.duckdb"


def build(folder: Path, work: Path) -> Built:
    """Serve the folder, sync it with its enrolments as the roster.

    A warehouse that is already in `work` is taken as it is.
    """
    work.mkdir(parents=True, exist_ok=True)
    world = load_data_dir(folder)
    built = Built(folder, work / "data", [row.email.lower() for row in world.roster])
    if built.warehouse.exists():
        print(f"Taken as it is: {built.warehouse}")
        return built
    world.write_roster(work / "roster.csv")
    with SandboxServer(world) as server:
        environment = clean_environment(
            work,
            COHORT_TRACKER_EMAIL=server.desk.email,
            COHORT_TRACKER_PASSWORD=server.desk.password or "",
            COHORT_TRACKER_API_BASE=server.url,
            COHORT_TRACKER_DATA_DIR=str(built.data_dir),
            COHORT_TRACKER_ROSTER=str(work / "roster.csv"),
            COHORT_TRACKER_PAGE_DELAY="0",
        )
        with (work / "sync.log").open("wb") as log:
            done = subprocess.run(
                [sys.executable, "-m", "cohort_tracker", "sync", "--full", "--json"],
                env=environment,
                cwd=work,
                stdout=subprocess.PIPE,
                stderr=log,
                check=False,
            )
    if done.returncode != 0:
        said = json.loads(done.stdout or b"{}")
        raise SystemExit(f"the sync failed: {said.get('error') or said.get('classes')}")
    return built


def moments(built: Built, shares: Sequence[float]) -> list[Moment]:
    """Each class at each share of its length, with the students who were in it then."""
    enrolled: dict[str, list[tuple[str, Row]]] = defaultdict(list)
    rows = read_table(built.folder, "enrollments")
    for email, enrolment in zip(built.emails, rows, strict=True):
        enrolled[enrolment["class_id"]].append((email, enrolment))
    rooms = sorted(read_table(built.folder, "classes"), key=lambda row: row["class_id"])
    with duckdb.connect(str(built.warehouse), read_only=True) as tables:
        return [
            _moment(tables, room, share, enrolled[room["class_id"]])
            for room in rooms
            for share in shares
        ]


def _moment(
    tables: duckdb.DuckDBPyConnection, room: Row, share: float, enrolled: list[tuple[str, Row]]
) -> Moment:
    moment = moment_of(room, share)
    week_end = week_end_before(moment)
    rows = tables.execute(
        "select lower(email), score, tier, call_list,"
        f" {', '.join(PARTS)} from marts.student_health_weekly"
        " where class_id = ? and week_ends_on = ?",
        [room["class_id"], week_end],
    ).fetchall()
    if not rows:
        raise SystemExit(f"class {room['class_id']} has no week that ends on {week_end}")
    known = {row[0]: row[1:] for row in rows}
    learners = []
    for email, enrolment in enrolled:
        if not is_in_class(enrolment, moment):
            continue
        # who joined or left between the end of the week and the moment has no score
        nothing = (None, "n_a", None, *(None for _ in PARTS))
        score, tier, call_list, *parts = known.get(email, nothing)
        learners.append(
            Learner(
                score=-1.0 if score is None else score,
                tier=tier,
                call_list=call_list,
                parts=tuple(parts),
                failed=enrolment["at_risk"] == "1",
            )
        )
    return Moment(room["class_id"], share, str(week_end), tuple(learners))
