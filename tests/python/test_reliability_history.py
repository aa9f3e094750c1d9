"""What changed between two syncs arrives, and what was before is kept."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from cohort_tracker.sandbox import generate
from support import NOW, Bench, classes, record, record_id, stamp


def test_everything_that_can_change_arrives_with_the_next_sync(bench: Bench):
    bench.sync()
    records = bench.source.records
    records.append(record(500, days_ago=0.1))
    records.append(record(501))
    records[1]["grade"] = 0.99
    records[2]["reviewed_at"] = stamp(NOW)
    records[-3]["completed_assignment_at"] = stamp(NOW)
    records[3]["completed_assignment_at"] = None
    records[0]["assignment"]["name"] = "Renamed"
    records[-4]["user"]["email"] = "new@example.org"
    del records[20]
    report = bench.sync()
    assert report.exit_code == 0
    assert bench.in_force() == bench.expected()
    result = report.classes[0].result
    assert (result.new, result.removed) == (2, 1)


def test_curriculum_is_asked_for_when_work_turns_up_that_is_not_in_it(bench: Bench):
    def asked() -> int:
        return sum(entry.path == "/v1/classes/c1" for entry in bench.server.requests)

    tasks = [f"task-{number}" for number in range(7)]
    bench.source.units = [{"name": "Start", "assignments": list(tasks)}]
    bench.sync()
    assert asked() == 1
    bench.source.records[0]["grade"] = 0.123
    bench.source.records.append(record(700, days_ago=0.2))
    assert bench.sync().classes[0].result.new == 1
    assert asked() == 1, "all of it is in the curriculum"
    bench.source.units.append({"name": "Next", "assignments": ["task-new"]})
    later = {"id": "task-new", "name": "New", "type": "quiz"}
    bench.source.records.append(record(701, days_ago=0.1, assignment=later))
    assert bench.sync().exit_code == 0
    assert asked() == 2
    listed = bench.query(
        "SELECT assignment_id FROM class_units WHERE units_hash ="
        " (SELECT units_hash FROM classes ORDER BY version_no DESC LIMIT 1) ORDER BY position"
    )
    assert [row[0] for row in listed] == [*tasks, "task-new"]


def test_change_to_an_old_record_is_seen_by_full_and_by_the_weekly_read(bench: Bench):
    bench.sync()
    bench.source.records[30]["grade"] = 0.01  # completed 91 days ago
    assert bench.sync().classes[0].result.mode == "incremental"
    assert bench.in_force() != bench.expected(), "the look-back ends before"
    assert bench.sync(full=True).exit_code == 0
    assert bench.in_force() == bench.expected()
    bench.source.records[31]["grade"] = 0.01
    report = bench.sync(full_refresh_days=0)
    assert report.classes[0].result.mode == "full"
    assert bench.in_force() == bench.expected()


def test_full_read_falls_due_by_age(bench: Bench):
    bench.sync()
    rewrite(bench.raw, "UPDATE sync_runs SET started_at = ?, finished_at = ?", days=-8)
    bench.source.records[30]["grade"] = 0.01
    assert bench.sync().classes[0].result.mode == "full"
    assert bench.in_force() == bench.expected()


def rewrite(raw: Path, statement: str, days: float) -> None:
    moment = (datetime.now(UTC) + timedelta(days=days)).replace(tzinfo=None)
    text = moment.isoformat(" ", timespec="microseconds")
    with closing(sqlite3.connect(raw)) as connection:
        connection.execute(statement, (text,) * statement.count("?"))
        connection.commit()


def test_clock_that_was_wrong_hides_nothing(bench: Bench):
    bench.sync()
    for days in (4000, -4000):
        rewrite(
            bench.raw,
            "UPDATE sync_runs SET started_at = ?, finished_at = ? WHERE rowid ="
            " (SELECT max(rowid) FROM sync_runs)",
            days=days,
        )
        rewrite(bench.raw, "UPDATE progressions SET first_seen_at = ?", days=days)
        bench.source.records[30]["grade"] = days / 10_000 + 0.5
        report = bench.sync()
        assert (report.exit_code, report.classes[0].result.mode) == (0, "full")
        assert bench.in_force() == bench.expected()


def test_every_version_stays_and_the_change_is_told_with_its_time(bench: Bench):
    raw = bench.source.records[1]
    key = record_id(raw)
    grades = [raw["grade"], 0.5, 0.75, 0.75, None]
    before = datetime.now(UTC).replace(tzinfo=None)
    for grade in grades:
        raw["grade"] = grade
        assert bench.sync().exit_code == 0
    gone = bench.source.records.pop(5)
    assert bench.sync().exit_code == 0
    bench.source.records.append(gone)
    report = bench.sync(build=True)
    assert report.exit_code == 0, report.errors
    versions = bench.query(
        "SELECT grade, version_no FROM progressions WHERE record_id = ? ORDER BY version_no", key
    )
    assert [version[0] for version in versions] == [grades[0], 0.5, 0.75, None]
    told = bench.core(
        "SELECT value_from, value_to, changed_at, field FROM core.progression_changes"
        f" WHERE progression_id = '{key}' ORDER BY changed_at"
    )
    assert [row[3] for row in told] == ["grade"] * 3
    numbers = [(a and float(a), b and float(b)) for a, b, *_ in told]
    assert numbers == [(grades[0], 0.5), (0.5, 0.75), (0.75, None)]
    assert all(before <= row[2] <= datetime.now(UTC).replace(tzinfo=None) for row in told)
    week = bench.core(
        "SELECT count(*) FROM core.progression_changes WHERE field = 'grade'"
        " AND changed_at > now()::timestamp - interval 7 days"
    )
    assert week == [(3,)]
    came_and_went = bench.core(
        "SELECT value_from, value_to FROM core.progression_changes"
        f" WHERE progression_id = '{record_id(gone)}' ORDER BY version_no"
    )
    assert came_and_went == [("present", "removed"), ("removed", "present")]


def test_sync_that_meets_nothing_new_writes_no_version(bench: Bench):
    bench.sync()
    before = bench.query("SELECT count(*) FROM progressions")
    for full in (False, True):
        report = bench.sync(full=full)
        result = report.classes[0].result
        assert (result.new, result.changed, result.removed) == (0, 0, 0)
    assert bench.query("SELECT count(*) FROM progressions") == before


@pytest.mark.nightly
def test_core_equals_a_generated_cohort_as_it_lives_on(tmp_path: Path):
    world = generate(seed=5, classes=2, students=20, end=NOW)
    with Bench(tmp_path, world, server_options={"max_page_size": 100, "envelope": "real"}) as bench:
        for _ in range(3):
            assert bench.sync().exit_code == 0
            world.grow(5)
        report = bench.sync(full=True, build=True)
        assert report.exit_code == 0, report.errors
        for room in world.classes:
            told = bench.core(
                "SELECT id, student_id, assignment_id, grade, started_at, completed_at, reviewed_at"
                f" FROM core.progressions WHERE class_id = '{room.id}'"
            )
            assert sorted(told) == sorted(_as_core(r) for r in room.progressions.values())
        students = {r.student_id for room in world.classes for r in room.progressions.values()}
        names = bench.core("SELECT id, first_name, last_name, lower(email) FROM core.students")
        assert {row for row in names if row[0] in students} == {
            (s.id, s.first_name, s.last_name, s.email.lower())
            for s in world.students.values()
            if s.id in students
        }


def _as_core(item: Any) -> tuple[Any, ...]:
    times = (
        None
        if moment is None
        else moment.astimezone(UTC).replace(
            tzinfo=None, microsecond=moment.microsecond // 1000 * 1000
        )
        for moment in (item.started_at, item.completed_at, item.reviewed_at)
    )
    grade = None if item.grade is None else float(item.grade)
    return (item.id, item.student_id, item.assignment_id, grade, *times)


class ServedHistories(RuleBasedStateMachine):
    """Random lives of a class behind real HTTP: a sync that says it is complete is."""

    @initialize(seed=st.integers(0, 2**32), count=st.integers(0, 40), limit=st.integers(3, 15))
    def begin(self, seed: int, count: int, limit: int) -> None:
        import tempfile

        self.random = random.Random(seed)
        self.folder = tempfile.TemporaryDirectory()
        source = classes(count, still_open=min(count, 3))
        self.bench = Bench(Path(self.folder.name), source, server_options={"max_page_size": limit})
        self.bench.server.start()
        self.serial = 10_000

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            self.bench.server.stop()
            self.folder.cleanup()

    def some_record(self) -> dict[str, Any] | None:
        recent = [
            raw
            for raw in self.bench.source.records
            if not raw["completed_assignment_at"]
            or raw["completed_assignment_at"] > (stamp(NOW - timedelta(days=10)) or "")
        ]
        return self.random.choice(recent) if recent else None

    @rule()
    def insert(self) -> None:
        self.serial += 1
        age = self.random.choice([None, 0.01, self.random.uniform(0, 60)])
        self.bench.source.records.append(record(self.serial, days_ago=age))

    @rule()
    def regrade(self) -> None:
        if raw := self.some_record():
            raw["grade"] = self.random.random()

    @rule()
    def finish_or_reopen(self) -> None:
        if raw := self.some_record():
            done = raw["completed_assignment_at"]
            raw["completed_assignment_at"] = None if done else stamp(NOW)

    @rule()
    def remove(self) -> None:
        if self.bench.source.records:
            self.bench.source.records.remove(self.random.choice(self.bench.source.records))

    @rule(fault=st.sampled_from(["status=503", "reset", "truncated", "revoke", "insert=2"]))
    def trouble(self, fault: str) -> None:
        self.bench.misbehave(fault)

    @rule(full=st.booleans())
    def sync(self, full: bool) -> None:
        report = self.bench.sync(full=full or not self.bench.source.records)
        if report.exit_code == 0 and not report.classes[0].result.is_quick:
            assert self.bench.in_force() == self.bench.expected()
        else:
            assert report.exit_code in (0, 1)


ServedHistories.TestCase.settings = settings(
    max_examples=6,
    stateful_step_count=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestServedHistories = ServedHistories.TestCase
