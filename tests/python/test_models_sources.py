"""What staging takes from the raw store: of several APIs side by side, and to the last row."""

from pathlib import Path
from typing import Any

from cohorts import cohort_tables
from raw_fixture import write_raw_db
from warehouse_fixture import build_warehouse, rows, run_dbt


def test_second_source_with_the_same_ids_is_told_apart(tmp_path: Path):
    tables = {**cohort_tables(), "roster": []}
    twice = {
        table: [*found, *({**row, "source": "other"} for row in found)]
        for table, found in tables.items()
    }
    warehouse = build_warehouse(write_raw_db(tmp_path / "twice" / "raw.db", twice).parent)
    questions = {
        "classes": "select id, name from core.classes",
        "students": "select id, first_name, last_name, email from core.students",
        "assignments": "select id, name, type from core.assignments",
        "progressions": "select id, class_id, student_id, assignment_id, grade, completed_at"
        " from core.progressions",
        "curriculum": "select class_id, assignment_id, position from core.curriculum",
        "enrollments": "select class_id, student_id from core.enrollments",
        "student_health": "select class_id, student_id, score from marts.student_health",
    }
    prefix = "other:"
    for table, sql in questions.items():
        halves: dict[bool, list[tuple[Any, ...]]] = {False: [], True: []}
        for row in rows(warehouse, sql):
            is_other = next(iter(row.values())).startswith(prefix)
            values = [v.removeprefix(prefix) if isinstance(v, str) else v for v in row.values()]
            halves[is_other].append(tuple(values))
        assert halves[True], table
        assert sorted(halves[True], key=repr) == sorted(halves[False], key=repr), table
    ids = {row["id"] for row in rows(warehouse, "select id from core.progressions")}
    known = {row["record_id"] for row in tables["progressions"]}
    assert ids <= known | {prefix + key for key in known}, "those of the first are as they were"
    assert rows(warehouse, "select distinct source from core.classes where id like 'other:%'") == [
        {"source": "other"}
    ]


def test_last_row_of_a_full_row_group_is_read(tmp_path: Path):
    """DuckDB's SQLite reader misses it when several threads read."""
    count = 122_880
    records = [
        {"class_id": "c", "record_id": str(n), "user_id": "u", "assignment_id": "a"}
        for n in range(count)
    ]
    data_dir = write_raw_db(tmp_path / "raw.db", {"progressions": records}).parent
    done = run_dbt(data_dir, "run", "--select", "stg_raw__progression_versions")
    assert done.returncode == 0, done.stdout
    (warehouse,) = data_dir.glob("*.duckdb")
    found = rows(warehouse, "select count(*) as n from staging.stg_raw__progression_versions")
    assert found == [{"n": count}]
