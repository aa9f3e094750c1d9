"""`export --raw`: the files together are `raw.db`, whatever happened between two exports."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from cohort_tracker.raw.backup import list_backups
from cohort_tracker.raw.contacts import add_contact
from cohort_tracker.raw.export import MOST_FILES, export_raw
from cohort_tracker.raw.parquet import EXPORTED
from cohort_tracker.raw.store import RawStore
from cohorts import cohort_tables
from raw_exports import attached, export, exported, files_of, from_files, from_store, hidden, stored
from raw_fixture import write_raw_db
from support import Bench, record
from test_reliability_migrations import FIRST_RELEASE

NOW = datetime.now(UTC)
CHANGED = "rows were changed by forget, restore or an upgrade"
TAKEN = "rows were taken out of raw.db"


def note_contact(bench: Bench, note: str) -> None:
    add_contact(bench.raw, "student-1", contacted_on=NOW.date(), how="call", note=note)


def change_the_class(bench: Bench) -> None:
    """A regrade, a removal, a new record, two that are rejected, one in a field; a contact."""
    records = bench.source.records
    records[0]["grade"] = 0.123
    del records[1]
    records.append(record(500, days_ago=0.1))
    records.append(record(501, days_ago=0.2, grade="A+"))
    records.append(record(502, days_ago=0.2, user="nobody"))
    assert bench.sync(full=True, max_rejected_share=1).exit_code == 0
    note_contact(bench, "will come on Monday")


def test_files_are_raw_db_after_each_sync(bench: Bench):
    assert bench.sync().exit_code == 0
    first = export(bench)
    folder = bench.home / "raw"
    assert exported(folder) == stored(bench.raw)
    assert {name: table["rows"] for name, table in first.items()} == {
        table: sum(rows.values()) for table, rows in stored(bench.raw).items()
    }
    content = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
    assert len(content) == len(EXPORTED), "an empty table is an empty file"

    assert {table["file"] for table in export(bench).values()} == {None}
    assert {path: path.read_bytes() for path in folder.rglob("*.parquet")} == content

    before = stored(bench.raw)
    change_the_class(bench)
    second = export(bench)
    assert exported(folder) == stored(bench.raw)
    assert all(path.read_bytes() == kept for path, kept in content.items()), "they stay"
    for name, table in second.items():
        new = stored(bench.raw)[name] - before[name]
        assert table["rows"] == sum(new.values()) and table["anew"] is None
    assert second["progressions"]["rows"] == 4, "regraded, removed, new, and without its grade"
    assert second["rejected_records"]["rows"] == 2 and second["contacts"]["rows"] == 1
    [run] = {Path(table["file"]).name for table in second.values() if table["file"]}
    assert run > Path(first["progressions"]["file"]).name
    assert hidden(folder) == []


def test_it_says_what_it_wrote_and_keeps_it_to_its_owner(bench: Bench):
    assert bench.sync().exit_code == 0
    done = bench.command("export", "--raw", "raw", "--tenant", "north-1")
    assert done.returncode == 0, done.stderr
    [path] = files_of(bench.home / "raw", "progressions", "north-1")
    assert done.stdout.startswith(f"{path.relative_to(bench.home)}: 45 rows\n")
    total = sum(sum(rows.values()) for rows in stored(bench.raw).values())
    assert done.stdout.endswith(
        f"Exported as tenant north-1: {total} rows of {len(EXPORTED)} tables.\n"
    )
    for place in (bench.home / "raw", *(bench.home / "raw").rglob("*")):
        assert stat.S_IMODE(place.stat().st_mode) == (0o700 if place.is_dir() else 0o600), place
    again = bench.command("export", "--raw", "raw", "--tenant", "north-1")
    assert again.stdout == "Nothing is new since the last export of tenant north-1.\n"


def test_columns_have_the_types_that_the_models_know(tmp_path: Path):
    raw_db = write_raw_db(tmp_path / "raw.db", cohort_tables())
    (tmp_path / "raw").mkdir()
    export_raw(RawStore(raw_db), tmp_path / "raw", "default")
    assert exported(tmp_path / "raw") == stored(raw_db)
    with attached(raw_db) as db:
        for table in EXPORTED:
            shown = db.execute(f"DESCRIBE {from_store(table)}").fetchall()
            files = db.execute(f"DESCRIBE {from_files(tmp_path / 'raw', table)}").fetchall()
            assert [row[:2] for row in files] == [row[:2] for row in shown], table


def test_more_rows_than_are_read_at_once(tmp_path: Path):
    count = 120_001
    rows = [{"record_id": str(n), "user_id": "u", "assignment_id": "a"} for n in range(count)]
    raw_db = write_raw_db(tmp_path / "raw.db", {"progressions": rows})
    (tmp_path / "raw").mkdir()
    done = export_raw(RawStore(raw_db), tmp_path / "raw", "default")
    assert {table.table: table.rows for table in done}["progressions"] == count
    assert exported(tmp_path / "raw") == stored(raw_db)
    [path] = files_of(tmp_path / "raw", "progressions")
    assert pq.read_metadata(path).num_row_groups == 3, "memory is that of a part"


def test_forgotten_person_is_in_no_file_any_more(bench: Bench):
    bench.source.records[5]["reviewer"] = "s3@example.org"
    assert bench.sync().exit_code == 0
    export(bench)
    change_the_class(bench)
    export(bench)
    folder = bench.home / "raw"
    assert "s3@example.org" in str(exported(folder))
    assert bench.command("forget", "s3@example.org", "--yes").returncode == 0
    done = export(bench)
    assert {table["anew"] for table in done.values()} == {CHANGED}
    assert exported(folder) == stored(bench.raw)
    assert "s3@example.org" not in str(exported(folder)), "in texts of others, too"
    assert "student-3" not in str(exported(folder))
    assert [len(files_of(folder, table)) for table in EXPORTED] == [1] * len(EXPORTED)
    assert hidden(folder) == []
    assert {table["anew"] for table in export(bench).values()} == {None}


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("grown", [False, True])
def test_restored_store_is_exported_anew(bench: Bench, by_hand: bool, grown: bool):
    """Rows have the numbers again that others had; by hand nothing says so but the rows."""
    assert bench.sync().exit_code == 0
    [backup] = list_backups(bench.data / "backups")
    change_the_class(bench)
    export(bench)
    if by_hand:
        shutil.copy(backup, bench.raw)
    else:
        assert bench.command("restore").returncode == 0
    if grown:
        for number in range(10):
            bench.source.records.append(record(600 + number, days_ago=0.01 * number))
            assert bench.sync(full=True, max_rejected_share=1).exit_code == 0
    done = export(bench)
    if by_hand:
        assert done["progressions"]["anew"] and done["sync_runs"]["anew"]
    else:
        assert {table["anew"] for table in done.values()} == {CHANGED}
    assert exported(bench.home / "raw") == stored(bench.raw)


@pytest.mark.parametrize(
    "statements",
    [
        ["DELETE FROM sync_pages WHERE rowid = 2"],
        ["DELETE FROM sync_pages WHERE rowid <= 3", "DELETE FROM sync_pages WHERE seq = 5"],
        ["DELETE FROM sync_pages WHERE rowid = 5", "INSERT INTO sync_pages SELECT * FROM copy"],
        ["DELETE FROM sync_pages"],
    ],
)
def test_log_that_lost_rows_is_exported_anew(bench: Bench, statements: list[str]):
    assert bench.sync().exit_code == 0
    assert bench.query("SELECT count(*), max(rowid) FROM sync_pages") == [(5, 5)]
    export(bench)
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute("CREATE TEMP TABLE copy AS SELECT * FROM sync_pages WHERE rowid = 1")
        for statement in statements:
            db.execute(statement)
        db.commit()
    done = export(bench)
    assert [name for name, table in done.items() if table["anew"]] == ["sync_pages"]
    assert exported(bench.home / "raw") == stored(bench.raw)


def test_store_of_the_first_release_is_brought_up_to_date(bench: Bench):
    bench.data.mkdir()
    with closing(sqlite3.connect(bench.raw)) as db:
        db.executescript(FIRST_RELEASE.read_text())
    export(bench)
    assert exported(bench.home / "raw") == stored(bench.raw)
    assert sum(stored(bench.raw)["progressions"].values()) > 0


def test_migrated_store_is_exported_anew(bench: Bench):
    """A migration may change rows: here one that this file has not been through yet."""
    assert bench.sync().exit_code == 0
    export(bench)
    with closing(sqlite3.connect(bench.raw)) as db:
        db.execute("DELETE FROM raw_migrations WHERE name = '0003_secret'")
        db.commit()
    assert {table["anew"] for table in export(bench).values()} == {CHANGED}


def test_file_that_is_gone_comes_back(bench: Bench):
    assert bench.sync().exit_code == 0
    export(bench)
    change_the_class(bench)
    export(bench)
    assert len(files_of(bench.home / "raw", "progressions")) == 2
    files_of(bench.home / "raw", "progressions")[0].unlink()
    assert export(bench)["progressions"]["anew"] == "files are missing"
    assert exported(bench.home / "raw") == stored(bench.raw)
    shutil.rmtree(bench.home / "raw" / "classes")
    assert export(bench)["classes"]["rows"] == 1
    assert exported(bench.home / "raw") == stored(bench.raw)


def test_files_of_other_columns_are_written_anew(bench: Bench):
    assert bench.sync().exit_code == 0
    export(bench)
    [path] = files_of(bench.home / "raw", "classes")
    footer = pq.read_metadata(path).metadata
    older = pq.read_table(path).drop_columns(["school"])
    with pq.ParquetWriter(path, older.schema) as writer:
        writer.write_table(older)
        writer.add_key_value_metadata({b"cohort_tracker": footer[b"cohort_tracker"]})
    assert export(bench)["classes"]["anew"] == "the columns are others"
    assert exported(bench.home / "raw") == stored(bench.raw)


def test_many_small_files_become_one(bench: Bench):
    assert bench.sync().exit_code == 0
    folder, store = bench.home / "raw", RawStore(bench.raw)
    folder.mkdir()
    for number in range(MOST_FILES):
        export_raw(store, folder, "default")
        note_contact(bench, str(number))
    assert len(files_of(folder, "contacts")) == MOST_FILES
    done = {table.table: table for table in export_raw(store, folder, "default")}
    assert done["contacts"].anew == f"{MOST_FILES} files become one"
    assert done["contacts"].rows == MOST_FILES
    assert len(files_of(folder, "contacts")) == 1
    assert exported(folder) == stored(bench.raw)


def test_tenants_stand_side_by_side(bench: Bench, tmp_path: Path):
    assert bench.sync().exit_code == 0
    (tmp_path / "south").mkdir()
    with Bench(tmp_path / "south") as south:
        south.source.records.extend(record(700 + n, days_ago=n + 1) for n in range(5))
        assert south.sync().exit_code == 0
        folder = bench.home / "raw"
        export(bench, "--tenant", "north")
        (south.home / "raw").symlink_to(folder)
        export(south, "--tenant", "south")
        assert exported(folder, "north") == stored(bench.raw)
        assert exported(folder, "south") == stored(south.raw)
        with duckdb.connect() as db:
            both = f"SELECT tenant, count(*) FROM '{folder}/progressions/*/*.parquet' GROUP BY ALL"
            assert dict(db.execute(both).fetchall()) == {"north": 45, "south": 50}
        before = exported(folder, "north")
        done = south.command("export", "--raw", str(folder), "--tenant", "north")
        assert done.returncode == 2
        assert "tenant=north holds rows of another raw.db" in done.stderr
        assert exported(folder, "north") == before
