"""A raw store of an earlier release is brought to the layout of today, or left as it was."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.errors import StoreError
from cohort_tracker.raw.migrations import LAYOUT, MIGRATIONS
from cohort_tracker.raw.schema import RAW_TABLES
from cohort_tracker.raw.store import RawStore
from released_world import files, world
from support import SOURCE_ROOT, Bench
from tables import tables_of
from warehouse_fixture import rows, run_dbt

NAMES = [migration.name for migration in MIGRATIONS]
ADDED = [
    "add class_states",
    "add page_sizes",
    "add schedule",
    "add exclusions",
    "add contacts",
    "add progressions.rejected_fields",
    "add rejected_records.field",
    "add rejected_records.version_no",
    "add roster.student_id",
    "add mentors.class",
]
FIRST_RELEASE = Path(__file__).parent / "released" / "raw_layout_1.sql"
# Tables that tell when something was met, which two stores do not share.
TOLD_BY_TIME = {"core.rejected_records", "core.roster_matches"}


def released(path: Path) -> Path:
    """A raw store as the first release left it."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(FIRST_RELEASE.read_text())
    return path


def dump(path: Path) -> list[str]:
    """Everything that is in a store, its layout's number included."""
    with closing(sqlite3.connect(path)) as db:
        return [*db.iterdump(), *map(str, db.execute("PRAGMA user_version"))]


def layout(path: Path) -> dict[str, Any]:
    """Columns by table, indexes, noted migrations and number of a store; without dlt's tables."""
    with closing(sqlite3.connect(path)) as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        columns = {
            table: {row[1]: row[2] for row in db.execute(f'PRAGMA table_info("{table}")')}
            for (table,) in tables
            if not table.startswith("_dlt")
        }
        indexes = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'").fetchall()
        noted = db.execute("SELECT name FROM raw_migrations ORDER BY rowid").fetchall()
        (number,) = db.execute("PRAGMA user_version").fetchone()
    return {"columns": columns, "indexes": sorted(indexes, key=repr), "noted": noted, "no": number}


@pytest.fixture
def old(tmp_path: Path) -> RawStore:
    """The store of the first release."""
    return RawStore(released(tmp_path / "raw.db"))


@pytest.fixture
def upgraded(tmp_path: Path) -> Iterator[Bench]:
    """A data directory of the first release, and a server that shows what it showed then."""
    with Bench(tmp_path, world(), options={"class_id": "c1,c2", **files(tmp_path)}) as bench:
        bench.data.mkdir()
        released(bench.raw)
        yield bench


def counts(bench: Bench) -> dict[str, int]:
    left = {
        "sync_runs",
        "sync_pages",
        "page_sizes",
        "class_states",
        "exclusions",
        "contacts",
    }  # the log, and what is new
    stored = {name for (name,) in bench.query("SELECT name FROM sqlite_master")}
    tables = (RAW_TABLES.keys() & stored) - left
    return {t: bench.query(f"SELECT count(*) FROM {t}")[0][0] for t in tables}


def test_released_store_gets_the_layout_of_a_new_one(old: RawStore, tmp_path: Path):
    assert old.pending_migrations() == NAMES + ADDED
    assert old.lay_out() == NAMES + ADDED
    assert old.pending_migrations() == [] and old.lay_out() == []
    fresh = RawStore(tmp_path / "fresh.db")
    assert fresh.pending_migrations() == []
    assert fresh.lay_out() == [] and fresh.pending_migrations() == []
    assert layout(old.path) == layout(fresh.path)
    assert layout(fresh.path)["no"] == LAYOUT


def test_migrated_rows_say_where_they_came_from_and_lose_nothing(old: RawStore):
    with closing(sqlite3.connect(old.path)) as db:
        gone = db.execute("SELECT run_id, class_id, gone FROM sync_runs ORDER BY rowid").fetchall()
        records = db.execute("SELECT * FROM progressions ORDER BY rowid").fetchall()
    old.lay_out()
    with closing(sqlite3.connect(old.path)) as db:
        assert sum(row[2] for row in gone) == 2
        assert (
            gone
            == db.execute(
                "SELECT run_id, class_id, removed FROM sync_runs ORDER BY rowid"
            ).fetchall()
        )
        assert [(*record, "openclass", None) for record in records] == db.execute(
            "SELECT * FROM progressions ORDER BY rowid"
        ).fetchall()
        assert {("openclass", "c1"), ("openclass", "c2"), ("files", "file:roster")} == set(
            db.execute("SELECT source, class_id FROM rejected_records")
        )
        for table in ("classes", "class_units", "sync_runs", "sync_pages"):
            assert db.execute(f"SELECT DISTINCT source FROM {table}").fetchall() == [("openclass",)]


def test_sync_of_a_released_store_stores_nothing_twice_and_builds(upgraded: Bench):
    before = counts(upgraded)
    done = upgraded.command("sync", "--full")
    assert done.returncode == 0, done.stderr
    told = f"{upgraded.raw} now has this version's layout: {', '.join(NAMES + ADDED)}"
    assert (done.stdout + done.stderr).count(told) == 1
    # The record whose grade cannot be read was rejected then; now only its grade is.
    assert upgraded.query(
        "SELECT class_id, status, new, changed, removed FROM sync_runs ORDER BY rowid DESC LIMIT 2"
    ) == [("c2", "ok", 0, 0, 0), ("c1", "ok", 1, 0, 0)]
    grown = {table: before[table] + 1 for table in ("progressions", "rejected_records")}
    assert counts(upgraded) == before | grown | {"schedule": 0}
    ages = upgraded.core(
        "SELECT value_from, value_to FROM core.progression_changes WHERE progression_id ="
        " 'c1000000000000000000001d' AND field = 'grade'"
    )
    assert ages == [("0.9", "0.95")], "what changed under the first release is still told"
    with Bench(upgraded.home / "clean", upgraded.source, options=upgraded.options) as clean:
        clean.home.mkdir()
        assert clean.sync().exit_code == 0
        # The ids of who is on the roster only are keyed with it.
        [secret] = upgraded.query("SELECT secret FROM raw_secret")
        with closing(sqlite3.connect(clean.raw)) as db:
            db.execute("UPDATE raw_secret SET secret = ?", secret)
            db.commit()
        assert clean.sync(build=True).exit_code == 0
        ours, theirs = tables_of(upgraded, "core"), tables_of(clean, "core")
        for table in theirs.keys() - TOLD_BY_TIME:
            assert ours[table] == theirs[table], table


def test_status_reads_a_released_store_and_leaves_it_alone(upgraded: Bench):
    before = dump(upgraded.raw)
    shown = upgraded.command("status")
    assert shown.returncode == 0, shown.stderr
    assert "Class c1" in shown.stdout
    told = "raw.db is of an older version. The next sync brings it up to date, all rows stay: "
    assert told + ", ".join(NAMES + ADDED) in " ".join(shown.stdout.split())
    said = json.loads(upgraded.command("status", "--json").stdout)
    assert said["pending_migrations"] == NAMES + ADDED
    assert dump(upgraded.raw) == before


def test_plain_dbt_migrates_a_released_store(tmp_path: Path):
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    released(data_dir / "raw.db")
    done = run_dbt(data_dir, "build", "--exclude-resource-type", "unit_test")
    assert done.returncode == 0, done.stdout + done.stderr
    assert layout(data_dir / "raw.db")["no"] == LAYOUT
    found = rows(data_dir / "dev.duckdb", "select source from core.classes")
    assert found == [{"source": "openclass"}] * 2


def test_failing_migration_leaves_the_store_as_it_was(old: RawStore):
    with closing(sqlite3.connect(old.path)) as db:
        db.execute(  # met in the middle of the first migration
            "CREATE TRIGGER stop BEFORE UPDATE ON rejected_records"
            " BEGIN SELECT RAISE(ABORT, 'no more'); END"
        )
        db.commit()
    before = dump(old.path)
    with pytest.raises(
        StoreError, match=f"migration {NAMES[0]} failed and was taken back: no more"
    ):
        old.lay_out()
    assert dump(old.path) == before
    with closing(sqlite3.connect(old.path)) as db:
        db.execute("DROP TRIGGER stop")
    assert old.lay_out() == NAMES + ADDED


def test_what_was_migrated_before_a_failure_is_kept_and_the_rest_follows(old: RawStore):
    with closing(sqlite3.connect(old.path)) as db:
        db.execute("CREATE VIEW stop AS SELECT * FROM nowhere")  # no column is renamed beside it
    with pytest.raises(StoreError, match=f"migration {NAMES[1]} failed and was taken back"):
        old.lay_out()
    assert old.pending_migrations() == NAMES[1:] + ADDED
    with closing(sqlite3.connect(old.path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
        db.execute("DROP VIEW stop")
    assert old.lay_out() == NAMES[1:] + ADDED
    old.check(thorough=True)


def test_store_killed_while_it_is_migrated_is_before_or_after_a_step(old: RawStore, tmp_path: Path):
    with closing(sqlite3.connect(old.path)) as db:
        for _ in range(11):  # some 100,000 rows, so that it takes a while
            db.execute("INSERT INTO progressions SELECT * FROM progressions")
        db.commit()
        (stored,) = db.execute("SELECT count(*) FROM progressions").fetchone()
    path = tmp_path / "copy.db"
    code = (
        "import sys; from pathlib import Path; from cohort_tracker.raw.store import RawStore\n"
        "print('go', flush=True); RawStore(Path(sys.argv[1])).lay_out(); print('done')\n"
    )

    def migrate(patience: float | None) -> float:
        shutil.copy(old.path, path)
        with subprocess.Popen(
            [sys.executable, "-c", code, str(path)],
            env={"PYTHONPATH": str(SOURCE_ROOT)},
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None and process.stdout.readline() == b"go\n"
            started = time.monotonic()
            if patience is not None:
                time.sleep(patience)
                process.kill()
            process.wait()
            return time.monotonic() - started

    span = migrate(None)
    pending = []
    for turn in range(10):
        migrate(span * (turn + 0.5) / 10)
        store = RawStore(path)
        store.check(thorough=True)
        pending.append(store.pending_migrations())
        assert pending[-1] in [[], *(NAMES[done:] + ADDED for done in range(len(NAMES) + 1))]
        store.lay_out()
        assert store.pending_migrations() == [] and layout(path)["no"] == LAYOUT
        with closing(sqlite3.connect(path)) as db:
            found = db.execute("SELECT count(*), count(source) FROM progressions").fetchone()
        assert found == (stored, stored)
    assert [] in pending or NAMES + ADDED in pending


def test_store_with_an_unknown_migration_is_left_alone(bench: Bench):
    bench.sync()
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute("INSERT INTO raw_migrations VALUES ('9999_later', datetime('now'))")
        db.commit()
    before = dump(bench.raw)
    for command in ("sync", "status"):
        done = bench.command(command)
        assert done.returncode == 1
        assert "was written by a newer version" in done.stderr and "9999_later" in done.stderr
        assert "Traceback" not in done.stderr
    assert dump(bench.raw) == before


def test_column_that_may_be_null_needs_no_migration(bench: Bench):
    bench.sync()
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute("ALTER TABLE progressions DROP COLUMN extra")
        db.execute("ALTER TABLE roster DROP COLUMN night")
    store = RawStore(bench.raw)
    assert store.pending_migrations() == ["add progressions.extra", "add roster.night"]
    report = bench.sync(full=True)
    assert report.exit_code == 0 and report.classes[0].result.changed == 0
    assert store.pending_migrations() == []
    assert bench.in_force() == bench.expected()
