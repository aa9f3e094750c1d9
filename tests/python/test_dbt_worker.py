"""The dbt process of a sync starts before the data are there, and must not look at them early."""

from __future__ import annotations

import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from cohort_tracker.project import project_dir
from cohort_tracker.runtime.child import child_environment
from cohort_tracker.warehouse.build import WarehouseBuild, dbt_variables
from support import Bench, holding, processes_about, wait_for

OTHER_TYPE = (
    "      - name: id\n        data_type: string",
    "      - name: id\n        data_type: bigint",
)
BROKEN_KEYS = {
    "core/enrollments": (
        "primary_key, columns: [class_id, student_id]",
        "primary_key, columns: [class_id]",
    ),
    "core/curriculum": ("[[assignment_key]]", "[[assignment_key], [class_id]]"),
    "marts/blockers": (
        "{columns: [class_id, assignment_id], to: ref('curriculum')}",
        "{columns: [class_name], to: ref('classes'), to_columns: [id]}",
    ),
}
MISSING_COLUMN = (
    "    columns:\n",
    "    columns:\n      - {name: nowhere, data_type: bigint, description: nothing}\n",
)
EVERY_TABLE = "SELECT schema_name, table_name, comment FROM duckdb_tables() ORDER BY ALL"
EVERY_COLUMN = (
    "SELECT schema_name, table_name, column_name, data_type, is_nullable, comment"
    " FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
)


@contextmanager
def begun(bench: Bench) -> Iterator[WarehouseBuild]:
    """A build whose dbt process has got as far as it gets without data."""
    with WarehouseBuild(bench.settings(), "run") as build:
        wait_for(lambda: list((bench.data / "build").glob("*/warehouse.duckdb")))
        time.sleep(2)
        yield build


@dataclass
class Worked:
    """What a dbt process left."""

    exit_code: int
    warehouse: Path
    outcome: dict[str, Any]
    log: str


def work(
    bench: Bench,
    name: str,
    *,
    project: Path | None = None,
    patience: float = 0.0,
    largest_file: int = resource.RLIM_INFINITY,
) -> Worked:
    """Run a dbt process as a sync does; it is released after `patience`."""
    folder = bench.home / name
    folder.mkdir()
    warehouse, outcome = folder / "warehouse.duckdb", folder / "outcome.json"
    arguments = (project or project_dir(), bench.data, outcome, warehouse, bench.warehouse, "{}")
    limits = (largest_file, resource.RLIM_INFINITY)
    with subprocess.Popen(
        [sys.executable, "-m", "cohort_tracker.warehouse.dbt_worker", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**child_environment(folder), **dbt_variables(bench.settings(), name)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits),
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        time.sleep(patience)
        process.stdin.write(b"release\n")
        process.stdin.flush()
        log = process.stdout.read().decode()
    return Worked(process.returncode, warehouse, json.loads(outcome.read_text()), log)


def test_raw_store_is_read_only_when_it_is_ready(bench: Bench):
    bench.sync()
    with begun(bench) as build:
        with holding(bench.raw, "BEGIN EXCLUSIVE"):
            time.sleep(0.5)
            assert processes_about(bench.data / "build"), "it is still there and waits"
        with closing(sqlite3.connect(bench.raw)) as db:
            columns = [row[1] for row in db.execute("PRAGMA table_info(progressions)")]
            values = ", ".join("'late'" if name == "record_id" else name for name in columns)
            db.execute(f"INSERT INTO progressions SELECT {values} FROM progressions LIMIT 1")
            db.commit()
        report = build.finish()
    assert report.failures == [] and report.published
    assert bench.core("SELECT count(*), count(*) FILTER (id = 'late') FROM core.progressions") == [
        (46, 1)
    ]


def test_tables_are_those_of_stock_dbt(bench: Bench, tmp_path: Path):
    """The project's own materialization, contract and comment macros against the adapter's."""
    bench.sync()
    stock = copy_of_project(tmp_path / "stock")
    for name in ("table_materialization.sql", "contracts_and_comments.sql"):
        (stock / "macros" / name).unlink()
    ours, theirs = work(bench, "ours"), work(bench, "theirs", project=stock)
    for done in (ours, theirs):
        assert done.exit_code == 0 and done.log == ""
        assert done.outcome["failures"] == []
        assert done.outcome["models"] >= 40 and done.outcome["tests"] >= 10
    [our_tables, our_columns, our_rows] = contents(ours.warehouse)
    [their_tables, their_columns, their_rows] = contents(theirs.warehouse)
    assert our_tables == their_tables
    assert our_columns == their_columns
    assert our_rows == their_rows
    assert sum(comment is not None for *_, comment in our_columns) > 300


def contents(warehouse: Path) -> list[Any]:
    """Tables, columns, comments and rows; numbers without what the order of a sum does to them."""
    with duckdb.connect(str(warehouse), read_only=True) as db:
        tables = db.execute(EVERY_TABLE).fetchall()
        rows = {
            (schema, table): sorted(
                repr([round(v, 9) if isinstance(v, float) else v for v in row])
                for row in db.execute(f'FROM "{schema}"."{table}"').fetchall()
            )
            for schema, table, _ in tables
            if table != "build"  # which says which of both it is
        }
        return [tables, db.execute(EVERY_COLUMN).fetchall(), rows]


def copy_of_project(folder: Path) -> Path:
    """The dbt project, to be changed."""
    folder.mkdir()
    for path in project_dir().glob("*.yml"):
        shutil.copy(path, folder)
    for name in ("models", "macros", "analyses", "tests/sql"):
        shutil.copytree(project_dir() / name, folder / name)
    return folder


def replace_once(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_broken_invariant_and_broken_contracts_are_named_in_the_words_of_dbt(
    bench: Bench, tmp_path: Path
):
    bench.sync()
    done = {}
    for name in ("ours", "stock"):
        project = copy_of_project(tmp_path / f"{name}-project")
        if name == "stock":
            (project / "macros/contracts_and_comments.sql").unlink()
        (project / "tests/sql/nothing_is_well.sql").write_text("select 1 as broken")
        replace_once(project / "models/core/students.yml", *OTHER_TYPE)
        replace_once(project / "models/core/sync_history.yml", *MISSING_COLUMN)
        done[name] = work(bench, name, project=project)
        assert done[name].exit_code == 1
    ours, stock = (sorted(done[name].outcome["failures"]) for name in ("ours", "stock"))
    assert ours == stock
    told = {line.split(":")[0]: line for line in ours}
    assert told.keys() == {"nothing_is_well", "students", "sync_history"}
    for name in ("students", "sync_history"):
        assert "This model has an enforced contract that failed" in told[name]
    assert all(name in done["ours"].log for name in told)


def test_broken_keys_are_named_with_their_tables(bench: Bench, tmp_path: Path):
    bench.sync()
    project = copy_of_project(tmp_path / "project")
    for name, change in BROKEN_KEYS.items():
        replace_once(project / f"models/{name}.yml", *change)
    done = work(bench, "broken", project=project)
    assert done.exit_code == 1
    assert sorted(done.outcome["failures"]) == [
        "blockers: broken foreign key (class_name) to classes",
        "curriculum: broken unique key (class_id)",
        "enrollments: broken primary key (class_id)",
    ]


def test_project_that_cannot_be_parsed_is_named_at_once(bench: Bench, tmp_path: Path):
    bench.sync()
    project = copy_of_project(tmp_path / "project")
    (project / "models/core/broken.sql").write_text("select * from {{ ref('nowhere') }}")
    done = work(bench, "unparsed", project=project)
    assert done.exit_code == 1
    (failure,) = done.outcome["failures"]
    assert "nowhere" in failure


def test_warehouse_that_cannot_be_written_to_its_end_is_named(bench: Bench):
    bench.sync()
    work(bench, "whole")  # leaves what dbt keeps of the project, which is large, too
    done = work(bench, "cut", largest_file=1 << 20)
    assert done.exit_code == 1
    (failure,) = done.outcome["failures"]
    assert failure.startswith("warehouse.duckdb: ")


def test_end_of_the_sync_ends_a_waiting_dbt_at_once(bench: Bench):
    bench.sync()
    with begun(bench) as build:
        (worker,) = processes_about(bench.data / "build")
        build._hang_up()
        wait_for(lambda: has_ended(worker), 1)
    assert not (bench.data / "build").exists()
    assert not bench.warehouse.exists()


def has_ended(process: int) -> bool:
    """Whether the process is gone, or nobody has asked yet how it ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")")[-1].split()[0] == "Z"
    except OSError:
        return True
