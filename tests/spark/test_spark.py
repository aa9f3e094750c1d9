"""The tables that Spark makes are those of DuckDB, row by row, whatever the data and the cluster.

Run by `make spark`; each build takes a minute or two.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest

from cohorts import add_progressions, cohort_tables
from lakehouse import Lakehouse, demo, duckdb_warehouse
from planned_cohort import planned_tables
from raw_fixture import Row, add_rows, with_schedule_file, write_raw_db
from warehouse_fixture import PROJECT

LARGE = 100_000
# Names in other forms of letters, as people paste them.
FORMS = [
    "Rene\u0301",
    "\ufb01ona",
    "\uff21na",
    "\u1100\u1161\u11a8",
    "O\u00b4Neil",
    "\u0130pek",
    "I\u0307nci",
    "\u0391\u03a1\u0397\u03a3",
    "Zo\u0323e\u0308",
]
# Java writes small numbers in another way.
SMALL = {0.4: 0.0007, 0.69: 4e-05}
# What is brought to a single partition grows with classes only.
FEW_ROWS = {"classes"}


@dataclass
class School:
    """A tenant of the lakehouse, and the same tables from DuckDB."""

    tenant: str
    warehouse: Path


def school(lakehouse: Lakehouse, data_dir: Path, tenant: str) -> School:
    """Export the raw store of a data directory, and build it with DuckDB."""
    lakehouse.export(data_dir, tenant)
    return School(tenant, duckdb_warehouse(data_dir))


def grown_school(
    lakehouse: Lakehouse, data_dir: Path, tenant: str, tables: Mapping[str, Sequence[Row]]
) -> School:
    """Export half of the rows and then the rest, so that each table is of two files."""
    raw_db = write_raw_db(
        data_dir / "raw.db", {name: rows[: len(rows) // 2] for name, rows in tables.items()}
    )
    lakehouse.export(data_dir, tenant)
    add_rows(raw_db, {name: rows[len(rows) // 2 :] for name, rows in tables.items()})
    made = school(lakehouse, data_dir, tenant)
    assert len(list((lakehouse.raw / "progressions").rglob(f"tenant={tenant}/*.parquet"))) == 2
    return made


@pytest.fixture(scope="module")
def lakehouse(tmp_path_factory: pytest.TempPathFactory) -> Lakehouse:
    return Lakehouse(tmp_path_factory.mktemp("lakehouse"))


@pytest.fixture(scope="module")
def shown(lakehouse: Lakehouse, tmp_path_factory: pytest.TempPathFactory) -> tuple[School, str]:
    """The demo, built with all data tests and all unit tests, all of them good."""
    data_dir = tmp_path_factory.mktemp("demo") / "data"
    demo(data_dir)
    tenant = school(lakehouse, data_dir, "demo")
    return tenant, lakehouse.build("demo", "--all-tests")


@pytest.fixture(scope="module")
def clocks(lakehouse: Lakehouse, tmp_path_factory: pytest.TempPathFactory) -> School:
    """Every kind of dirt: classes across a change of clocks, with a schedule, with own nights."""
    data_dir = tmp_path_factory.mktemp("clocks")
    tables = planned_tables(3)
    for line, name in zip(tables["roster"][::3], cycle(FORMS), strict=False):
        line["first_name"] = line["last_name"] = name
        line["night"] = line.get("night") and name
    for record in tables["progressions"]:
        record["grade"] = SMALL.get(record["grade"], record["grade"])
    return grown_school(lakehouse, data_dir, "clocks", with_schedule_file(tables))


@pytest.fixture(scope="module")
def on_two(lakehouse: Lakehouse, clocks: School) -> str:
    """The first build of that, on two partitions."""
    return lakehouse.build(clocks.tenant, partitions=2)


@pytest.fixture(scope="module")
def large(lakehouse: Lakehouse, tmp_path_factory: pytest.TempPathFactory) -> School:
    """A hundred thousand records with regrades and removals."""
    data_dir = tmp_path_factory.mktemp("large")
    tables = cohort_tables()
    for number in range(8):
        add_progressions(random.Random(number), tables, f"large-{number}", 1700)
    versions = tables["progressions"]
    assert len(versions) > LARGE and any(row.get("is_removed") for row in versions)
    return grown_school(lakehouse, data_dir, "large", tables)


def test_the_demo_is_equal_and_all_tests_pass(lakehouse: Lakehouse, shown: tuple[School, str]):
    tenant, build = shown
    assert lakehouse.differences(tenant.warehouse, tenant.tenant, build) == {}


def test_readers_find_comments_as_long_as_a_metastore_holds(
    lakehouse: Lakehouse, shown: tuple[School, str]
):
    [columns] = lakehouse.ask(f"describe {shown[0].tenant}_marts.student_health")
    comments = {name: comment for name, _, comment in columns}
    assert all(comments.values()) and max(map(len, comments.values())) <= 256
    assert comments["tier"].endswith("…") and not comments["student_id"].endswith("…")


def test_nothing_that_grows_with_students_comes_to_one_partition(
    lakehouse: Lakehouse, shown: tuple[School, str]
):
    tenant, _ = shown
    compiled = lakehouse.work / tenant.tenant / "target" / "compiled" / "cohort_tracker" / "models"
    # tests lie in folders that are called as the file they are written in
    models = [file for file in compiled.rglob("*.sql") if ".yml/" not in file.as_posix()]
    assert len(models) > 75
    found = lakehouse.script("plans.py", *map(str, models))
    assert {model for model, _ in found} <= FEW_ROWS, found
    assert found, "the row number of a class is taken over all classes: the plans can be read"


def test_a_large_school_is_equal_where_the_session_is_in_new_york(
    lakehouse: Lakehouse, large: School
):
    build = lakehouse.build(large.tenant, partitions=4, zone="America/New_York")
    assert lakehouse.differences(large.warehouse, large.tenant, build) == {}


def test_a_change_of_clocks_is_equal_on_two_partitions(
    lakehouse: Lakehouse, clocks: School, on_two: str
):
    assert lakehouse.differences(clocks.warehouse, clocks.tenant, on_two) == {}


def test_two_schools_stand_side_by_side(
    lakehouse: Lakehouse, shown: tuple[School, str], clocks: School, on_two: str
):
    ours, build = shown
    asked = "select (select id from {0}_core.build), count(*) from {0}_core.progressions"
    [[mine], [other]] = lakehouse.ask(asked.format(ours.tenant), asked.format(clocks.tenant))
    assert mine[0] == build and other[0] == on_two and mine[1] != other[1] > 0


def test_a_killed_build_leaves_the_views_and_the_next_clears_up(
    lakehouse: Lakehouse, clocks: School, on_two: str
):
    running = subprocess.Popen(
        lakehouse.command(clocks.tenant),
        env=lakehouse.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    killed = _wait_for_tables(lakehouse, clocks.tenant, on_two, running)
    running.send_signal(signal.SIGKILL)
    running.wait()
    [[[seen]], [[progressions]]] = lakehouse.ask(
        "select id from clocks_core.build", "select count(*) from clocks_core.progressions"
    )
    assert seen == on_two and progressions > 0
    assert lakehouse.differences(clocks.warehouse, clocks.tenant, on_two) == {}
    on_four = lakehouse.build(clocks.tenant, partitions=4)
    assert lakehouse.differences(clocks.warehouse, clocks.tenant, on_four) == {}
    [schemas] = lakehouse.ask("show schemas")
    kept = {name for (name,) in schemas if name.startswith("clocks_core__")}
    assert kept == {f"clocks_core__{build}" for build in (on_two, on_four)} and killed > on_two


def test_eight_partitions_give_equal_tables(lakehouse: Lakehouse, clocks: School):
    build = lakehouse.build(clocks.tenant, partitions=8)
    assert lakehouse.differences(clocks.warehouse, clocks.tenant, build) == {}


def test_a_school_that_was_not_exported_is_told_and_nothing_is_shown(
    lakehouse: Lakehouse, shown: tuple[School, str]
):
    done = subprocess.run(
        lakehouse.command("nobody"),
        env=lakehouse.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "Was this school exported?" in done.stderr
    [schemas] = lakehouse.ask("show schemas")
    assert ["demo_core"] in schemas and ["nobody_core"] not in schemas


def test_a_session_in_another_zone_builds_nothing(lakehouse: Lakehouse, tmp_path: Path):
    zone = "spark.sql.session.timeZone: {}".format
    profiles = (PROJECT / "profiles.yml").read_text(encoding="utf-8")
    assert zone("UTC") in profiles
    moved = profiles.replace(zone("UTC"), zone("America/New_York"))
    (tmp_path / "profiles.yml").write_text(moved, encoding="utf-8")
    places = ["--project-dir", str(PROJECT), "--profiles-dir", str(tmp_path)]
    places += ["--target-path", str(tmp_path / "target"), "--log-path", str(tmp_path / "logs")]
    command = [sys.executable, "-m", "dbt.cli.main"]
    done = subprocess.run(
        [*command, "run-operation", "require_utc", "--target", "spark", *places],
        env=lakehouse.environment() | {"COHORT_TRACKER_BUILD_ID": "moved"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0 and "is in America/New_York" in done.stdout


def _wait_for_tables(
    lakehouse: Lakehouse, tenant: str, before: str, running: subprocess.Popen[bytes]
) -> str:
    """Wait until a build has made a table of core; returns its id."""
    warehouse = lakehouse.files(tenant, "core", before, "classes").parents[1]
    while running.poll() is None:
        for place in warehouse.glob(f"{tenant}_core__*.db"):
            build = place.name.removesuffix(".db").split("__")[1]
            if build > before and any(place.glob("*/_SUCCESS")):
                return build
        time.sleep(0.2)
    raise AssertionError("the build ended before it could be killed")
