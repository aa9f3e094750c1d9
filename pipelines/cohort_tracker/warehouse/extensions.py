"""DuckDB's extensions, as wheels carry them: nothing is ever fetched from a network."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def extension_file(name: str) -> Path | None:
    """The file of an extension for the installed DuckDB; None where its wheel is not installed."""
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    found = [
        path
        for location in (spec.submodule_search_locations or [] if spec else [])
        for path in sorted(Path(location).glob(f"extensions/*/{name}.duckdb_extension"))
    ]
    return found[-1] if found else None


def quoted(value: Path | str) -> str:
    """A text as SQL has it."""
    return "'" + str(value).replace("'", "''") + "'"
