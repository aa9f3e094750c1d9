"""`export --list`: which tables and questions there are, in a line each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..errors import CohortTrackerError
from ..reading.questions import Asker, Question, questions
from ..reading.reader import Reader
from ..reading.tables import Table
from ..runtime.printing import say, say_json, say_table
from .export import open_reader
from .settings import settings_of

_SENTENCE = re.compile(r"(?<=[.?]) ")
_GRAIN = re.compile(r"One row per (.+?)[.:]")
_ANSWERS = re.compile(r"Answers: (.+?\?)")


def run_export_list(config_path: Path | None, *, as_json: bool, **who: Any) -> None:
    """Print what can be exported, for people or as one JSON object.

    Raises ConfigError and StoreError, with an object that says so.
    """
    try:
        settings = settings_of(config_path)
        with open_reader(settings, **who) as reader:
            tables, asked = _tables(reader), _questions(reader)
    except CohortTrackerError as error:
        if as_json:
            say_json({"status": "failed", "error": error.message})
        raise
    if as_json:
        say_json(
            {
                "tables": [_table_json(table, reader) for table in tables],
                "questions": [{"name": q.name, "description": q.description} for q in asked],
            }
        )
        return
    say("Ready questions", style="bold")
    say_table([[q.name, q.description] for q in asked], headings=("", ""))
    for schema, heading in (("marts", "Tables"), ("core", "Tables that these are made of")):
        say()
        say(heading, style="bold")
        rows = [
            [table.name.split(".")[1], _line(table)]
            for table in tables
            if table.name.startswith(f"{schema}.")
        ]
        say_table(rows, headings=("", ""))


def _tables(reader: Reader) -> list[Table]:
    """The marts first."""
    return sorted(reader.tables.values(), key=lambda table: (table.name[0] != "m", table.name))


def _questions(reader: Reader) -> list[Question]:
    asker = Asker(reader)
    return [question for question in questions().values() if asker.may_ask(question)]


def _line(table: Table) -> str:
    """What the table answers, and of what it has a row."""
    text = _plain(table)
    grain, answers = grain_of(table), _ANSWERS.search(text)
    if grain and answers:
        return f"Per {grain}: {answers[1]}"
    return _SENTENCE.split(text)[0]


def grain_of(table: Table) -> str | None:
    """Of what the table has one row, where its description says so in these words."""
    found = _GRAIN.match(_plain(table))
    return found[1] if found else None


def _plain(table: Table) -> str:
    return " ".join((table.description or "").replace("`", "").split())


def _table_json(table: Table, reader: Reader) -> dict[str, Any]:
    shown = {*reader.columns(table)}
    return {
        "name": table.name,
        "description": table.description,
        "grain": grain_of(table),
        "columns": [
            {"name": column.name, "type": column.type, "description": column.description}
            for column in table.columns
            if column.name in shown
        ],
    }
