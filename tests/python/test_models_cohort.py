"""Core on a made-up cohort, compared with an independent computation of every number."""

from collections import Counter
from datetime import datetime

import pytest

from cohorts import cohort_tables
from raw_fixture import roster_id, write_raw_db
from recomputed import Recomputed
from recomputed_marts import Marts
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
    beside: dict[str, set[str]] = {c: set() for c in expected.curriculum}
    for row in rows(warehouse, "select * from core.curriculum order by class_id, position"):
        if row["is_assigned"]:
            found[row["class_id"]].append(row["assignment_id"])
        else:
            beside[row["class_id"]].add(row["assignment_id"])
    assert found == expected.curriculum
    assert beside == {c: set(names) for c, names in expected.off_plan.items()}


def test_states_of_every_pair(built):
    warehouse, expected = built
    places = Marts(expected, set()).waiting.places
    states, where = ("state", "grade", "is_passed"), ("is_reached", "is_skipped", "is_stuck")
    found = {
        (r["class_id"], r["student_id"], r["assignment_id"]): {f: r[f] for f in states + where}
        for r in rows(warehouse, "select * from core.student_assignments where is_assigned")
    }
    assert found == {
        k: {f: v[f] for f in states} | {f: places[k][f] for f in where}
        for k, v in expected.pairs.items()
    }
    # the cohort must exercise what it is there for
    assert (
        {True, False}
        == {v["is_stuck"] for v in found.values()}
        == {v["is_skipped"] for v in found.values()}
    )


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
