"""How students are called in messages: in short, in full, or by an alias."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..reading.reader import Reader
from ..reading.viewer import Viewer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FullName = tuple[str | None, str | None]
_COLUMNS = ("student_id", "first_name", "last_name")


def names_of(
    connection: DuckDBPyConnection, raw_path: Path, viewer: Viewer, kind: str
) -> dict[str, str]:
    """What to call each student whom the viewer sees, by id: `kind` is a channel's `names`.

    `viewer` is one with names: the ids are what the ledger knows students by.
    """
    rows = Reader(connection, viewer, raw_path).rows("marts.student_health", _COLUMNS)
    full = {row["student_id"]: (row["first_name"], row["last_name"]) for row in rows}
    if kind == "none":
        hidden = Reader(connection, replace(viewer, hide_names=True), raw_path)
        return {id_: hidden.shown_id(id_) for id_ in full}
    if kind == "full":
        return {id_: _whole(name) or id_ for id_, name in full.items()}
    return {id_: name or id_ for id_, name in short_names(full).items()}


def short_names(names: Mapping[str, FullName]) -> dict[str, str]:
    """First name and initial; of who would be called alike, as much more as tells them apart."""
    found = {id_: _short(name, 1) for id_, name in names.items()}
    for length in range(2, 1 + max((len(last or "") for _, last in names.values()), default=0)):
        called: dict[str, set[FullName]] = defaultdict(set)
        for id_, shown in found.items():
            called[shown].add(names[id_])
        for id_, shown in list(found.items()):
            if len(called[shown]) > 1:
                found[id_] = _short(names[id_], length)
    return found


def _whole(name: FullName) -> str:
    return " ".join(filter(None, name))


def _short(name: FullName, length: int) -> str:
    first, last = name
    if not first or not last:
        return _whole(name)
    kept = last[:length]
    return f"{first} {kept}." if len(kept) < len(last) else f"{first} {last}"
