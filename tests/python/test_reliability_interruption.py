"""Stopped, starved or locked out at any moment: whole stores, and the next sync needs no hand."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.errors import CohortTrackerError, StoreError, SyncRunningError
from cohort_tracker.raw import store
from cohort_tracker.raw.migrations import LAYOUT
from cohort_tracker.warehouse import build as transform
from cohort_tracker.warehouse.status import read_status
from support import (
    Bench,
    at_night,
    holding,
    processes_about,
    record,
    wait_for,
)

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def leftovers(bench: Bench) -> list[str]:
    """What only a running sync has."""
    names = ("load", "build", "raw.db-journal")
    return [name for name in names if (bench.data / name).exists()]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_signal_while_a_page_is_awaited_ends_the_sync_at_once(bench: Bench, number: int):
    bench.misbehave("hang=60,page=2")
    process = bench.start("sync", read_timeout=100)
    wait_for(lambda: [e for e in bench.server.requests if e.query.get("page") == "2"])
    wait_for(lambda: len(processes_about(bench.data)) >= 1)
    started = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - started < 2
    assert process.returncode == 128 + number
    assert f"Error: Interrupted ({signal.Signals(number).name})" in err
    assert "Traceback" not in out + err
    assert processes_about(bench.data) == [], "dbt ends with the sync"
    assert leftovers(bench) == []
    bench.misbehave()
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


def test_signals_while_rows_are_stored_and_tables_built_leave_whole_stores(built: Bench):
    for delay in (0.4, 2.5):
        built.source.records.append(record(int(3000 + delay * 10), days_ago=0.2))
        process = built.start("sync", "--json")
        wait_for(lambda: built.data.joinpath("sync.lock").read_text())
        time.sleep(delay)
        process.terminate()
        out, err = process.communicate(timeout=20)
        assert process.returncode in (143, 0), err
        assert "Traceback" not in err
        if process.returncode:
            assert json.loads(out)["status"] == "failed"
        assert built.query("PRAGMA integrity_check") == [("ok",)]
        assert built.core("SELECT count(*) >= 45 FROM core.progressions") == [(True,)]
        assert processes_about(built.data) == [] and leftovers(built) == []
    assert built.sync(build=True).exit_code == 0
    assert built.core("SELECT count(*) FROM core.progressions") == [(len(built.source.records),)]


def test_killed_sync_is_told_by_status_and_mended_by_the_next(bench: Bench):
    bench.misbehave("hang=60,page=2")
    process = bench.start("sync", read_timeout=100)
    wait_for(lambda: [e for e in bench.server.requests if e.query.get("page") == "2"])
    process.kill()
    process.communicate()
    wait_for(lambda: processes_about(bench.data) == [], 5)
    assert read_status(bench.settings()).interrupted_at is not None
    assert "was interrupted" in bench.command("status").stdout
    bench.misbehave()
    assert bench.sync().exit_code == 0
    assert leftovers(bench) == []
    assert read_status(bench.settings()).interrupted_at is None
    assert bench.in_force() == bench.expected()


def test_run_whose_rows_were_not_stored_vouches_for_nothing(bench: Bench):
    """The row of a run is stored after the rows it speaks of, whatever dies in between."""
    bench.sync()
    bench.source.records[30]["grade"] = 0.123  # old: only a full read sees it
    with closing(sqlite3.connect(bench.raw)) as connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON progressions BEGIN"
            " SELECT RAISE(ABORT, 'no more'); END"
        )
        connection.commit()
    report = bench.sync(full=True)
    assert report.exit_code == 1 and "no more" in report.errors[0].message
    assert report.classes[0].status == "failed"
    assert len(bench.query("SELECT run_id FROM sync_runs")) == 1
    with closing(sqlite3.connect(bench.raw)) as connection:
        connection.execute("DROP TRIGGER refuse")
    assert bench.sync(full=True).exit_code == 0
    assert bench.in_force() == bench.expected()


def test_write_that_was_cut_off_in_the_middle_is_taken_back(bench: Bench):
    """A process killed while SQLite writes leaves a journal; even a read must cope with it."""
    bench.sync()
    before = bench.in_force()
    code = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA cache_size = 1'); c.execute('PRAGMA cache_spill = 1')\n"
        "c.execute('BEGIN'); c.execute('UPDATE progressions SET grade = 0.111')\n"
        "c.executemany('INSERT INTO progressions SELECT * FROM progressions WHERE rowid < ?',"
        " [(40,)] * 60)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    shutil.copy(bench.raw, bench.home / "copy.db")
    subprocess.run([sys.executable, "-c", code, str(bench.raw)], check=False)
    journal = bench.raw.with_name("raw.db-journal")
    assert journal.exists() and journal.stat().st_size > 512
    assert bench.raw.read_bytes() != (bench.home / "copy.db").read_bytes()
    shown = bench.command("status", "--json")
    assert shown.returncode == 0, shown.stderr
    assert bench.in_force() == before
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


def test_layout_that_was_cut_off_is_finished(bench: Bench):
    bench.sync()
    with closing(sqlite3.connect(bench.raw)) as connection:
        connection.execute("PRAGMA user_version = 0")
        connection.execute("DROP INDEX progressions_by_class")
        connection.execute("DROP TABLE roster")
        connection.execute("DROP TABLE sync_pages")
        connection.commit()
    assert bench.sync().exit_code == 0
    assert bench.query("PRAGMA user_version") == [(LAYOUT,)]
    assert bench.query("SELECT count(*) FROM sqlite_master WHERE name = 'progressions_by_class'")
    assert bench.in_force() == bench.expected()


def test_raw_store_without_tables_is_a_beginning(bench: Bench):
    bench.data.mkdir()
    bench.raw.write_bytes(b"")
    assert bench.command("status").returncode == 0
    report = bench.sync(build=True, max_attempts=1, class_id="nope")
    assert report.exit_code == 4, "a class that fails leaves an empty store, and no tables"
    assert not bench.warehouse.exists()
    assert bench.command("status").returncode == 0
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


def test_leftovers_of_dead_runs_are_cleared(bench: Bench):
    left = bench.data / "load" / "20250101T000000Z-dead" / "pending"
    left.parent.mkdir(parents=True)
    left.write_text("left")
    assert bench.sync().exit_code == 0
    assert leftovers(bench) == []


# -- disk ---------------------------------------------------------------------------------------


@contextmanager
def small_disk(place: Path, megabytes: int, options: str = "") -> Iterator[Path]:
    place.mkdir()
    size = f"size={megabytes}m{options}"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system of one's own needs root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("free_kilobytes", [0, 100, at_night(900)])
def test_full_disk_is_one_clear_line_and_the_next_sync_needs_no_hand(
    bench: Bench, free_kilobytes: int
):
    with small_disk(bench.home / "disk", 12) as disk:
        filler = disk / "filler"
        filler.write_bytes(b"x" * ((12 << 20) - (free_kilobytes << 10)))
        done = bench.command("sync", data_dir=disk / "data")
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr and "Error: " in done.stderr
        filler.unlink()
        shutil.rmtree(disk / "data" / "dbt", ignore_errors=True)
        report = bench.sync(data_dir=disk / "data")
        assert report.exit_code == 0
        with closing(sqlite3.connect(disk / "data" / "raw.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            ids = connection.execute("SELECT count(DISTINCT record_id) FROM progressions")
            assert ids.fetchall() == [(45,)]


def test_file_that_may_not_grow_is_one_clear_line(bench: Bench):
    bench.sync()
    bench.source.records.extend(record(4000 + n, days_ago=0.3) for n in range(120))
    limit = bench.raw.stat().st_size + 8_000
    process = subprocess.run(
        [sys.executable, "-m", "cohort_tracker", "sync", "--no-build"],
        env=bench.process_environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1, process.stderr
    assert "Error: Could not write" in process.stderr and "Traceback" not in process.stderr
    assert bench.query("PRAGMA integrity_check") == [("ok",)]
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


def test_read_only_directory_is_one_clear_line(bench: Bench):
    bench.sync()
    with small_disk(bench.home / "disk", 12) as disk:
        shutil.copytree(bench.data, disk / "data")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = bench.command("sync", data_dir=disk / "data")
        assert done.returncode == 1
        assert done.stderr.startswith("Error: ") and "Traceback" not in done.stderr
        assert bench.command("status", data_dir=disk / "data").returncode == 0


# -- locks --------------------------------------------------------------------------------------

EXCLUSIVE = "BEGIN EXCLUSIVE"
READING = "SELECT count(*) FROM progressions"


@pytest.mark.parametrize("statement", [EXCLUSIVE, READING])
def test_raw_store_that_is_held_for_a_while_is_waited_for(bench: Bench, statement: str):
    bench.sync()
    bench.source.records.append(record(800, days_ago=0.1))
    with holding(bench.raw, statement) as holder:
        process = bench.start("sync", "--no-build")
        time.sleep(2.5)
        assert process.poll() is None
        holder.kill()
        holder.wait()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert bench.in_force() == bench.expected()


@pytest.mark.parametrize("statement", [EXCLUSIVE, READING])
def test_raw_store_that_stays_held_is_named(
    bench: Bench, statement: str, monkeypatch: pytest.MonkeyPatch
):
    bench.sync()
    bench.source.records.append(record(800, days_ago=0.1))
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.5)
    with holding(bench.raw, statement):
        started = time.monotonic()
        try:
            failures: list[Any] = bench.sync().errors
        except StoreError as error:
            failures = [error]
        assert time.monotonic() - started < 10
        assert "is in use by another program" in failures[0].message
        assert failures[0].exit_code == 1
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


@pytest.mark.parametrize("statement", [EXCLUSIVE, READING])
def test_wait_for_a_held_store_can_be_interrupted(bench: Bench, statement: str):
    bench.sync()
    bench.source.records.append(record(800, days_ago=0.1))
    bench.pages()
    lock = bench.data / "sync.lock"
    with holding(bench.raw, statement):
        process = bench.start("sync", "--no-build")
        wait_for(lock.read_text if statement == EXCLUSIVE else bench.pages)
        time.sleep(1)
        started = time.monotonic()
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == 143 and time.monotonic() - started < 3
    assert bench.sync().exit_code == 0


def test_second_sync_ends_at_once_and_names_the_first(bench: Bench):
    bench.misbehave("hang=60,page=2")
    first = bench.start("sync", "--no-build", read_timeout=100)
    wait_for(lambda: [e for e in bench.server.requests if e.query.get("page") == "2"])
    started = time.monotonic()
    with pytest.raises(SyncRunningError) as caught:
        bench.sync()
    assert time.monotonic() - started < 1
    assert f"process {first.pid}, since 20" in caught.value.message
    second = bench.command("sync")
    assert second.returncode == 6 and str(first.pid) in second.stderr
    assert bench.command("status").returncode == 0
    first.kill()
    first.communicate()
    bench.misbehave()
    assert bench.sync().exit_code == 0, "a dead process holds nothing"


@pytest.mark.parametrize("content", ["", "{", "null", '{"pid": 1}', "\0\xff", "[1]"])
def test_stale_lock_of_any_content_is_taken_over(bench: Bench, content: str):
    bench.data.mkdir()
    (bench.data / "sync.lock").write_bytes(content.encode("latin-1"))
    read_status(bench.settings())
    assert bench.sync().exit_code == 0


# -- the build ----------------------------------------------------------------------------------


def test_readers_and_dead_writers_of_the_warehouse_do_not_spoil_the_next(built: Bench):
    writing = (
        "import duckdb, os, sys\n"
        "c = duckdb.connect(sys.argv[1])\n"
        "c.execute('CREATE TABLE mine AS SELECT range AS n FROM range(1000)')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    reading = (
        "import duckdb, sys\n"
        "c = duckdb.connect(sys.argv[1], read_only=True)\n"
        "count = 'SELECT count(*), count(grade) >= 0 FROM core.progressions'\n"
        "print(c.execute(count).fetchall(), flush=True)\n"
        "sys.stdin.readline()\n"
        "print(c.execute(count).fetchall(), flush=True)\n"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", reading, str(built.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None and reader.stdout.readline() == "[(45, True)]\n"
    copy = built.home / "warehouse.duckdb"
    shutil.copy(built.warehouse, copy)
    subprocess.run([sys.executable, "-c", writing, str(copy)], check=False)
    log = built.warehouse.with_name("warehouse.duckdb.wal")
    copy.with_name(log.name).rename(log)
    for name in ("partial_parse.msgpack", "manifest.json", "graph.gpickle"):
        (built.data / "dbt" / name).write_bytes(b"\x00broken\xff" * 100)
    left = built.data / "build" / "20250101T000000Z-dead" / "x"
    left.parent.mkdir(parents=True)
    left.write_text("left")
    built.source.records.append(record(800, days_ago=0.1))
    report = built.sync(build=True)
    assert report.warehouse is not None and report.warehouse.published
    assert not log.exists() and leftovers(built) == []
    assert built.core("SELECT count(*) FROM core.progressions") == [(46,)]
    out, _ = reader.communicate("\n")
    assert out == "[(45, True)]\n", "it sees what it opened"


def worker(bench: Bench) -> int:
    found = wait_for(lambda: processes_about(bench.data / "build"))
    return found[0]


def open_files(process: int) -> set[Path]:
    found = set()
    for entry in Path(f"/proc/{process}/fd").iterdir():
        with suppress(OSError):
            found.add(entry.readlink())
    return found


def holds_open(process: int, path: Path) -> bool:
    return path in open_files(process)


def has_ended(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def test_dbt_ends_when_the_sync_is_killed_and_publishes_nothing(built: Bench):
    published = built.warehouse.stat()
    for moment in ("parsing", "waiting", "building"):
        built.source.records.append(record(810, days_ago=0.1))
        if moment != "building":
            built.misbehave("hang=60")
        process = built.start("sync", read_timeout=100)
        child = worker(built)
        if moment == "waiting":
            wait_for(lambda: list((built.data / "build").glob("*/warehouse.duckdb")))
        elif moment == "building":
            wait_for(partial(holds_open, child, built.raw))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        wait_for(partial(has_ended, child), 3)
        assert built.warehouse.stat().st_ino == published.st_ino
        built.misbehave()


@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGKILL, "tables broke off"), (signal.SIGSTOP, "tables were not ready within")],
    ids=["killed", "hanging"],
)
def test_dbt_that_dies_or_hangs_leaves_the_tables_of_yesterday(
    built: Bench, number: signal.Signals, words: str, monkeypatch: pytest.MonkeyPatch
):
    published = built.warehouse.stat()
    monkeypatch.setattr(transform, "BUILD_SECONDS", 2.0)
    original = built.server.answer

    def answer(request, incidents):
        if "/progressions" in request.path:
            for child in processes_about(built.data / "build"):
                os.kill(child, number)
        return original(request, incidents)

    built.server.answer = answer  # type: ignore[method-assign]
    report = built.sync(build=True)
    assert report.exit_code == 1 and len(report.errors) == 1
    error = report.errors[0]
    assert words in error.message
    assert error.hint is not None and "tables of the last good build" in error.hint
    assert report.classes[0].status == "ok", "what was read is stored"
    assert built.warehouse.stat().st_ino == published.st_ino
    assert processes_about(built.data) == [] and leftovers(built) == []


def test_place_that_is_no_directory_is_one_clear_line(bench: Bench):
    bench.data.mkdir()
    (bench.data / "logs").write_text("in the way")
    with pytest.raises(CohortTrackerError) as caught:
        bench.sync(build=True)
    assert str(bench.data / "logs") in caught.value.message
