"""docs/query.md: what it says to type, typed; and a client that stays open over a sync."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cohort_tracker.warehouse.query import query
from support import Bench, record

PAGE = (Path(__file__).parents[2] / "docs" / "query.md").read_text(encoding="utf-8")
COUNT = "select count(*) from core.progressions"


def blocks(heading: str, language: str) -> list[str]:
    """The code of a language below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


@pytest.fixture
def at_home(built: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Published tables where the page looks for them."""
    home = built.home / "home of one"
    home.mkdir()
    (home / ".cohort-tracker").symlink_to(built.data)
    monkeypatch.setenv("HOME", str(home))
    return built


def with_one_more(bench: Bench) -> None:
    """Sync one record more, and publish."""
    bench.source.records.append(record(900 + len(bench.source.records), days_ago=0.1))
    report = bench.sync(build=True)
    assert report.exit_code == 0, report.errors


def test_client_that_stays_open_sees_new_tables_by_the_lines_of_the_page(at_home: Bench):
    [opened] = blocks("From Python and notebooks", "python")
    [reconnect] = blocks("Clients that stay open: reconnect after a sync", "python")
    names: dict[str, Any] = {}
    exec(opened, names)
    cohorts = names["cohorts"]
    counted = COUNT.replace("core.", "warehouse.core.")
    assert cohorts.sql(counted).fetchall() == [(45,)]
    with_one_more(at_home)
    assert cohorts.sql(counted).fetchall() == [(45,)]
    exec(reconnect, names)
    assert cohorts.sql(counted).fetchall() == [(46,)]
    cohorts.close()


def test_lines_that_the_page_warns_of_show_the_old_tables(built: Bench):
    with duckdb.connect(str(built.warehouse), read_only=True), duckdb.connect() as attached:
        attach = f"ATTACH OR REPLACE '{built.warehouse}' AS warehouse (READ_ONLY)"
        attached.execute(attach)
        with_one_more(built)
        with duckdb.connect(str(built.warehouse), read_only=True) as again:
            assert again.sql(COUNT).fetchall() == [(45,)]
        attached.execute(attach)
        assert attached.sql("from warehouse.core.progressions select count(*)").fetchall() == [
            (45,)
        ]


def test_our_own_reader_sees_new_tables_beside_a_client_that_stays_open(built: Bench):
    with duckdb.connect(str(built.warehouse), read_only=True):
        with_one_more(built)
        assert query(built.warehouse, COUNT) == [(46,)]


def test_question_of_the_shell_has_an_answer(at_home: Bench):
    for page in (PAGE, (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")):
        [question] = re.findall(r'duckdb -readonly (\S+) \\\n  "(.*?)"', page, re.DOTALL)
        assert question[0] == "~/.cohort-tracker/warehouse.duckdb"
        query(Path(question[0]).expanduser(), question[1])


def test_ready_question_can_be_asked_of_an_installed_program(at_home: Bench):
    [typed] = blocks("The ready questions", "bash")
    program = Path.home() / ".local/share/pipx/venvs/cohort-tracker"
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.prefix)
    done = subprocess.run(
        ["/bin/bash", "-ec", typed],
        env={"HOME": str(Path.home()), "PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\| student +\| night +\| reason +\| start_at +\|", done.stdout), done.stdout


def test_own_tables_outlast_a_sync(at_home: Bench):
    [typed] = blocks("Your own tables", "bash")
    match = re.fullmatch(r"duckdb (\S+) <<'SQL'\n(.*)SQL\n", typed, re.DOTALL)
    assert match
    mine = Path(match[1]).expanduser()
    counts = []
    for _ in range(2):
        with duckdb.connect(str(mine)) as own:
            own.execute(match[2])
            [(count,)] = own.sql("select count(*) from calls").fetchall()
            counts.append(count)
        before = mine.read_bytes()
        with_one_more(at_home)
        assert mine.read_bytes() == before
    assert at_home.data not in mine.resolve().parents
    assert counts == [5, 10]


def test_own_dbt_project_reads_the_published_tables(at_home: Bench):
    home = Path.home()
    section = PAGE.split("\n## Your own dbt models\n")[1].split("\n## ")[0]
    files = re.findall(r"^`~/(\S+)`\n```\w+\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    assert len(files) == 4
    for name, text in files:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    [typed] = blocks("Your own dbt models", "bash")
    # as pipx lays it out
    program = home / ".local/share/pipx/venvs/cohort-tracker/bin"
    program.parent.mkdir(parents=True)
    program.symlink_to(Path(sys.executable).parent)
    published = at_home.warehouse.read_bytes()
    for is_first in (True, False):
        done = subprocess.run(
            ["/bin/bash", "-ec", typed],
            env={"HOME": str(home), "PATH": os.defpath},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        with duckdb.connect(str(home / "my-school" / "my_school.duckdb"), read_only=True) as own:
            [(found,)] = own.sql("select sum(students) from tiers_by_night").fetchall()
        [(there,)] = query(at_home.warehouse, "select count(*) from marts.student_health")
        assert found == there > 0
        if is_first:
            assert at_home.warehouse.read_bytes() == published
            with_one_more(at_home)
