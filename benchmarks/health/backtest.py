"""Built as of an earlier day, do the tables say what the weekly history says of that day?"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from cohort_tracker.warehouse.build import project_dir

from ..environment import clean_environment
from .courses import Built
from .tables import moment_of, read_table, week_end_before

SHARES = (0.25, 0.5, 0.75)

# Rows that one build has and the other has not, or of which they tell other things; and those of
# them whose class began on the same day in both. A class begins when a tenth of those who have
# done something by the moment of the build have done so: later builds know of more.
_DIFFERING = """
    with began as (
        select there.class_id
        from ({then_began}) as there
        inner join ({now_began}) as here
            on there.class_id = here.class_id
            and there.begins_on is not distinct from here.begins_on
    )
    select
        count(*),
        count(case when {columns} then 1 end),
        count(case when ({columns}) and class_id in (select class_id from began) then 1 end)
    from ({then}) as there
    full outer join ({now}) as here using ({key})
"""
_BEGAN = "select distinct class_id, begins_on from {database}.core.enrollments"
_KEY = ("class_id", "student_id", "week_ends_on")
_WEEKLY = (
    f"select {', '.join(_KEY)}, {{columns}} from {{database}}.marts.student_health_weekly"
    " where tier <> 'n_a' and week_ends_on {until} '{day}'"
)
_VERDICTS = {"columns": "score, tier", "until": "<="}
_VERDICTS_OF_THE_WEEK = {"columns": "score, tier", "until": "="}
# The week that ends on that day is still running then: its call lists follow another rule, and
# its events are yet to come.
_CALL_LISTS = {"columns": "call_list", "until": "<"}
# what a mentor would have read on that day, beside what the history says of its week
_LATEST = (
    "select class_id, student_id, date '{day}' as week_ends_on, score, tier"
    " from {database}.marts.student_health where tier <> 'n_a'"
)
_EVENTS = (
    "select class_id, event_key, sentence from {database}.marts.student_events"
    " where event not in ('newly_stuck', 'never_started') and week_starts_on < date '{day}' - 6"
)


@dataclass(frozen=True)
class _Comparison:
    """Two queries, of the earlier build and of the full one; the key and the columns compared."""

    then: str
    now: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


def _of_weeks(what: dict[str, str]) -> str:
    """The weekly query for these weeks and columns; day and database are still open."""
    return _WEEKLY.format(**what, day="{day}", database="{database}")


_COMPARISONS = {
    "verdicts so far": _Comparison(
        _of_weeks(_VERDICTS), _of_weeks(_VERDICTS), _KEY, ("score", "tier")
    ),
    "verdicts of the day": _Comparison(
        _LATEST, _of_weeks(_VERDICTS_OF_THE_WEEK), _KEY, ("score", "tier")
    ),
    "call lists so far": _Comparison(
        _of_weeks(_CALL_LISTS), _of_weeks(_CALL_LISTS), _KEY, ("call_list",)
    ),
    "events so far": _Comparison(_EVENTS, _EVENTS, ("class_id", "event_key"), ("sentence",)),
}


def backtest(built: Built, work: Path, dates: int) -> list[dict[str, Any]]:
    """Build the tables as of the last so many of three Sundays; count what differs from now."""
    return [
        {"as_of": f"{day}", **_compared(built, work / f"{day}", day)}
        for day in _days(built)[-dates:]
    ]


def _days(built: Built) -> list[date]:
    """The ends of weeks at a quarter, half and three quarters of the time from first to last."""
    rooms = read_table(built.folder, "classes")
    span = {
        "class_id": "all",
        "starts_at": min(room["starts_at"] for room in rooms),
        "ends_at": max(room["ends_at"] for room in rooms),
    }
    return [week_end_before(moment_of(span, share)) for share in SHARES]


def _compared(built: Built, work: Path, day: date) -> dict[str, Any]:
    warehouse = _build(built, work, day)
    with duckdb.connect(str(built.warehouse), read_only=True) as tables:
        tables.execute(f"attach '{warehouse}' as earlier (read_only)")
        own = tables.execute("select current_database()").fetchone()
        assert own is not None
        return {
            name: _count(tables, comparison, day, own[0])
            for name, comparison in _COMPARISONS.items()
        }


def _count(
    tables: duckdb.DuckDBPyConnection, comparison: _Comparison, day: date, own: str
) -> dict[str, int]:
    columns = comparison.columns
    sql = _DIFFERING.format(
        # a null may be right: whether there is a row at all is told by the class in it
        columns=" or ".join(
            f"there.{name} is distinct from here.{name}" for name in ("class_id", *columns)
        ),
        then=comparison.then.format(database="earlier", day=day),
        now=comparison.now.format(database=own, day=day),
        then_began=_BEGAN.format(database="earlier"),
        now_began=_BEGAN.format(database=own),
        key=", ".join(comparison.key),
    )
    found = tables.execute(sql).fetchone()
    assert found is not None
    return dict(zip(("rows", "differing", "differing_of_same_begin"), found, strict=True))


def _build(built: Built, work: Path, day: date) -> Path:
    """Build and test as of the end of that day, in a folder of its own, from the same raw store."""
    work.mkdir(parents=True, exist_ok=True)
    project = str(project_dir())
    moment = f"{day}T23:59:59"
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbt")), "--quiet", "build"),
            *("--selector", "sync", "--vars", json.dumps({"as_of": moment})),
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", str(work / "target"), "--log-path", str(work / "logs")),
        ],
        env=clean_environment(
            work,
            COHORT_TRACKER_DATA_DIR=str(work),
            COHORT_TRACKER_RAW_DB=str(built.data_dir / "raw.db"),
        ),
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"the build as of {day} failed: {done.stdout}{done.stderr}")
    return work / "dev.duckdb"
