"""The schedule and mentors files from the settings to core, over the real command."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.config import load_settings
from cohort_tracker.errors import ConfigError
from cohort_tracker.sandbox import World
from cohort_tracker.sources.files.tables import read_mentors, read_schedule
from support import Bench, Classes, classes, record

# The class c1 of `support.classes` works on task-0 ("Task 0") to task-6.
SCHEDULE = """\
class,assignment,due_on,optional,night
friendly-c1,task-2,2026-03-05,no,
c1,Task 0,,YES,
FRIENDLY-C1,Task 0,2026-03-09,,Monday
c1,Task 9,,,
nowhere,Task 1,,,
c1,Task 1,5 March,,
c1,Task 1,,maybe,
c1,task-0,,,
c1,,,,
"""
TOLD = {
    5: "no assignment of the class has this id or name (one that nobody has started is known by"
    " its id only): Task 9",
    6: "no class has this id or friendly id: nowhere",
    9: "line 3 speaks for this assignment already: task-0",
}
LEFT_OUT = {
    7: "due_on: '5 March' is no date like 2025-09-01",
    8: "optional: 'maybe' is neither yes nor no",
    10: "assignment is empty",
}


@pytest.fixture
def scheduled(tmp_path: Path) -> Iterator[Bench]:
    """A bench whose settings name a schedule file."""
    path = tmp_path / "schedule.csv"
    path.write_text(SCHEDULE)
    with Bench(tmp_path, classes(), options={"schedule": path}) as bench:
        yield bench


def synced(bench: Bench) -> str:
    done = bench.command("sync")
    assert done.returncode == 0, done.stderr
    return done.stderr


def lines_in_force(bench: Bench) -> list[tuple[Any, ...]]:
    return bench.core(
        "SELECT line, class_id, assignment_id, night_key, cast(due_on as varchar), is_optional"
        " FROM core.schedule_lines ORDER BY line"
    )


def test_schedule_reaches_core_and_what_does_not_count_is_told(scheduled: Bench):
    path = scheduled.home / "schedule.csv"
    told = synced(scheduled)
    for line, reason in LEFT_OUT.items():
        assert told.count(f"{path}: line {line} left out: {reason}") == 1
    for line, reason in TOLD.items():
        assert told.count(f"{path}: line {line} does not count: {reason}\n") == 1
    assert lines_in_force(scheduled) == [
        (2, "c1", "task-2", "", "2026-03-05", False),
        (3, "c1", "task-0", "", None, True),
        (4, "c1", "task-0", "monday", "2026-03-09", False),
    ]
    assert scheduled.core(
        "SELECT record_id FROM core.rejected_records WHERE read_from = 'file:schedule' ORDER BY 1"
    ) == [("10",), ("7",), ("8",)]
    again = synced(scheduled)
    assert all(f"line {line} does not count" in again for line in TOLD), "nothing was built"
    status = json.loads(scheduled.command("status", "--json").stdout)
    assert status["file_problems"] == [
        f"{path}: line {line} does not count: {reason}" for line, reason in TOLD.items()
    ]
    assert "line 6 does not count" in " ".join(scheduled.command("status").stdout.split())


def test_schedule_is_kept_in_versions(scheduled: Bench):
    path = scheduled.home / "schedule.csv"

    def stored() -> list[tuple[Any, ...]]:
        return scheduled.query(
            "SELECT file_version, count(*), sum(optional) FROM schedule GROUP BY 1 ORDER BY 1"
        )

    scheduled.sync()
    scheduled.sync()
    assert stored() == [(1, 6, 1)]
    path.write_text("class,assignment,optional\nc1,task-1,yes\n")
    scheduled.sync()
    assert stored() == [(1, 6, 1), (2, 1, 1)]
    path.write_text("class,assignment,optional\nc1,task-1,no\n")
    scheduled.sync()
    assert stored() == [(1, 6, 1), (2, 1, 1), (3, 1, 0)]
    path.write_text("class,task\nc1,task-1\n")
    report = scheduled.sync(build=True)
    assert report.error is not None and "'assignment' is missing" in report.error.message
    assert len(stored()) == 3
    assert [line[2] for line in lines_in_force(scheduled)] == ["task-1"]


def test_emptied_schedule_is_none(scheduled: Bench):
    path = scheduled.home / "schedule.csv"
    scheduled.sync()
    path.write_text("class,assignment,due_on\n")
    scheduled.sync()
    scheduled.sync(build=True)
    assert lines_in_force(scheduled) == []
    versions = "SELECT file_version, count(*) FROM schedule GROUP BY 1 ORDER BY 1"
    assert scheduled.query(versions) == [(1, 6), (2, 1)]
    path.write_text("class,assignment,due_on\nc1,Task 1,soon\n")
    scheduled.sync()
    assert scheduled.query(versions) == [(1, 6), (2, 1)], "a file of bad lines only changes nothing"
    path.write_text(SCHEDULE)
    scheduled.sync(build=True)
    assert len(lines_in_force(scheduled)) == 3


def test_many_lines_that_do_not_count_are_told_in_short(scheduled: Bench):
    lines = "".join(f"c1,missing {number},\n" for number in range(12))
    (scheduled.home / "schedule.csv").write_text("class,assignment,due_on\n" + lines)
    told = synced(scheduled)
    assert told.count(" does not count: ") == 5
    assert "schedule.csv: 7 more lines do not count; core.file_problems says why" in told


def test_schedule_survives_a_change_of_names(scheduled: Bench):
    synced(scheduled)
    for raw in scheduled.source.records:
        if raw["assignment"]["id"] == "task-0":
            raw["assignment"]["name"] = "Task 0 (revised)"
    scheduled.sync(full=True, build=True)
    found = scheduled.core(
        "SELECT matched_by, assignment_id FROM core.schedule_matches WHERE line = 3"
    )
    assert found == [("former name", "task-0")]


def test_mentor_of_one_class_counts_there_only(tmp_path: Path):
    (tmp_path / "roster.csv").write_text(
        "class,email,night\nc1,s1@example.org,Monday\nc2,s1@example.org,monday\n"
    )
    (tmp_path / "mentors.csv").write_text(
        "mentor,night,email,class\nRavi,MONDAY,ravi@example.org,\nAda,Monday,,friendly-c2\n"
        "Lost,Monday,,nowhere\n"
    )
    files = {name: tmp_path / f"{name}.csv" for name in ("roster", "mentors")}
    source = Classes(c1=[record(1, days_ago=2)], c2=[record(12, days_ago=3)])
    with Bench(tmp_path, source, options={"class_id": "c1,c2", **files}) as bench:
        told = synced(bench)
        assert "mentors.csv: line 4 does not count: no class has this id or friendly id" in told
        assert bench.core("SELECT class_id, mentor FROM core.enrollments ORDER BY 1") == [
            *(("c1", "Ravi"), ("c2", "Ada, Ravi")),
        ]
        assert bench.core("SELECT mentor, email, class_id FROM core.mentors ORDER BY line") == [
            *(("Ravi", "ravi@example.org", None), ("Ada", None, "c2")),
        ]


@pytest.mark.parametrize("words", ["yes", "Yes", "TRUE", "1"])
def test_optional_is_written_as_people_and_spreadsheets_do(tmp_path: Path, words: str):
    path = tmp_path / "schedule.csv"
    path.write_text(f"class;assignment;optional\nc1;Task; {words} \nc1;Other;no\n")
    found = read_schedule(path)
    assert [values["optional"] for _, values in found.rows] == [True, False]
    assert not found.bad_lines


def test_header_of_the_files(tmp_path: Path):
    path = tmp_path / "file.csv"
    path.write_text("class,assignment,due\nc1,Task,\n")
    with pytest.raises(ConfigError, match="line 1: unknown column 'due'"):
        read_schedule(path)
    path.write_text("mentor,night\nRavi,Monday\n")
    assert read_mentors(path).rows[0][1]["class"] is None


def test_schedule_of_the_sandbox_counts_whole(small_world: World, tmp_path: Path):
    path = tmp_path / "schedule.csv"
    count = small_world.write_schedule(path)
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == count == sum(len(room.assignments) for room in small_world.classes)
    for room in small_world.classes:
        own = [line for line in lines if line["class"] == room.friendly_id]
        assert sum(line["optional"] == "yes" for line in own) == 1
        due = [line["due_on"] for line in own if line["due_on"]]
        assert len(due) == len(room.units) and due == sorted(due)
    assert not any(line["night"] for line in lines)
    with Bench(tmp_path, small_world, options={"schedule": path}) as bench:
        assert "does not count" not in synced(bench)
        found = bench.core("SELECT count(*), count(due_on) FROM core.schedule_lines")
        assert found == [(count, sum(len(room.units) for room in small_world.classes))]


def test_schedule_is_a_setting(tmp_path: Path):
    path = tmp_path / "settings.toml"
    path.write_text('data_dir = "data"\nschedule = "lists/schedule.csv"\n')
    path.chmod(0o600)
    assert load_settings(path, environ={}).schedule == tmp_path / "lists" / "schedule.csv"
