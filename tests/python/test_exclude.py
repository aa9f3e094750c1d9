"""The setting `exclude`: staff and test accounts are in no count, and stay in raw.db."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.config import load_settings
from cohort_tracker.errors import ConfigError
from raw_fixture import write_raw_db
from support import Bench, record
from warehouse_fixture import run_dbt


def account(bench: Bench, number: int, first: str, last: str, email: str | None) -> None:
    user = {"id": f"extra-{number}", "first_name": first, "last_name": last, "email": email}
    bench.source.records.append(record(7000 + number, days_ago=1, user=user))


@pytest.fixture
def staffed(bench: Bench) -> Bench:
    """A class read with an account of school.org."""
    bench.server.desk.email = "me@school.org"
    return bench


def enrolled(bench: Bench) -> set[str]:
    return {row[0] for row in bench.core("SELECT student_id FROM core.enrollments")}


def test_setting_takes_accounts_out_of_the_classes_and_its_change_builds_anew(bench: Bench):
    account(bench, 1, "Test", "Student", "t@school.org")
    account(bench, 2, "Course", "Team", None)
    account(bench, 3, "Testa", "Rossi", "s@notschool.org")
    stored = len(bench.source.records)
    patterns = "@SCHOOL.org, course team"
    assert bench.sync(build=True, exclude=patterns).exit_code == 0
    students = enrolled(bench)
    assert "extra-3" in students and not students & {"extra-1", "extra-2"}
    assert len(bench.in_force()) == stored, "raw.db has them"
    assert bench.core("SELECT count(*) FROM core.progressions") == [(stored,)]
    report = bench.sync(build=True, exclude=patterns)
    assert report.warehouse is not None and report.warehouse.skipped is not None
    report = bench.sync(build=True, exclude="Test*")
    assert report.warehouse is not None and report.warehouse.skipped is None
    assert students ^ enrolled(bench) == {"extra-2", "extra-3"}
    report = bench.sync(build=True)
    assert report.warehouse is not None and report.warehouse.skipped is None
    assert enrolled(bench) == students | {"extra-1", "extra-2"}, "an emptied list leaves nobody out"
    assert bench.query("SELECT file_version, line, pattern FROM exclusions") == [
        (1, 1, "@SCHOOL.org"),
        (1, 2, "course team"),
        (2, 1, "Test*"),
        (3, 1, None),
    ]


def test_models_leave_out_whom_the_patterns_fit(tmp_path: Path):
    raw = write_raw_db(tmp_path / "data" / "raw.db", {})
    selected = ["stg_files__exclusions", "roster_lines", "enrollments"]
    done = run_dbt(raw.parent, "run", "--select", *(f"+{name}" for name in selected))
    assert done.returncode == 0, done.stdout
    only = [f"{name},test_type:unit" for name in selected]
    done = run_dbt(raw.parent, "test", "--select", *only)
    assert done.returncode == 0, done.stdout


def notes(bench: Bench, **options: Any) -> list[str]:
    done = bench.command("sync", "--no-build", **options)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if "may be no students" in line]


def test_first_sync_of_a_class_names_likely_staff_once_and_leaves_nobody_out(staffed: Bench):
    account(staffed, 1, "Test", "Student", None)
    account(staffed, 2, "Course", "Team", "team@else.org")
    account(staffed, 3, "Testa", "Teamer", "t@else.org")
    account(staffed, 4, "Ana", "Silva", "ana@SCHOOL.org")
    account(staffed, 5, "Bo", "Berg", "bo@school.org")
    account(staffed, 6, 'My "Demo"', "\\", None)
    (note,) = notes(staffed)
    assert "Class c1: these may be no students" in note
    keys = {'"Test Student"', '"team@else.org"', '"bo@school.org"'}
    keys.add('"ana@SCHOOL.org"')
    keys.add(r'"My \"Demo\" \\"')
    assert set(note.rpartition("exclude = [")[2].removesuffix("]").split(", ")) == keys
    assert "Course Team <team@else.org>" in note
    assert staffed.query("SELECT count(*) FROM exclusions") == [(0,)]
    assert notes(staffed) == [], "told once"


@pytest.mark.parametrize(
    ("colleagues", "others", "named"), [(3, 9, True), (4, 11, False), (5, 15, True), (6, 30, False)]
)
def test_accounts_of_the_own_domain_are_named_where_they_are_few(
    staffed: Bench, colleagues: int, others: int, named: bool
):
    staffed.source.records.clear()
    for number in range(colleagues + others):
        domain = "school.org" if number < colleagues else "example.org"
        account(staffed, number, "Ana", f"Nr {number}", f"{number}@{domain}")
    assert bool(notes(staffed)) is named


def test_whom_the_setting_names_already_is_not_named_again(staffed: Bench):
    account(staffed, 1, "Test", "Student", "t@else.org")
    account(staffed, 2, "Course", "Team", "team@school.org")
    assert notes(staffed, exclude="test student,@School.org") == []


def test_setting_is_a_list_and_may_hold_blanks(tmp_path: Path):
    config = tmp_path / "settings.toml"
    config.write_text('exclude = ["me@example.org", " Course Team "]\n')
    config.chmod(0o600)
    assert load_settings(config, {}).exclude == ("me@example.org", "Course Team")
    found = load_settings(environ={"COHORT_TRACKER_EXCLUDE": "a@b.c, Course Team\n@d.e,"})
    assert found.exclude == ("a@b.c", "Course Team", "@d.e")


@pytest.mark.parametrize("value", ["*", "@", "*@*", "* *", "@*.*"])
def test_pattern_that_fits_everybody_is_refused(value: str):
    with pytest.raises(ConfigError, match="would leave everybody out"):
        load_settings(environ={"COHORT_TRACKER_EXCLUDE": f"me@example.org,{value}"})


def test_forgotten_person_goes_from_the_stored_setting(bench: Bench):
    excluded = "S3@example.org,Ada Nr 3,other@example.org"
    bench.sync(exclude=excluded)
    done = bench.command("forget", "student-3", "--yes", exclude=excluded)
    assert done.returncode == 0
    assert 'The setting exclude names the person ("S3@example.org", "Ada Nr 3")' in done.stdout
    assert bench.query("SELECT pattern FROM exclusions WHERE pattern IS NOT NULL") == [
        ("other@example.org",)
    ]
    bench.sync(exclude="S3@example.org,other@example.org")
    assert b"3@example.org" not in bench.raw.read_bytes()
