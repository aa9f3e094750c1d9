"""The ready questions of `analyses/`, asked without dbt, of what a viewer may see.

They are dbt's SQL: what `ref` gives here is the reader's relation, so that row filter and masking
hold for whatever is made of the rows. The project's own macros are those of `macros/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..project import project_dir
from .reader import NotAllowedError, Reader


@dataclass(frozen=True)
class Question:
    """A ready question: its name, and the question itself in words."""

    name: str
    description: str
    source: str


def questions() -> dict[str, Question]:
    """All ready questions by name. Raises BuildError where the installation is not whole."""
    return {path.stem: _read(path) for path in sorted((project_dir() / "analyses").glob("*.sql"))}


def _read(path: Path) -> Question:
    source = path.read_text(encoding="utf-8")
    return Question(path.stem, source.splitlines()[0].removeprefix("--").strip(), source)


class Asker:
    """Writes ready questions as SQL for `Reader.answer`."""

    def __init__(self, reader: Reader) -> None:
        from jinja2 import Environment, StrictUndefined, TemplateSyntaxError

        self._relations = {name.split(".")[1]: name for name in reader.tables}
        self._reader = reader
        # It is SQL and no page that is written here.
        self._environment = Environment(  # noqa: S701
            undefined=StrictUndefined, extensions=["jinja2.ext.do"]
        )
        known: dict[str, Any] = self._environment.globals
        known |= {"dbt": _Dbt(), "adapter": _Adapter(known), "var": _variables(reader)}
        for path in sorted((project_dir() / "macros").glob("*.sql")):
            try:
                macros = self._environment.from_string(path.read_text(encoding="utf-8"))
            except TemplateSyntaxError:
                continue  # materializations and tests, which dbt alone can read
            found = vars(macros.make_module(known, shared=True))
            known |= {name: macro for name, macro in found.items() if not name.startswith("_")}

    def sql(self, question: Question) -> str:
        """The question as SQL.

        Raises NotAllowedError where it reads a table that the viewer may not read.
        """

        def ref(name: str) -> str:
            if name not in self._relations:
                raise NotAllowedError(
                    f"The question {question.name} reads the table {name}, which is not for you",
                    "`cohort-tracker export --list` shows what is.",
                )
            return self._reader.relation(self._relations[name])

        return self._environment.from_string(question.source).render(ref=ref)

    def may_ask(self, question: Question) -> bool:
        """Whether the viewer may read all that the question reads."""
        try:
            self.sql(question)
        except NotAllowedError:
            return False
        return True


def _variables(reader: Reader) -> Callable[[str], Any]:
    """The thresholds of the tables that are read, which need not be those of the program."""

    def variable(name: str) -> Any:
        [build] = reader.rows("core.build", ["thresholds"])
        return json.loads(build["thresholds"])[name]

    return variable


class _Adapter:
    """What dbt calls `adapter`, as far as macros need it: it picks the one for DuckDB."""

    def __init__(self, macros: dict[str, Any]) -> None:
        self._macros = macros

    def dispatch(self, name: str, package: str | None = None) -> Any:
        """The macro that is meant by a name."""
        return self._macros.get(f"duckdb__{name}") or self._macros[f"default__{name}"]


class _Dbt:
    """What dbt calls `dbt`: its macros for what databases write differently, as for DuckDB."""

    @staticmethod
    def type_string() -> str:
        """The type of a text."""
        return "varchar"

    @staticmethod
    def listagg(measure: str, delimiter_text: str = "','", order_by_clause: str = "") -> str:
        """Several texts as one."""
        return f"string_agg({measure}, {delimiter_text} {order_by_clause})"

    @staticmethod
    def datediff(first_date: str, second_date: str, datepart: str) -> str:
        """How many parts of a date lie between two."""
        return f"date_diff('{datepart}', {first_date}::timestamp, {second_date}::timestamp)"

    @staticmethod
    def dateadd(datepart: str, interval: Any, from_date_or_timestamp: str) -> str:
        """A date moved by a number of its parts."""
        return f"({from_date_or_timestamp} + cast({interval} as bigint) * interval 1 {datepart})"

    @staticmethod
    def date_trunc(datepart: str, date: str) -> str:
        """The begin of the part of a date."""
        return f"date_trunc('{datepart}', {date})"
