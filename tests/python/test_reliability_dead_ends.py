"""Whoever leaves the path gets either the right tables or one clear line, and can go on."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import pytest
from dbt.cli.main import cli as dbt_cli

from cohort_tracker import sync
from cohort_tracker.raw import destination, load
from cohort_tracker.raw.store import RawStore
from cohort_tracker.warehouse import build
from support import NOW, Bench, processes_about, record, stamp
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


def test_rows_that_were_led_elsewhere_are_vouched_for_by_nobody(bench: Bench, monkeypatch):
    inserted = destination.raw_store
    elsewhere = bench.home / "elsewhere.db"
    RawStore(elsewhere).lay_out()
    monkeypatch.setattr(
        load, "raw_store", lambda **given: inserted(**{**given, "database": str(elsewhere)})
    )
    report = bench.sync()
    assert report.exit_code == 1
    assert "raw.db holds 0 of 1 rows of classes just loaded" in report.errors[-1].message
    assert bench.query("SELECT count(*) FROM sync_runs") == [(0,)]
    monkeypatch.undo()
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


def test_no_setting_of_dlt_reaches_the_loading(bench: Bench):
    settings = bench.home / ".dlt"
    settings.mkdir()
    (settings / "config.toml").write_text("dev_mode = true\n[normalize]\nworkers = 'no number'\n")
    variables = {
        **{"DEV_MODE": "true", "DATASET_NAME_LAYOUT": "pre_%s", "PROGRESS": "log"},
        **{"RUNTIME__LOG_LEVEL": "DEBUG", "NORMALIZE__WORKERS": "x", "LOAD__WORKERS": "x"},
        **{"DLT_PROJECT_DIR": str(bench.home), "DLT_DATA_DIR": str(settings)},
        "DESTINATION__RAW_STORE__DATABASE": "elsewhere.db",
        "SCHEMA__NAMING": "nothing_like_it",
    }
    done = subprocess.run(
        [sys.executable, "-m", "cohort_tracker", "sync", "--no-build", "--json"],
        env={**bench.process_environment(), **variables},
        cwd=bench.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["classes"][0]["new"] == 45
    assert bench.in_force() == bench.expected()
    assert [path.name for path in settings.iterdir()] == ["config.toml"]


# -- the build and what is around it --------------------------------------------------------------


def variables_of(command: click.Command) -> set[str]:
    """Every environment variable that an option of dbt's command line can be given by."""
    found: set[str] = set()
    for option in command.params:
        names = option.envvar or []
        found.update([names] if isinstance(names, str) else names)
    for inner in getattr(command, "commands", {}).values():
        found |= variables_of(inner)
    return found


def test_no_variable_of_dbt_or_python_reaches_the_build(bench: Bench, monkeypatch: Any):
    assert bench.sync(build=True).exit_code == 0
    right = bench.core("SELECT id, grade, completed_at FROM core.progressions ORDER BY id")
    before: Any = bench.sync(build=True).warehouse
    tests = before.tests
    names = variables_of(dbt_cli)
    assert len(names) > 100 and {"DBT_EMPTY", "DBT_EXCLUDE_RESOURCE_TYPES"} <= names
    hostile = {name: "true" for name in names} | {
        **{name: "test" for name in names if name.endswith("RESOURCE_TYPES")},
        **{"PYTHONSTARTUP": "x.py", "PYTHONINSPECT": "1", "PYTHONPATH": str(bench.home)},
    }
    (bench.home / "calendar.py").write_text("raise SystemExit(9)")
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    seen: list[set[str]] = []
    server: Any = bench.server
    original = server.answer

    def answer(request, incidents):
        for child in processes_about(bench.data / "build"):
            environ = Path(f"/proc/{child}/environ").read_bytes().decode()
            seen.append({line.partition("=")[0] for line in environ.split("\0") if line})
        return original(request, incidents)

    server.answer = answer
    bench.source.records.append(record(7_000, days_ago=0.1))
    report = bench.sync(build=True)
    assert report.exit_code == 0, report.errors
    built: Any = report.warehouse
    assert built.published and built.tests == tests and not built.skipped
    found = bench.core("SELECT id, grade, completed_at FROM core.progressions ORDER BY id")
    assert len(found) == len(right) + 1 and set(right) <= set(found)
    allowed = {"PATH", "HOME", "TMPDIR", "LANG", "TZ", "DO_NOT_TRACK"} | {
        *("COHORT_TRACKER_DATA_DIR", "COHORT_TRACKER_RAW_DB", "DBT_SEND_ANONYMOUS_USAGE_STATS")
    }
    assert seen
    for child in seen:
        assert {name for name in child if not name.startswith("LC_")} <= allowed


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
