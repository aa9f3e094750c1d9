"""Core and marts on a made-up cohort, compared with an independent computation of every number."""

from collections import Counter
from datetime import date, datetime, timedelta
from statistics import mean

import pytest

from cohorts import cohort_tables
from raw_fixture import roster_id, write_raw_db
from recomputed import Recomputed
from warehouse_fixture import build_warehouse, rows

MIDWAY = datetime(2026, 3, 1, 23, 59, 59)  # a Sunday


@pytest.fixture(scope="module")
def tables():
    return cohort_tables()


@pytest.fixture(scope="module")
def data_dir(tables, tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("cohort")
    write_raw_db(data_dir / "raw.db", tables)
    return data_dir


@pytest.fixture(scope="module")
def now(tables, data_dir):
    """Today's warehouse with its recomputation."""
    warehouse = build_warehouse(data_dir)
    kept = warehouse.rename(data_dir / "now.duckdb")
    return kept, Recomputed(tables)


@pytest.fixture(scope="module")
def midway(tables, data_dir, now):
    """The same records rebuilt as of an earlier moment, with its recomputation."""
    warehouse = build_warehouse(data_dir, as_of=MIDWAY.isoformat())
    return warehouse, Recomputed(tables, as_of=MIDWAY)


@pytest.fixture(params=["now", "midway"])
def built(request):
    return request.getfixturevalue(request.param)


def test_core_holds_every_record_in_force(built):
    warehouse, expected = built
    found = rows(warehouse, "select * from core.progressions")
    fields = {
        "id": "record_id",
        "class_id": "class_id",
        "student_id": "user_id",
        "assignment_id": "assignment_id",
        "grade": "grade",
        "started_at": "started_at",
        "completed_at": "completed_at",
        "reviewed_at": "reviewed_at",
        "version_no": "version_no",
    }
    key = lambda row: (row["class_id"], row["id"])  # noqa: E731
    wanted = [{column: r[field] for column, field in fields.items()} for r in expected.records]
    assert sorted(({c: row[c] for c in fields} for row in found), key=key) == sorted(
        wanted, key=key
    )


def test_students_and_assignments_are_one_row_each(built):
    warehouse, expected = built
    students = rows(warehouse, "select * from core.students")
    from_api = {r["user_id"] for r in expected.records}
    assert {s["id"] for s in students if s["has_progressions"]} == from_api
    assert {s["id"] for s in students if not s["has_progressions"]} == {
        roster_id("idle@example.org"),
        roster_id("late@example.org"),
        roster_id("tomorrow@example.org"),
        roster_id("paper", "only name"),
    }
    assert not [s["id"] for s in students if s["id"].startswith("roster:") and "@" in s["id"]]
    assignments = {a["id"] for a in rows(warehouse, "select * from core.assignments")}
    listed = {
        u["assignment_id"] for u in expected.tables["class_units"] if u["units_hash"] == "new"
    }
    assert assignments == {r["assignment_id"] for r in expected.records} | listed


def test_enrollments(built):
    warehouse, expected = built
    found = {
        (e["class_id"], e["student_id"]): {
            k: e[k] for k in ("enrolled_on", "left_on", "has_started", "is_enrolled")
        }
        for e in rows(warehouse, "select * from core.enrollments")
    }
    fields = ("enrolled_on", "left_on", "has_started", "is_enrolled")
    assert found == {k: {f: e[f] for f in fields} for k, e in expected.enrollments.items()}


def test_curriculum_order(built):
    warehouse, expected = built
    found: dict[str, list[str]] = {c: [] for c in expected.curriculum}
    for row in rows(warehouse, "select * from core.curriculum order by class_id, position"):
        found[row["class_id"]].append(row["assignment_id"])
    assert found == expected.curriculum


def test_states_of_every_pair(built):
    warehouse, expected = built
    fields = ("state", "grade", "is_passed", "is_reached", "is_skipped", "is_stuck")
    found = {
        (r["class_id"], r["student_id"], r["assignment_id"]): {f: r[f] for f in fields}
        for r in rows(warehouse, "select * from core.student_assignments")
    }
    assert found == {k: {f: v[f] for f in fields} for k, v in expected.pairs.items()}
    # the cohort must exercise what it is there for
    assert (
        {True, False}
        == {v["is_stuck"] for v in found.values()}
        == {v["is_skipped"] for v in found.values()}
    )


def test_completion_marts(built):
    warehouse, expected = built
    for table, part in (("assignment_completion", 2), ("student_completion", 1)):
        counts = Counter((k[0], k[part], v["state"]) for k, v in expected.pairs.items())
        id_column = ("class_id", "student_id", "assignment_id")[part]
        for row in rows(warehouse, f"select * from marts.{table}"):
            key = row["class_id"], row[id_column]
            states = {s: counts[*key, s] for s in ("completed", "in_progress", "not_started")}
            assert {s: row[s] for s in states} == states, key
            if total := sum(states.values()):
                assert row["completion_rate"] == pytest.approx(states["completed"] / total)


def test_class_summary(built):
    warehouse, expected = built
    summary = {r["class_id"]: r for r in rows(warehouse, "select * from marts.class_summary")}
    assert set(summary) == set(expected.as_of)
    for class_id, row in summary.items():
        pairs = [v for k, v in expected.pairs.items() if k[0] == class_id]
        grades = [p["grade"] for p in pairs if p["grade"] is not None]
        members = [
            e for (c, _), e in expected.enrollments.items() if c == class_id and e["has_started"]
        ]
        assert row["students"] == len(members)
        assert row["students_left"] == sum(not e["is_enrolled"] for e in members)
        assert row["assignments"] == len(expected.curriculum[class_id])
        assert row["completions"] == sum(p["state"] == "completed" for p in pairs)
        assert row["average_grade"] == (pytest.approx(mean(grades)) if grades else None)
        waiting = [p for p in pairs if p["state"] == "completed" and not p["record"]["reviewed_at"]]
        assert row["open_reviews"] == len(waiting)
    assert summary["west"]["class_name"] == "web-2"
    assert summary["units"]["class_name"] == "Web 1"
    assert summary["paper"]["students"] == 2


def test_blockers(built):
    warehouse, expected = built
    ranked: dict[str, list[tuple[float, int]]] = {}
    for row in rows(warehouse, "select * from marts.blockers order by class_id, blocker_rank"):
        key = row["class_id"], row["assignment_id"]
        pairs = [v for k, v in expected.pairs.items() if (k[0], k[2]) == key]
        for column in ("reached", "stuck", "skipped"):
            assert row[column] == sum(p[f"is_{column}"] for p in pairs), (key, column)
        low = sum(p["grade"] is not None and p["grade"] < 0.7 for p in pairs)
        assert row["low_grades"] == low
        assert row["status"] == ("ranked" if row["reached"] >= 5 else "n_a")
        if row["status"] == "ranked":
            ranked.setdefault(row["class_id"], []).append((-row["stuck_rate"], -row["stuck"]))
    assert ranked
    assert all(order == sorted(order) for order in ranked.values())


def test_progress_over_time(built):
    warehouse, expected = built
    for class_id in ("units", "west"):
        found = rows(
            warehouse,
            "select * from marts.progress_over_time "
            f"where class_id = '{class_id}' order by week_number",
        )
        days = Counter(
            expected.day(class_id, v["record"]["completed_at"])
            for k, v in expected.pairs.items()
            if k[0] == class_id and v["state"] == "completed"
        )
        for row in found:
            week = [row["week_starts_on"] + timedelta(days=n) for n in range(7)]
            assert row["completions"] == sum(days[d] for d in week)
            year, number, _ = row["week_starts_on"].isocalendar()
            assert row["iso_week"] == f"{year}-W{number:02}"
        starts = [row["week_starts_on"] for row in found]
        assert starts == [starts[0] + timedelta(weeks=n) for n in range(len(starts))]
        today = expected.today(class_id)
        assert starts[-1] <= today < starts[-1] + timedelta(weeks=1)


def test_health_is_the_same_by_brute_force_in_every_week(built):
    warehouse, expected = built
    weekly: dict[tuple[str, date], dict[str, float]] = {}
    for row in rows(warehouse, "select * from marts.student_health_weekly where score is not null"):
        weekly.setdefault((row["class_id"], row["measured_on"]), {})[row["student_id"]] = row[
            "score"
        ]
    assert len(weekly) > 10
    for (class_id, day), scores in weekly.items():
        assert scores == pytest.approx(expected.health(class_id, day), abs=0.0501), (class_id, day)


def test_rebuild_of_an_earlier_moment_gives_what_the_weekly_table_says_of_it(now, midway):
    query = "select student_id, score, tier from {} where class_id = 'units' and {} order by 1"
    then = rows(midway[0], query.format("marts.student_health", "score is not null"))
    weekly = rows(
        now[0],
        query.format(
            "marts.student_health_weekly",
            f"week_ends_on = '{MIDWAY:%Y-%m-%d}' and score is not null",
        ),
    )
    assert len(then) > 15
    assert then == weekly


def test_changes_are_told_field_by_field(now):
    warehouse, expected = now
    changes = Counter(c["field"] for c in rows(warehouse, "select * from core.progression_changes"))
    removed = {
        (r["class_id"], r["record_id"])
        for r in expected.tables["progressions"]
        if r.get("is_removed")
    }
    assert changes["record"] == len(removed)
    assert changes["grade"] > 0
    assert changes["completed_at"] > 0
    assert set(changes) <= {"record", "grade", "completed_at"}


def test_stale_class_gets_no_verdict(now):
    warehouse, _ = now
    health = rows(
        warehouse, "select tier, reasons from marts.student_health where class_id = 'unlisted'"
    )
    assert health == [{"tier": "n_a", "reasons": "data is stale"}]
