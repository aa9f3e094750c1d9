"""The ready questions in analyses/, each compiled and asked of an invented cohort's warehouse."""

import json
import re
import shlex
from datetime import UTC, datetime, timedelta

import pytest

from cohort_tracker.config import Settings
from cohort_tracker.sandbox import SandboxServer, generate
from cohort_tracker.sync import run_sync
from warehouse_fixture import PROJECT, rows, run_dbt

QUESTIONS = sorted((PROJECT / "analyses").glob("*.sql"))


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """A warehouse of two syncs a week apart, and the questions compiled against it."""
    directory = tmp_path_factory.mktemp("analyses")
    data_dir = directory / "data"
    # until now, because a sync is by the clock
    world = generate(seed=7, classes=2, students=25, end=datetime.now(UTC) - timedelta(days=7))
    world.write_roster(directory / "roster.csv")
    world.write_mentors(directory / "mentors.csv")
    with SandboxServer(world) as server:
        settings = Settings(
            email=server.desk.email,
            password=server.desk.password,
            api_base=server.url,
            data_dir=data_dir,
            page_delay=0,
            roster=directory / "roster.csv",
            mentors=directory / "mentors.csv",
        )
        assert run_sync(settings, build=False).exit_code == 0
        world.grow(days=7)
        assert run_sync(settings).exit_code == 0
    done = run_dbt(data_dir, "compile", "--select", "resource_type:analysis")
    assert done.returncode == 0, done.stdout
    compiled = directory / "data-target" / "compiled" / "cohort_tracker" / "analyses"
    return data_dir / "warehouse.duckdb", compiled


def ask(answered, question):
    warehouse, compiled = answered
    return rows(warehouse, (compiled / question.name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda path: path.stem)
def test_question_is_one_and_can_be_asked(answered, question):
    heading = question.read_text(encoding="utf-8").splitlines()[0]
    assert heading.startswith("-- ")
    assert heading.endswith("?")
    ask(answered, question)


def as_the_readme_says(name):
    """The words after `dbt` of the line with which the README asks a question, for another."""
    lines = re.findall(r"`dbt (show .*?)`", (PROJECT / "README.md").read_text(encoding="utf-8"))
    [line] = [line for line in lines if "who_to_call_tonight" in line]
    return shlex.split(line.replace("who_to_call_tonight", name))


def test_every_question_can_be_asked_as_the_readme_says(answered):
    warehouse, _ = answered
    names = " ".join(question.stem for question in QUESTIONS)
    done = run_dbt(warehouse.parent, *as_the_readme_says(names))
    assert done.returncode == 0, done.stdout


def test_whom_to_call_fits_the_window_and_says_why(answered):
    warehouse, _ = answered
    words = as_the_readme_says("who_to_call_tonight")
    shown = run_dbt(warehouse.parent, *words).stdout
    lines = [line for line in shown.splitlines() if line.startswith("|")]
    assert lines[0].split(" | ")[-1].strip(" |") == "reasons", "nothing is left out"
    assert len(lines) > 2
    assert max(map(len, lines)) <= 80
    full = run_dbt(warehouse.parent, *words, "--output", "json").stdout
    told = json.loads(full[full.index("{") :])["show"]
    assert all(len(row["reasons"]) > 20 for row in told)


def test_most_questions_have_an_answer(answered):
    # "nobody" is a good answer to some of them, on some days
    silent = {question.stem for question in QUESTIONS if not ask(answered, question)}
    assert len(QUESTIONS) >= 12
    assert len(silent) <= len(QUESTIONS) // 2, silent
    assert not silent & {
        "who_to_call_tonight",
        "what_to_review_first",
        "where_the_class_gets_stuck",
    }
