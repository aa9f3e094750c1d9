"""Broken or foreign stores: named, set aside, made anew; nothing is deleted."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from cohort_tracker.errors import StoreError
from cohort_tracker.raw.migrations import LAYOUT
from cohort_tracker.warehouse.dbt_worker import is_damaged
from cohort_tracker.warehouse.status import read_status
from support import Bench, record


def overwrite(path: Path, start: int, length: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(start)
        stream.write(os.urandom(length))


def truncate(path: Path, size: int) -> None:
    os.truncate(path, size)


DAMAGES = {
    "head overwritten": lambda path: overwrite(path, 0, 200),
    "not a database": lambda path: path.write_text(
        "this is a shopping list, not a database\n" * 99
    ),
    "cut in the middle": lambda path: truncate(path, path.stat().st_size // 2),
    "cut to a few bytes": lambda path: truncate(path, 50),
    "garbage in the middle": lambda path: overwrite(path, 4096 * 2, path.stat().st_size - 12_000),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_raw_store_is_named_set_aside_and_read_anew(bench: Bench, damage: str):
    bench.sync()
    DAMAGES[damage](bench.raw)
    broken = bench.raw.read_bytes()
    if damage != "garbage in the middle":  # status reads what it needs only
        with pytest.raises(StoreError, match=r"raw\.db is damaged: .*"):
            read_status(bench.settings())
    report = bench.sync()
    assert report.exit_code == 1
    (error,) = report.errors
    (aside,) = bench.data.glob("raw.db.damaged-*")
    assert f"{bench.raw} is damaged" in error.message and aside.name in error.message
    assert error.hint is not None and "docs/reliability.md" in error.hint
    assert aside.read_bytes() == broken
    assert bench.in_force() == bench.expected()
    assert bench.sync().exit_code == 0, "told once"


def test_two_damages_in_one_second_keep_both_files(bench: Bench):
    for _ in range(3):
        bench.sync()
        overwrite(bench.raw, 0, 200)
    bench.sync()
    assert len(list(bench.data.glob("raw.db.damaged-*"))) == 3


def test_commands_say_in_one_line_what_is_damaged_and_what_to_do(built: Bench):
    overwrite(built.raw, 0, 200)
    shown = built.command("status")
    assert shown.returncode == 1
    assert shown.stderr.startswith(f"Error: {built.raw} is damaged: ")
    assert "`cohort-tracker sync` sets it aside" in shown.stderr
    assert "Traceback" not in shown.stderr
    done = built.command("sync", "--no-build")
    assert done.returncode == 1 and "set aside as raw.db.damaged-" in done.stderr
    assert built.command("status").returncode == 0


@pytest.mark.parametrize("damage", ["head overwritten", "cut in the middle", "not a database"])
def test_damaged_warehouse_is_named_by_status(built: Bench, damage: str):
    DAMAGES[damage](built.warehouse)
    assert is_damaged(built.warehouse)
    shown = built.command("status")
    assert shown.returncode == 1
    assert shown.stderr.startswith(f"Error: {built.warehouse}: ")
    assert "cohort-tracker sync" in shown.stderr and "Traceback" not in shown.stderr


def test_damaged_warehouse_is_set_aside_and_made_anew(built: Bench):
    overwrite(built.warehouse, 4096 * 4, built.warehouse.stat().st_size - 4096 * 5)
    broken = built.warehouse.read_bytes()
    report = built.sync(build=True)
    assert report.exit_code == 1
    (error,) = report.errors
    (aside,) = built.data.glob("warehouse.duckdb.damaged-*")
    assert f"{built.warehouse} was damaged" in error.message and aside.name in error.message
    assert aside.read_bytes() == broken
    assert built.core("SELECT count(*) FROM core.progressions") == [(45,)]


def test_sound_warehouse_is_never_taken_for_damaged(built: Bench):
    assert not is_damaged(built.warehouse)
    assert not is_damaged(built.home / "absent.duckdb")
    with duckdb.connect(str(built.home / "own.duckdb")) as own:
        own.execute('CREATE SCHEMA "a ""b"; CREATE TABLE "a ""b"."t x" AS SELECT 1 AS "c d"')
        own.execute("CREATE VIEW broken AS SELECT 1")
    assert not is_damaged(built.home / "own.duckdb")
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()"
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(built.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    assert not is_damaged(built.warehouse), "held by a writer"
    writer.communicate("\n")


@pytest.mark.nightly
def test_deleted_warehouse_comes_back(built: Bench):
    built.warehouse.unlink()
    assert built.command("status").returncode == 0
    assert built.sync(build=True).exit_code == 0
    assert built.core("SELECT count(*) FROM core.progressions") == [(45,)]


def test_store_of_a_newer_version_is_left_alone(bench: Bench):
    bench.sync()
    with closing(sqlite3.connect(bench.raw)) as connection:
        connection.execute("PRAGMA user_version = 7")
    before = bench.raw.read_bytes()
    for command in ("sync", "status"):
        done = bench.command(command)
        assert done.returncode == 1
        assert (
            f"was written by a newer version (layout 7; this version reads up to {LAYOUT})"
            in done.stderr
        )
        assert "Upgrade cohort-tracker" in done.stderr and "Traceback" not in done.stderr
    assert bench.raw.read_bytes() == before


def test_store_without_its_layouts_number_is_read_as_it_is(bench: Bench):
    bench.sync()
    with closing(sqlite3.connect(bench.raw)) as connection:
        connection.execute("PRAGMA user_version = 0")
    bench.source.records.append(record(800, days_ago=0.1))
    report = bench.sync()
    assert report.exit_code == 0 and report.classes[0].result.mode == "incremental"
    assert bench.query("PRAGMA user_version") == [(LAYOUT,)]
    assert bench.in_force() == bench.expected()


def test_history_of_a_damaged_store_is_brought_back_as_the_docs_tell(bench: Bench):
    tool = shutil.which("sqlite3")
    if tool is None:
        pytest.skip("needs the sqlite3 command")
    bench.source.records.extend(record(6000 + n, days_ago=0.5) for n in range(200))
    bench.sync()
    for raw in bench.source.records[-200:]:
        raw["grade"] = 0.123
    bench.sync()
    pages = bench.raw.stat().st_size // 4096
    overwrite(bench.raw, 4096 * (pages - 6), 4096)
    assert bench.sync().exit_code == 1
    (aside,) = bench.data.glob("raw.db.damaged-*")
    steps = (
        f"'{tool}' {aside.name} .dump | sed 's/^ROLLBACK.*/COMMIT;/' | '{tool}' recovered.db;"
        " mv raw.db raw.db.fresh; mv recovered.db raw.db"
    )
    subprocess.run(steps, shell=True, cwd=bench.data, capture_output=True, check=True)
    report = bench.sync(full=True)
    assert report.exit_code == 0, report.errors
    assert bench.in_force() == bench.expected()
    older = bench.query("SELECT count(*) FROM progressions WHERE record_id LIKE '%177%'")
    assert older[0][0] >= 1
    assert bench.query("SELECT count(*) FROM progressions")[0][0] > 300, "versions from before"
