"""Records of several APIs side by side in one warehouse."""

from pathlib import Path
from typing import Any

from cohorts import cohort_tables
from raw_fixture import write_raw_db
from warehouse_fixture import build_warehouse, rows


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
