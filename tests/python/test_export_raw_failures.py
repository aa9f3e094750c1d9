"""`export --raw` where something is in its way, and killed at any moment."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from cohort_tracker.errors import ExportRunningError
from cohort_tracker.raw.generation import begin_generation
from cohort_tracker.runtime.lock import one_at_a_time
from raw_exports import Rows, export, exported, files_of, hidden, stored
from raw_fixture import write_raw_db
from support import Bench, wait_for
from test_reliability_interruption import small_disk

ROUNDS = 5
AT_NIGHT = 40


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("students", "--raw", "raw"), 2, "--raw is everything of everybody"),
        (("--raw", "raw", "--list"), 2, "--raw is everything of everybody"),
        (("--raw", "raw", "--class", "c1"), 2, "--raw is everything of everybody"),
        (("--raw", "raw", "--night", "Monday"), 2, "--raw is everything of everybody"),
        (("--raw", "raw", "--mentor", "a@b.c"), 2, "--raw is everything of everybody"),
        (("--raw", "raw", "--hide-names"), 2, "--raw is everything of everybody"),
        (("--raw", "raw", "--format", "csv"), 2, "--raw is everything of everybody"),
        (("--raw", "raw", "-o", "x.csv"), 2, "--raw is everything of everybody"),
        (("students", "--tenant", "north"), 2, "--tenant is for --raw"),
        (("--raw", "raw", "--tenant", ""), 2, "'' cannot be the name of a tenant"),
        (("--raw", "raw", "--tenant", "../x"), 2, "'../x' cannot be the name of a tenant"),
        (("--raw", "raw", "--tenant", "North"), 2, "'North' cannot be the name of a tenant"),
        (("--raw", "raw", "--tenant", "1st"), 2, "'1st' cannot be the name of a tenant"),
        (("--raw", "raw", "--tenant", "a" * 64), 2, "cannot be the name of a tenant"),
        (("--raw", "raw", "--tenant", "a\n"), 2, "cannot be the name of a tenant"),
        (("--raw", "data/raw"), 2, "which is for the program's own files"),
        (("--raw", "file"), 2, "file cannot be made: File exists"),
        (("--raw", "raw", "--json"), 1, "Nothing is stored in"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_no_row(bench: Bench, arguments, code, said):
    (bench.home / "file").write_text("kept")
    done = bench.command("export", *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr
    assert not list(bench.home.rglob("*.parquet"))
    assert (bench.home / "file").read_text() == "kept"
    if "--json" in arguments:
        told = json.loads(done.stdout)
        assert told["status"] == "failed" and said in told["error"]


def test_longest_name_of_a_tenant(bench: Bench):
    assert bench.sync().exit_code == 0
    export(bench, "--tenant", "a" * 63)
    assert exported(bench.home / "raw", "a" * 63) == stored(bench.raw)


def test_second_export_at_once_leaves(bench: Bench):
    assert bench.sync().exit_code == 0
    folder = bench.home / "raw"
    folder.mkdir()
    with one_at_a_time(folder / ".tenant=default.lock", ExportRunningError("running")):
        done = bench.command("export", "--raw", "raw")
        assert done.returncode == 6
        assert "Another export of default into raw is running" in done.stderr
        assert not list(folder.rglob("*.parquet"))
        export(bench, "--tenant", "other")
    assert bench.command("export", "--raw", "raw").returncode == 0
    assert exported(folder) == exported(folder, "other") == stored(bench.raw)


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", None])
def test_file_of_somebody_else_is_left(bench: Bench, content: bytes | None):
    assert bench.sync().exit_code == 0
    export(bench)
    [path] = files_of(bench.home / "raw", "classes")
    foreign = path.with_name("mine.parquet")
    if content is None:  # Parquet, but not of this program
        code = "import duckdb, sys; duckdb.sql(f\"COPY (SELECT 1 AS x) TO '{sys.argv[1]}'\")"
        subprocess.run([sys.executable, "-c", code, str(foreign)], check=True)
    else:
        foreign.write_bytes(content)
    kept = foreign.read_bytes()
    done = bench.command("export", "--raw", "raw")
    assert done.returncode == 2
    assert "mine.parquet is not a file of this export, or damaged" in done.stderr
    assert foreign.read_bytes() == kept and path.exists()
    foreign.unlink()
    export(bench)


def test_what_other_engines_note_is_no_file_of_rows(bench: Bench):
    assert bench.sync().exit_code == 0
    export(bench)
    for name in ("_SUCCESS", ".part.crc"):
        (bench.home / "raw" / "classes" / "tenant=default" / name).write_text("")
    assert {table["anew"] for table in export(bench).values()} == {None}


def test_value_that_is_not_of_its_column_is_said(bench: Bench):
    assert bench.sync().exit_code == 0
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute("UPDATE sync_runs SET started_at = 'yesterday'")
        db.commit()
    done = bench.command("export", "--raw", "raw")
    assert done.returncode == 1
    assert "raw.db has a value in sync_runs that is not of its column" in done.stderr
    assert files_of(bench.home / "raw", "sync_runs") == [] and hidden(bench.home / "raw") == [
        ".tenant=default.new"
    ]


def limited(bench: Bench, limit: int) -> subprocess.CompletedProcess[str]:
    """Export where no file may be longer than so many bytes, as on a full disk."""
    code = (
        f"import resource, signal; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "from cohort_tracker.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, "export", "--raw", "raw"],
        env=bench.process_environment(),
        cwd=bench.home,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_full_disk_leaves_what_was_there(bench: Bench, is_forgotten: bool):
    assert bench.sync().exit_code == 0
    export(bench)
    before = exported(bench.home / "raw")
    bench.source.records[0]["grade"] = 0.111
    assert bench.sync(full=True).exit_code == 0
    if is_forgotten:
        assert bench.command("forget", "s3@example.org", "--yes").returncode == 0
    done = limited(bench, 2000)
    assert done.returncode == 1
    assert "cannot be written: File too large" in done.stderr and "Traceback" not in done.stderr
    assert exported(bench.home / "raw")["progressions"] == before["progressions"]
    export(bench)
    assert exported(bench.home / "raw") == stored(bench.raw)
    assert hidden(bench.home / "raw") == []


def test_disk_that_is_read_only_is_said(bench: Bench):
    assert bench.sync().exit_code == 0
    with small_disk(bench.home / "disk", 12) as disk:
        (bench.home / "raw").symlink_to(disk)
        export(bench)
        before = exported(disk)
        bench.source.records[0]["grade"] = 0.111
        assert bench.sync(full=True).exit_code == 0
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = bench.command("export", "--raw", "raw")
        assert done.returncode == 1
        assert "Read-only file system" in done.stderr and "Traceback" not in done.stderr
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        assert exported(disk) == before
        export(bench)
        assert exported(disk) == stored(bench.raw)


def test_file_in_the_place_of_a_folder_is_said(bench: Bench):
    assert bench.sync().exit_code == 0
    (bench.home / "raw").mkdir()
    (bench.home / "raw" / "classes").write_text("mine")
    done = bench.command("export", "--raw", "raw")
    assert done.returncode == 1
    assert "cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert (bench.home / "raw" / "classes").read_text() == "mine"


@pytest.mark.parametrize(
    ("left", "is_there"),
    [
        (".tenant=default.new", True),  # killed before it was in place
        (".tenant=default.old", False),  # between the two renames
        (".tenant=default.old", True),  # after them: it may hold who was forgotten
    ],
)
def test_what_a_killed_one_left_goes(bench: Bench, left: str, is_there: bool):
    assert bench.sync().exit_code == 0
    export(bench)
    table = bench.home / "raw" / "progressions"
    shutil.copytree(table / "tenant=default", table / left)
    if not is_there:
        shutil.rmtree(table / "tenant=default")
    unfinished = bench.home / "raw" / "classes" / "tenant=default" / ".cohort-tracker-abc"
    unfinished.write_bytes(b"PAR1")
    done = export(bench)
    assert done["progressions"]["rows"] == (0 if is_there else 45)
    assert done["classes"]["file"] is None
    assert exported(bench.home / "raw") == stored(bench.raw)
    assert hidden(bench.home / "raw") == []


def large(bench: Bench) -> None:
    """A store whose export takes a while."""
    rows = [
        {"record_id": str(n), "user_id": f"u{n % 999}", "assignment_id": "a"} for n in range(60_000)
    ]
    rejected = [{"record_id": f"r{n}"} for n in range(60_000)]
    bench.data.mkdir()
    write_raw_db(bench.raw, {"progressions": rows, "rejected_records": rejected})


def grow(bench: Bench) -> None:
    """As many rows again."""
    with closing(sqlite3.connect(bench.raw)) as db:
        for table in ("progressions", "rejected_records"):
            db.execute(f"INSERT INTO {table} SELECT * FROM {table}")
        db.commit()


def change(bench: Bench) -> None:
    """Rows go, as somebody is forgotten."""
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute("DELETE FROM progressions WHERE user_id = 'u7'")
        db.execute("DELETE FROM rejected_records WHERE record_id LIKE 'r7%'")
        begin_generation(db)
        db.commit()


def test_store_that_changes_meanwhile_is_exported_as_it_is_then(bench: Bench):
    large(bench)
    process = bench.start("export", "--raw", "raw")
    wait_for(lambda: files_of(bench.home / "raw", "progressions"))
    change(bench)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert exported(bench.home / "raw") == stored(bench.raw)


def test_contact_is_noted_meanwhile(bench: Bench):
    """The store is not held for the whole of an export."""
    large(bench)
    process = bench.start("export", "--raw", "raw")
    wait_for(lambda: hidden(bench.home / "raw"))
    with closing(sqlite3.connect(bench.raw, timeout=5)) as db:
        db.execute("INSERT INTO contacts (contact_id) VALUES ('written')")
        db.commit()
    assert process.poll() is None, "the export was still running"
    process.communicate(timeout=120)
    assert process.returncode == 0
    export(bench)
    assert exported(bench.home / "raw") == stored(bench.raw)


@pytest.mark.parametrize("rounds", [ROUNDS, pytest.param(AT_NIGHT, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("happens", [grow, change])
def test_killed_at_any_moment_nothing_is_there_twice_and_the_next_one_finishes(
    tmp_path: Path, happens: Callable[[Bench], None], rounds: int
):
    chance = random.Random(rounds)
    with Bench(tmp_path) as bench:
        large(bench)
        folder, prepared = bench.home / "raw", bench.home / "prepared"
        export(bench)
        before = exported(folder)
        folder.rename(prepared)
        happens(bench)
        after = stored(bench.raw)
        span = 0.0
        for number in range(-1, rounds):
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(prepared, folder)
            started = time.monotonic()
            process = bench.start("export", "--raw", "raw")
            if number < 0:  # the first one says how long it takes
                process.communicate(timeout=120)
                span = time.monotonic() - started
            else:
                time.sleep(span * (1 + 3 * (number + chance.random()) / rounds) / 4)
                process.kill()
                process.communicate()
                assert_old_or_new(exported(folder), before, after)
                export(bench)
            assert exported(folder) == after
            assert hidden(folder) == []


def assert_old_or_new(found: Rows, before: Rows, after: Rows) -> None:
    for table, rows in found.items():
        assert rows in (before[table], after[table]), f"{table} is neither as it was nor as it is"
