"""Tables of an earlier moment say of each week what the history of the full build says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import duckdb
import pytest

from cohorts import Tables
from planned_cohort import planned_tables
from raw_fixture import with_schedule_file, write_raw_db
from verdict_cohort import store
from verdict_cohorts import all_cases
from warehouse_fixture import run_dbt

# The last second of a week in UTC, not yet so in Los Angeles and over in Kathmandu.
SUNDAY = datetime(2026, 3, 1, 23, 59, 59)

COHORTS: dict[str, tuple[Callable[[], Tables], datetime]] = {
    "dirty, one of them on a schedule": (lambda: planned_tables(7), SUNDAY),
    "told at a glance": (lambda: store(all_cases()), SUNDAY),
}

# Later work may show that a class began on another day than it seemed to: a tenth of more students
# is more.
SAME_BEGIN = """
    select before.id as class_id
    from (select distinct class_id as id, begins_on from early.core.class_students) as before
    inner join (select distinct class_id as id, begins_on from late.core.class_students) as after
        on before.id = after.id and before.begins_on = after.begins_on
"""
OVER = "select class_id, week_ends_on from early.core.class_weeks where is_complete"


def as_short(name: str) -> str:
    """A name as the id of a test."""
    return name.split(",")[0].replace(" ", "-")


@pytest.fixture(scope="module", params=COHORTS, ids=as_short)
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables as of an earlier moment and those of now, on one connection."""
    make, as_of = COHORTS[request.param]
    directory = tmp_path_factory.mktemp("as_of")
    with duckdb.connect() as connection:
        for name, moment in (("early", as_of.isoformat()), ("late", "")):
            write_raw_db(directory / name / "raw.db", with_schedule_file(make()))
            done = run_dbt(directory / name, "run", as_of=moment)
            assert done.returncode == 0, done.stdout + done.stderr
            connection.execute(f"attach '{directory / name / 'dev.duckdb'}' as {name} (read_only)")
        yield connection


def differing(connection: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    """The rows that a query finds in one of the two only."""
    found = []
    for one, other in (("early", "late"), ("late", "early")):
        both_ways = f"{query.format(at=one)} except all {query.format(at=other)}"
        found += [(one, *row) for row in connection.execute(both_ways).fetchall()]
    return found


def test_weeks_are_those_of_the_full_history(both: duckdb.DuckDBPyConnection):
    weeks = f"""
        select * exclude (is_latest, is_enrolled)
        from {{at}}.marts.student_health_weekly
        where class_id in ({SAME_BEGIN})
        and (class_id, week_ends_on) in ({OVER})
    """
    counted = both.execute(
        f"select count(*), count(call_list), count(distinct tier) from ({weeks.format(at='early')})"
    ).fetchall()
    [(rows, called, tiers)] = counted
    assert rows > 300 and called > 20 and tiers == 5
    assert not differing(both, weeks)


def test_verdicts_of_the_day_are_those_of_the_full_history(both: duckdb.DuckDBPyConnection):
    names = """class_id, student_id, measured_on, score, class_score, tier, is_peer, is_finished,
        completion_share, grade_share, recency_share, timeliness_share, expected_assignments,
        completed_expected_assignments, last_completed_on, days_silent, excess_silence"""
    judged = f"""
        class_id in ({SAME_BEGIN}) and score is not null and measured_on = date '{SUNDAY.date()}'
        and class_id in (select id from early.core.classes where timezone = 'UTC')
    """
    day = f"select {names} from early.marts.student_health where {judged}"
    history = f"""
        select {names} from late.marts.student_health_weekly
        where {judged}
    """
    assert len(both.execute(day).fetchall()) > 15
    for one, other in ((day, history), (history, day)):
        assert not both.execute(f"{one} except all {other}").fetchall()


def test_events_are_those_of_the_full_history(both: duckdb.DuckDBPyConnection):
    # who is stuck or never started now is so at another moment only, and recent is what is so then
    events = f"""
        select * exclude (is_enrolled, is_recent)
        from {{at}}.marts.student_events
        where class_id in ({SAME_BEGIN})
        and event not in ('newly_stuck', 'never_started')
        and (class_id, week_starts_on + 6) in ({OVER})
    """
    counted = both.execute(
        f"select count(*), count(distinct event) from ({events.format(at='early')})"
    ).fetchall()
    [(rows, kinds)] = counted
    assert rows > 20 and kinds >= 4
    assert not differing(both, events)


def test_a_class_begins_on_another_day_only_where_more_students_came(
    both: duckdb.DuckDBPyConnection,
):
    found = both.execute("""
        select class_id, before.begins_on, after.begins_on
        from (select distinct class_id, begins_on from early.core.enrollments) as before
        inner join (select distinct class_id, begins_on from late.core.enrollments) as after
            using (class_id)
        where before.begins_on is distinct from after.begins_on
    """).fetchall()
    assert all(before is None or before < after for _, before, after in found), found
    moved = {class_id for class_id, before, _ in found if before}
    # two looked in six weeks before all others
    assert moved <= {"two_birds_of_twenty_one"}
