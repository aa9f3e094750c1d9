"""The ready questions without dbt: the same SQL as dbt's, over what the viewer may see."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import duckdb
import pytest
from jinja2 import UndefinedError

from cohort_tracker.reading.questions import Asker, Question, questions
from cohort_tracker.reading.reader import NotAllowedError, Reader, reader_of
from cohort_tracker.reading.viewer import Viewer
from cohort_tracker.warehouse.query import query
from cohorts import cohort_tables
from raw_fixture import with_schedule_file, write_raw_db
from warehouse_fixture import PROJECT, run_dbt

MENTOR = Viewer("mentor", None, frozenset({("units", "mon"), ("west", "mon")}))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> tuple[Path, Path]:
    """A warehouse, and the questions as dbt compiles them for it."""
    data = tmp_path_factory.mktemp("questions") / "data"
    tables = cohort_tables()
    tables["mentors"] = [
        {"line": 2, "mentor": "Mo", "email": "mo@example.org", "night": "Mon"},
        {"line": 3, "mentor": "Ari", "email": "ari@example.org", "night": "monday"},
    ]
    write_raw_db(data / "raw.db", with_schedule_file(tables))
    done = run_dbt(data, "run")
    assert done.returncode == 0, done.stdout
    done = run_dbt(data, "compile", "--select", "resource_type:analysis")
    assert done.returncode == 0, done.stdout
    return data, data.parent / "data-target" / "compiled" / "cohort_tracker" / "analyses"


def ask(reader: Reader, name: str) -> list[dict]:
    with reader.answer(Asker(reader).sql(questions()[name])) as found:
        columns = [column[0] for column in found.description]
        return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def test_every_question_is_one_with_words(compiled):
    found = questions()
    assert found.keys() == {path.stem for path in (PROJECT / "analyses").glob("*.sql")}
    assert all(q.description.endswith("?") and q.description[0] != "-" for q in found.values())


def test_answers_are_those_of_dbt(compiled):
    data, sql = compiled
    answered = 0
    with reader_of(data / "dev.duckdb", data / "raw.db", Viewer()) as reader:
        for name in questions():
            by_dbt = (sql / f"{name}.sql").read_text(encoding="utf-8")
            expected = query(data / "dev.duckdb", by_dbt)
            assert [tuple(row.values()) for row in ask(reader, name)] == expected, name
            answered += bool(expected)
    assert answered > 12


def test_questions_read_nothing_but_what_ref_gives(compiled):
    # whatever else stood after from or join would not be filtered
    data, _ = compiled
    with reader_of(data / "dev.duckdb", data / "raw.db", MENTOR) as reader:
        for question in questions().values():
            sql = re.sub("--.*", "", question.source)
            ctes = set(re.findall(r"(\w+) as \(", sql))
            for read in re.findall(r"\b(?:from|join)\s+(\S+)", sql):
                assert read in ctes or read == "{{", (question.name, read)
        sql = Asker(reader).sql(questions()["who_to_call_tonight"])
    assert sql.count("seen_people") == 3


def test_mentor_gets_answers_of_the_own_nights(compiled):
    data, _ = compiled
    with reader_of(data / "dev.duckdb", data / "raw.db", MENTOR) as reader:
        mine = ask(reader, "who_to_call_tonight")
    with reader_of(data / "dev.duckdb", data / "raw.db", Viewer()) as reader:
        everybody = ask(reader, "who_to_call_tonight")
    assert mine == [row for row in everybody if (row["night"] or "").lower() == "mon"]
    assert 0 < len(mine) < len(everybody)


def test_names_are_hidden_in_what_is_made_of_them(compiled):
    data, _ = compiled
    hidden = Viewer(hide_names=True)
    with reader_of(data / "dev.duckdb", data / "raw.db", hidden) as reader:
        aliases = {row["id"] for row in reader.rows("core.students")}
        called = ask(reader, "who_to_call_tonight")
        stuck = ask(reader, "where_the_class_gets_stuck")
    assert called and {row["student"] for row in called} <= aliases
    named = {name for row in stuck if row["students"] for name in row["students"].split(", ")}
    assert named and named <= aliases


@pytest.mark.parametrize(
    ("viewer", "name", "table"),
    [
        (MENTOR, "what_could_not_be_read", "rejected_records"),
        (MENTOR, "which_nights_need_a_second_mentor", "mentors"),
        (Viewer(hide_names=True), "which_nights_need_a_second_mentor", "mentors"),
        (Viewer("program"), "who_to_call_tonight", "student_health"),
        (Viewer("program"), "which_nights_are_quiet", "night_summary"),
    ],
)
def test_question_that_reads_more_is_refused(compiled, viewer, name, table):
    data, _ = compiled
    with reader_of(data / "dev.duckdb", data / "raw.db", viewer) as reader:
        asker = Asker(reader)
        assert not asker.may_ask(questions()[name])
        with pytest.raises(NotAllowedError, match=f"reads the table {table}, which is not for you"):
            asker.sql(questions()[name])


def test_program_may_ask_what_speaks_of_classes_alone(compiled):
    data, _ = compiled
    with reader_of(data / "dev.duckdb", data / "raw.db", Viewer("program")) as reader:
        asker = Asker(reader)
        assert {name for name, question in questions().items() if asker.may_ask(question)} == {
            "how_does_this_cohort_compare",
            "when_does_the_class_work",
            "which_lesson_to_rewrite",
        }


def test_thresholds_are_those_of_the_tables(compiled, tmp_path):
    data, _ = compiled
    other = shutil.copy(data / "dev.duckdb", tmp_path / "other.duckdb")
    with duckdb.connect(str(other)) as connection:
        connection.execute(
            "UPDATE core.build SET thresholds = ?", [json.dumps({"passing_grade": 0.15})]
        )
    with reader_of(Path(other), data / "raw.db", Viewer()) as reader:
        question = Question("x", "?", "select {{ is_passing(0.2) }}, {{ is_passing(0.1) }}")
        with reader.answer(Asker(reader).sql(question)) as found:
            assert found.fetchall() == [(True, False)]


@pytest.mark.parametrize("source", ["{{ source('raw', 'x') }}", "{{ nothing }}", "{{ var('no') }}"])
def test_what_is_not_known_is_an_error_and_not_left_out(compiled, source):
    data, _ = compiled
    question = Question("x", "?", f"select {source}")
    with (
        reader_of(data / "dev.duckdb", data / "raw.db", Viewer()) as reader,
        pytest.raises((UndefinedError, KeyError)),
    ):
        Asker(reader).sql(question)
