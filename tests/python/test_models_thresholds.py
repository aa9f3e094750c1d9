"""Other thresholds than the defaults: the project builds, and its unit tests still hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.project import project_vars
from cohort_tracker.thresholds import default_thresholds
from cohorts import cohort_tables
from raw_fixture import write_raw_db
from warehouse_fixture import rows, run_dbt


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a raw store."""
    data = tmp_path_factory.mktemp("thresholds") / "data"
    write_raw_db(data / "raw.db", cohort_tables())
    return data


def other(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, float):
        return round(value + 0.01, 2)
    if isinstance(value, int):
        return value + 1
    if isinstance(value, list):
        return []
    texts = {"": "2026-03-01T00:00:00", "UTC": "Asia/Tokyo", "2000-01-01": "2001-01-01"}
    return texts[value]


def test_whole_build_passes_with_other_thresholds(data_dir: Path):
    done = run_dbt(data_dir, "build", "--vars", "{stuck_days: 10, passing_grade: 0.6}")
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = rows(data_dir / "dev.duckdb", "select thresholds from core.build")
    given = {"stuck_days": 10, "passing_grade": 0.6}
    assert json.loads(built["thresholds"]) == {**default_thresholds(), **given}
    low = "select min(grade) as grade from core.student_assignments where is_passed"
    assert rows(data_dir / "dev.duckdb", low) == [{"grade": 0.69}]


def test_whole_build_passes_as_of_another_moment(data_dir: Path):
    done = run_dbt(data_dir, "build", "--vars", "{as_of: 2026-03-01T00:00:00}")
    assert done.returncode == 0, done.stdout + done.stderr
    found = rows(data_dir / "dev.duckdb", "select distinct as_of from core.classes")
    assert [str(row["as_of"]) for row in found] == ["2026-03-01 00:00:00"]


def test_no_unit_test_depends_on_the_vars_of_the_build(data_dir: Path):
    """Each variable has another value here, so a unit test that does not fix its own fails."""
    defaults = project_vars()
    others = {name: other(value) for name, value in defaults.items()}
    assert not {name for name in defaults if others[name] == defaults[name]}
    done = run_dbt(
        data_dir, "build", "--exclude-resource-type", "test", "--vars", json.dumps(others)
    )
    assert done.returncode == 0, done.stdout + done.stderr
