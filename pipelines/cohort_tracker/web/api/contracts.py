"""The contracts of the dbt models: what columns a table has, before there is any table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ...project import primary_key, project_dir, read_contract
from ...reading.masking import masked_columns
from ...reading.tables import Column, Table

_BLOCK = re.compile(r"{%\s*docs (\w+)\s*%}(.*?){%\s*enddocs\s*%}", re.DOTALL)
_USE = re.compile(r"{{\s*doc\([\"'](\w+)[\"']\)\s*}}")
_DUCKDB_TYPES = {"string": "VARCHAR"}  # the others are called alike


@dataclass(frozen=True)
class ContractColumn:
    """A column as its contract has it; `values`: all that it can hold, where that is fixed."""

    name: str
    type: str
    is_nullable: bool
    description: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Contract:
    """A table as its contract has it: its name with schema, its columns in order, its key."""

    name: str
    description: str
    columns: Mapping[str, ContractColumn]
    key: tuple[str, ...]

    @cached_property
    def table(self) -> Table:
        """The same as the published file would describe it."""
        return Table(
            self.name,
            self.description,
            tuple(
                Column(
                    column.name,
                    _DUCKDB_TYPES.get(column.type, column.type.upper()),
                    column.description,
                )
                for column in self.columns.values()
            ),
        )

    @property
    def kept_columns(self) -> frozenset[str]:
        """The columns that are there also where names are hidden."""
        return frozenset(masked_columns(self.table))


class Contracts:
    """All contracts of the project, each read when it is first asked for.

    Args:
        project: where the dbt project is.
    """

    def __init__(self, project: Path | None = None) -> None:
        self._project = project or project_dir()
        self._read: dict[str, Contract] = {}

    @cached_property
    def _blocks(self) -> dict[str, str]:
        text = "".join(
            path.read_text(encoding="utf-8")
            for path in sorted((self._project / "models" / "_docs").glob("*.md"))
        )
        return {name: " ".join(block.split()) for name, block in _BLOCK.findall(text)}

    def __getitem__(self, name: str) -> Contract:
        """The contract of a table by its name with schema."""
        if name not in self._read:
            self._read[name] = self._contract(name)
        return self._read[name]

    def _contract(self, name: str) -> Contract:
        model = read_contract(self._project, name)
        return Contract(
            name,
            self._words(model["description"]),
            {column["name"]: self._column(column) for column in model["columns"]},
            primary_key(model),
        )

    def _column(self, column: Mapping[str, Any]) -> ContractColumn:
        constraints = {constraint["type"] for constraint in column.get("constraints", ())}
        values = [
            test["accepted_values"]["arguments"]["values"]
            for test in column.get("data_tests", ())
            if "accepted_values" in test
        ]
        return ContractColumn(
            column["name"],
            column["data_type"],
            "not_null" not in constraints,
            self._words(column["description"]),
            tuple(values[0]) if values else (),
        )

    def _words(self, description: str) -> str:
        return " ".join(_USE.sub(lambda use: self._blocks[use[1]], description).split())
