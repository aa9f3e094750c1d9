"""The models over the files of `export --raw` are the models over `raw.db`, row by row."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb

from cohort_tracker.raw.export import export_raw
from cohort_tracker.raw.parquet import EXPORTED
from cohort_tracker.raw.schema import RAW_TABLES
from cohort_tracker.raw.store import RawStore
from cohorts import START, cohort_tables
from raw_exports import files_of, from_files
from raw_fixture import write_raw_db
from tables import differences
from warehouse_fixture import PROJECT, rows, run_dbt


def over_files(data_dir: Path, folder: Path) -> Path:
    """Build all models over the files of a folder; the warehouse."""
    data_dir.mkdir()
    with duckdb.connect(str(data_dir / "views.duckdb")) as db:
        for table in EXPORTED:
            db.execute(f"CREATE VIEW {table} AS {from_files(folder, table)}")
    text = (PROJECT / "profiles.yml").read_text(encoding="utf-8")
    nothing, plugins = '- path: ":memory:"\n', "      plugins:\n        - module: cohort_tracker"
    raw = f"- path: {data_dir}/views.duckdb\n          alias: raw\n          read_only: true\n"
    files = f"{raw}        - path: {data_dir}/warehouse.duckdb\n"
    assert text.count(nothing) == 1 and text.count(plugins) == 2
    text = text.replace(nothing, files)
    own_target, _, _ = text.partition(plugins)  # what attaches raw.db, and the sync's own target
    (data_dir / "profiles.yml").write_text(own_target, encoding="utf-8")
    done = run_dbt(data_dir, "run", profiles=data_dir)
    assert done.returncode == 0, done.stdout + done.stderr
    return data_dir / "warehouse.duckdb"


def add_the_others(raw_db: Path, whole: Path) -> None:
    """Append to a store what another one has more."""
    with closing(sqlite3.connect(raw_db)) as db:
        db.execute("ATTACH ? AS whole", (str(whole),))
        for table in RAW_TABLES:
            db.execute(
                f"INSERT INTO {table} SELECT * FROM whole.{table}"
                f" WHERE rowid > (SELECT coalesce(max(rowid), 0) FROM main.{table})"
            )
        db.commit()


def test_models_over_the_files_are_equal(tmp_path: Path):
    tables = cohort_tables()
    tables["class_states"] = [{"class_id": "paper", "is_listed": True, "is_retired": False}]
    tables["contacts"] = [
        {"contact_id": "a", "student_id": "u0", "contacted_on": START.date(), "how": "call"},
        {"contact_id": "a", "student_id": "u0", "contacted_on": START.date(), "how": "call"},
    ]
    first = {name: rows[: len(rows) // 2] for name, rows in tables.items()}
    folder = tmp_path / "raw"
    folder.mkdir()
    raw_db = write_raw_db(tmp_path / "built" / "raw.db", first)
    export_raw(RawStore(raw_db), folder, "default")
    add_the_others(raw_db, write_raw_db(tmp_path / "whole" / "raw.db", tables))
    export_raw(RawStore(raw_db), folder, "default")
    assert len(files_of(folder, "progressions")) == 2
    done = run_dbt(tmp_path / "built", "run")
    assert done.returncode == 0, done.stdout + done.stderr
    over = over_files(tmp_path / "over", folder)
    assert not differences(tmp_path / "built" / "dev.duckdb", over)
    [found] = rows(over, "select count(*) as students from marts.student_health")
    assert found["students"] > 20
