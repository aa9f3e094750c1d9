"""Plain dbt commands from a checkout: they read what syncs published, and publish nothing."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cohort_tracker.warehouse.dev_copy import prepare_dev_copy
from support import Bench, record
from warehouse_fixture import run_dbt

COUNT = "select count(*) as n from core.progressions"


def shown(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The rows that `dbt show --output json` printed."""
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout[done.stdout.index("{") :])["show"]
    return found


def show(bench: Bench) -> list[dict[str, Any]]:
    return shown(run_dbt(bench.data, "show", "--inline", COUNT, "--output", "json"))


def test_only_a_sync_publishes(built: Bench):
    published = built.warehouse.read_bytes()
    dev = built.data / "dev.duckdb"

    assert show(built) == [{"n": 45}], "after a sync dbt reads its tables at once"
    assert dev.read_bytes() == published
    assert dev.stat().st_mode & 0o777 == 0o600

    built.source.records.append(record(810, days_ago=0.1))
    built.sync(build=True)
    assert show(built) == [{"n": 46}], "an untouched copy follows the syncs"

    published = built.warehouse.read_bytes()
    tried = run_dbt(built.data, "run", "--select", "blockers", stuck_days=10)
    assert tried.returncode == 0, tried.stdout
    assert built.warehouse.read_bytes() == published
    by_hand = dev.read_bytes()
    assert by_hand != published

    built.source.records.append(record(811, days_ago=0.1))
    built.sync(build=True)
    done = run_dbt(built.data, "show", "--inline", COUNT, "--output", "json")
    assert shown(done) == [{"n": 46}], "what was built by hand is kept"
    assert "dev.duckdb was built by hand on" in done.stderr

    dev.unlink()
    assert show(built) == [{"n": 47}], "without it the published tables are copied again"


def test_target_of_a_sync_is_refused_to_hands(built: Bench):
    published = built.warehouse.read_bytes()
    done = run_dbt(built.data, "show", "--inline", "select 1", "--target", "publish")
    assert done.returncode != 0
    assert "Only `cohort-tracker sync` builds the target publish" in done.stdout
    assert built.warehouse.read_bytes() == published


def test_keys_of_all_tables_are_tested_in_one(built: Bench):
    every_key = ("test", "--select", "every_key")
    assert run_dbt(built.data, *every_key).returncode == 0
    with duckdb.connect(str(built.data / "dev.duckdb")) as db:
        db.execute("DELETE FROM core.classes")
    done = run_dbt(built.data, *every_key)
    assert done.returncode != 0 and "Failure in test every_key" in done.stdout


def test_docs_and_freshness_read_what_a_sync_published(built: Bench):
    done = run_dbt(built.data, "docs", "generate")
    assert done.returncode == 0, done.stdout
    catalog = json.loads((built.home / "data-target" / "catalog.json").read_text())
    tables = {node["metadata"]["name"] for node in catalog["nodes"].values()}
    columns = catalog["nodes"]["model.cohort_tracker.students"]["columns"]
    assert {"students", "student_health"} <= tables
    assert columns and all(column["comment"] for column in columns.values())
    fresh = run_dbt(built.data, "source", "freshness")
    assert fresh.returncode == 0, fresh.stdout


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a warehouse is published, later."""
    return tmp_path / "warehouse.duckdb"


def database(path: Path, value: int) -> None:
    with duckdb.connect(str(path)) as db:
        db.execute(f"CREATE TABLE t AS SELECT {value} AS v")


def value_in(path: Path) -> int:
    with duckdb.connect(str(path), read_only=True) as db:
        [(value,)] = db.sql("FROM t").fetchall()
    return int(value)


def test_empty_stand_in_gives_way_to_the_first_published_warehouse(place: Path):
    dev, remark = prepare_dev_copy(place, lambda path: database(path, 0))
    assert (value_in(dev), remark) == (0, None)
    assert dev.stat().st_mode & 0o777 == 0o600
    assert prepare_dev_copy(place, fail) == (dev, None), "made once"
    database(place, 1)
    assert prepare_dev_copy(place, fail) == (dev, None)
    assert value_in(dev) == 1


def fail(path: Path) -> None:
    raise AssertionError(f"{path} was not to be made")


def test_file_built_by_hand_is_kept_and_named_only_when_it_is_older(place: Path):
    database(place, 1)
    dev, _ = prepare_dev_copy(place, fail)
    with duckdb.connect(str(dev)) as db:
        db.execute("UPDATE t SET v = 5")
    assert prepare_dev_copy(place, fail) == (dev, None)
    os.utime(place, (2e9, 2e9))
    _, remark = prepare_dev_copy(place, fail)
    assert remark is not None and str(dev) in remark
    assert value_in(dev) == 5


def test_log_of_changes_marks_a_file_as_built_by_hand(place: Path):
    database(place, 1)
    dev, _ = prepare_dev_copy(place, fail)
    log = dev.with_name("dev.duckdb.wal")
    log.touch()
    os.utime(place, (2e9, 2e9))
    _, remark = prepare_dev_copy(place, fail)
    assert remark is not None and log.exists()
    dev.unlink()
    prepare_dev_copy(place, fail)
    assert not log.exists(), "the log of a file that is gone belongs to no other"


def test_copy_without_a_note_is_taken_for_built_by_hand(place: Path):
    database(place, 1)
    dev, _ = prepare_dev_copy(place, fail)
    place.with_name("dev.json").unlink()
    database_before = dev.read_bytes()
    os.utime(place, (2e9, 2e9))
    _, remark = prepare_dev_copy(place, fail)
    assert remark is not None and dev.read_bytes() == database_before


def test_nothing_is_left_of_a_copy_that_failed(place: Path):
    database(place, 1)
    dev, _ = prepare_dev_copy(place, fail)
    database_before = dev.read_bytes()
    place.unlink()
    place.mkdir()  # cannot be copied
    with pytest.raises(OSError):
        prepare_dev_copy(place, fail)
    assert dev.read_bytes() == database_before
    assert list(place.parent.glob("dev-*")) == []


def test_dbt_names_the_folder_that_it_cannot_write(tmp_path: Path):
    (tmp_path / "data").write_text("in the way")
    done = run_dbt(tmp_path / "data", "show", "--inline", "select 1")
    assert done.returncode != 0
    assert f"Could not write {tmp_path / 'data'}" in done.stdout
