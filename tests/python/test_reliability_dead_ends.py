"""Whoever leaves the path gets either the right tables or one clear line, and can go on."""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker import __version__, sync
from cohort_tracker.raw.store import RawStore
from cohort_tracker.warehouse import build
from support import NOW, Bench, record, stamp
from test_dbt_worker import copy_of_project, replace_once
from test_reliability_interruption import small_disk

UNKNOWN = "68e594f320442cbbe62a18dc"


# -- classes that are none ----------------------------------------------------------------------


def test_mistyped_class_id_is_named_once_and_the_tables_are_built(bench: Bench):
    done = bench.command("sync", class_ids=f"c1,{UNKNOWN}")
    assert done.returncode == 4, done.stderr
    errors = done.stderr[done.stderr.index("Error: ") :]
    assert (errors.count("Error: "), errors.count(UNKNOWN)) == (1, 1)
    assert bench.core("SELECT id FROM core.classes") == [("c1",)]
    assert bench.core("SELECT class_id, status FROM core.sync_runs") == [("c1", "ok")]
    assert bench.query("SELECT class_id FROM sync_runs ORDER BY rowid") == [("c1",), (UNKNOWN,)]
    for arguments in ([], ["--full"]):
        bench.source.records.pop()
        done = bench.command("sync", *arguments, class_ids="c1")
        assert done.returncode == 0, done.stderr
        assert UNKNOWN not in done.stdout + done.stderr
        current = len(bench.source.records)
        assert bench.core("SELECT count(*) FROM core.progressions") == [(current,)]


def test_class_of_which_one_page_of_bad_records_was_read_is_one(bench: Bench):
    """All that is stored of it is a page in the log and what was rejected."""
    bench.source.classes["c2"] = [record(n, days_ago=n, user=None) for n in range(30)]
    bench.misbehave("status=403,on=/v1/classes", "status=500,on=/v1/classes/c2,page=1")
    report = bench.sync(build=True, class_ids="c1,c2", max_attempts=1)
    assert [item.status for item in report.classes] == ["ok", "failed"]
    assert report.warehouse is not None and report.warehouse.failures == []
    assert bench.core("SELECT id, last_run_status FROM core.classes ORDER BY id") == [
        ("c1", "ok"),
        ("c2", "failed"),
    ]


# -- order of runs ------------------------------------------------------------------------------


def test_run_of_a_clock_a_year_ahead_decides_nothing_once_another_is_stored(bench: Bench):
    bench.source.classes["c1"] = [
        record(number, days_ago=number % 40 + 0.5) for number in range(77)
    ]
    assert bench.sync(build=True).exit_code == 0
    verdicts = "SELECT student_id, tier, reasons FROM marts.student_health ORDER BY student_id"
    right = bench.core(verdicts)
    assert {tier for _, tier, _ in right} != {"n_a"}
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute(
            "UPDATE sync_runs SET started_at = datetime(started_at, '+1 year'),"
            " finished_at = datetime(finished_at, '+1 year')"
        )
        db.commit()
    published = bench.warehouse.stat().st_ino
    bench.source.records[0]["reviewed_at"] = stamp(NOW)
    assert bench.sync(build=True).exit_code == 0
    assert bench.warehouse.stat().st_ino != published
    (newest,) = bench.query("SELECT finished_at FROM sync_runs ORDER BY rowid DESC LIMIT 1")
    told = bench.core("SELECT as_of, last_run_at, last_synced_at, is_stale FROM core.classes")
    assert told == [(*[datetime.fromisoformat(newest[0])] * 3, False)]
    assert bench.core(verdicts) == right


# -- loading ------------------------------------------------------------------------------------


def test_rows_that_did_not_arrive_are_vouched_for_by_nobody(bench: Bench):
    bench.data.mkdir()
    RawStore(bench.raw).lay_out()
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute(
            "CREATE TRIGGER swallow BEFORE INSERT ON progressions WHEN new.record_id LIKE '%1'"
            " BEGIN SELECT RAISE(IGNORE); END"
        )
    report = bench.sync()
    assert report.exit_code == 1
    assert "raw.db holds 41 of 45 rows of progressions just loaded" in report.errors[-1].message
    assert bench.query("SELECT count(*) FROM sync_runs") == [(0,)]
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute("DROP TRIGGER swallow")
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


# -- the build and what is around it --------------------------------------------------------------


def other_project(bench: Bench, folder: Path, monkeypatch, name: str, old: str, new: str) -> None:
    """Make syncs build a copy of the project with a change."""
    project = copy_of_project(folder)
    replace_once(project / name, old, new)
    for module in (build, sync):
        monkeypatch.setattr(module, "project_dir", lambda: project)


def test_build_that_lacks_stored_records_is_not_published(
    bench: Bench, tmp_path: Path, monkeypatch
):
    assert bench.sync(build=True).exit_code == 0
    published = bench.warehouse.stat().st_ino
    model = "models/core/progressions.sql"
    lacking = "where is_current and grade is distinct from 0.5"
    other_project(bench, tmp_path / "p", monkeypatch, model, "where is_current", lacking)
    report = bench.sync(build=True)
    told = "stored records of class c1, so they were not published"
    assert report.exit_code == 1 and told in report.errors[0].message
    assert bench.warehouse.stat().st_ino == published
    assert told in status(bench)[1]["failed_build"]["reason"]


def test_broken_key_is_told_with_its_table(bench: Bench, tmp_path: Path, monkeypatch):
    other_project(
        *(bench, tmp_path / "p", monkeypatch),
        *("models/core/enrollments.yml", "columns: [class_id, student_id]", "columns: [class_id]"),
    )
    report = bench.sync(build=True)
    told = "the table enrollments has rows that break its primary key (class_id)"
    assert report.exit_code == 1 and told in report.errors[0].message
    assert not bench.warehouse.exists()


def test_build_whose_tests_were_left_out_is_not_published(
    bench: Bench, tmp_path: Path, monkeypatch
):
    assert bench.sync(build=True).exit_code == 0
    published = bench.warehouse.stat().st_ino
    other_project(
        *(bench, tmp_path / "p", monkeypatch),
        *("selectors.yml", "value: unit_test", "value: test"),
    )
    report = bench.sync(build=True)
    assert report.exit_code == 1 and "was left out of the build" in report.errors[0].message
    assert bench.warehouse.stat().st_ino == published


def test_build_of_another_run_is_not_published(bench: Bench, tmp_path: Path, monkeypatch):
    report = bench.sync(build=True)
    assert report.exit_code == 0
    built = bench.core(
        "SELECT id, version, abs(epoch(built_at) - epoch(now())) < 600 FROM core.build"
    )
    assert built == [(report.run_id, __version__, True)]
    published = bench.warehouse.stat().st_ino
    other_project(
        *(bench, tmp_path / "p", monkeypatch),
        *("models/core/build.sql", "'{{ build_id() }}'", "'20260301T120000Z-other'"),
    )
    report = bench.sync(build=True)
    told = f"are those of 20260301T120000Z-other, not of this sync ({report.run_id})"
    assert report.exit_code == 1 and told in report.errors[0].message
    assert bench.warehouse.stat().st_ino == published


@pytest.mark.parametrize("free_kilobytes", [600, 1500, 3000])
def test_disk_that_is_full_in_the_build_is_named(bench: Bench, free_kilobytes: int):
    with small_disk(bench.home / "disk", 24) as disk:
        assert bench.sync(build=True, data_dir=disk / "data").exit_code == 0
        bench.source.records.pop()
        free = shutil.disk_usage(disk).free
        (disk / "filler").write_bytes(b"x" * (free - (free_kilobytes << 10)))
        done = bench.command("sync", data_dir=disk / "data")
        assert done.returncode == 1, done.stderr
        assert "disk is full" in done.stderr.lower(), done.stderr
        assert "exit code" not in done.stderr and "Traceback" not in done.stderr


# -- what status says of the tables -------------------------------------------------------------


def status(bench: Bench, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = bench.command("status", "--json", *arguments)
    return done.returncode, json.loads(done.stdout)


def test_status_before_anything_was_synced_is_too_old_for_any_age(bench: Bench):
    code, shown = status(bench, "--max-age", "9999d")
    assert (code, shown["tables_at"], shown["failed_build"]) == (7, None, None)
    assert bench.sync().exit_code == 0
    code, shown = status(bench, "--max-age", "9999d")
    assert (code, shown["tables_at"]) == (7, None), "what is stored is in no table yet"


def test_failed_build_and_the_age_of_the_tables_are_told_until_a_build_is_good(bench: Bench):
    assert bench.sync(build=True).exit_code == 0
    built = status(bench)[1]["tables_at"]
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute("ALTER TABLE sync_pages RENAME COLUMN synced_at TO elsewhen")
        db.execute("ALTER TABLE sync_pages ADD COLUMN synced_at TEXT DEFAULT 'no time'")
        db.commit()
    time.sleep(1.1)
    bench.source.records.pop()
    report = bench.sync(build=True)
    assert report.exit_code == 1 and report.classes[0].status == "ok"
    code, shown = status(bench, "--max-age", "1s")
    assert code == 7, "the sync is new, the tables are not"
    assert shown["tables_at"] == built < shown["last_sync_at"]
    first = shown["failed_build"]
    assert "stg_sync__pages could not be built" in first["reason"]
    assert first["since"] == first["last_at"] >= shown["last_sync_at"]
    bench.sync(build=True)
    assert status(bench)[1]["failed_build"]["since"] == first["since"]
    said = bench.command("status").stdout
    assert "The tables could not be rebuilt, last tried just now" in said
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute("UPDATE sync_pages SET synced_at = '2026-01-01 00:00:00'")
        db.commit()
    assert bench.sync(build=True).exit_code == 0
    code, shown = status(bench, "--max-age", "1h")
    assert (code, shown["failed_build"]) == (0, None)
    assert shown["tables_at"] > built


def test_sync_with_nothing_to_build_confirms_the_tables(bench: Bench):
    assert bench.sync(build=True).exit_code == 0
    before = status(bench)[1]["tables_at"]
    time.sleep(1.1)
    report = bench.sync(build=True)
    assert report.warehouse is not None and report.warehouse.skipped
    assert status(bench)[1]["tables_at"] > before
    assert bench.sync(class_ids=f"c1,{UNKNOWN}").exit_code == 4
    done = bench.command("status", "--max-age", "1h", class_ids=f"c1,{UNKNOWN}")
    assert done.returncode == 0, done.stderr
    assert f"{UNKNOWN}: last sync failed" in done.stdout
