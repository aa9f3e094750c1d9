"""Two builds of one raw store give the same tables to the last bit, on whatever threads."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from cohorts import add_progressions, cohort_tables
from raw_fixture import write_raw_db
from tables import differences
from warehouse_fixture import PROJECT, run_dbt

ROW_GROUP = 122_880
"""Rows that DuckDB reads in one piece: only of more than these do several threads read at once."""


def built(data_dir: Path, raw_db: Path, threads: int) -> Path:
    """Build on so many threads of dbt and of DuckDB."""
    data_dir.mkdir()
    (data_dir / "raw.db").symlink_to(raw_db)
    text = (PROJECT / "profiles.yml").read_text(encoding="utf-8")
    option = "      config_options:\n"
    assert text.count(option) == 1
    profiles = data_dir / "profiles"
    profiles.mkdir()
    (profiles / "profiles.yml").write_text(
        text.replace(option, f"{option}        threads: {threads}\n"), encoding="utf-8"
    )
    done = run_dbt(data_dir, "run", "--threads", str(threads), profiles=profiles)
    assert done.returncode == 0, done.stdout + done.stderr
    asked = "select current_setting('threads') as threads"
    shown = run_dbt(data_dir, "show", "--inline", asked, "--output", "json", profiles=profiles)
    assert f'"threads": {threads}' in shown.stdout, shown.stdout
    return data_dir / "dev.duckdb"


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same raw store, of which several threads read at once, built on one thread and on two."""
    directory = tmp_path_factory.mktemp("reproducible")
    tables = cohort_tables()
    for number in range(8):
        add_progressions(random.Random(number), tables, f"large-{number}", 2000)
    assert len(tables["progressions"]) > ROW_GROUP
    raw_db = write_raw_db(directory / "raw.db", tables)
    return built(directory / "one", raw_db, 1), built(directory / "two", raw_db, 2)


def test_two_builds_are_equal_on_one_thread_and_on_two(twice: tuple[Path, Path]):
    assert not differences(*twice)


def test_no_average_depends_on_the_order_of_rows():
    """A mean of decimals differs in its last bit with their order: sums are of whole numbers."""
    for folder in ("models", "macros"):
        for path in (PROJECT / folder).rglob("*.sql"):
            assert not re.search(r"\b(avg|mean)\(", path.read_text(encoding="utf-8")), path
