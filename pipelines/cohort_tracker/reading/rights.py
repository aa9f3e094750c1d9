"""Which rows a viewer may see: as small tables of one connection, and conditions that read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .published import DATABASE
from .tables import Table
from .viewer import Viewer

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Named in full, so that no CTE of a question takes their place.
_CLASSES = "temp.main.seen_classes"
_NIGHTS = "temp.main.seen_nights"
_PEOPLE = "temp.main.seen_people"

# Whose rows are found by another column than the others'.
_CLASS_COLUMNS = {"core.classes": "id"}
_STUDENTS = "core.students"
_NIGHT_COLUMNS = ("night_key", "night")


def may_read(table: Table, viewer: Viewer) -> bool:
    """Whether the viewer may read rows of the table at all."""
    if viewer.role == "program":
        return table.kind in ("class", "shared")
    if table.kind != "lead":
        return True
    if viewer.hide_names or not viewer.sees_everybody:
        return False
    return viewer.classes is None or _class_column(table) in table.column_names


def register_rights(session: DuckDBPyConnection, viewer: Viewer) -> None:
    """Put what the viewer may see on a connection, for the conditions of `visible_rows`."""
    classes = _classes_of(viewer)
    conditions = []
    if classes is not None:
        session.execute(
            f"CREATE TEMP TABLE {_CLASSES} AS SELECT unnest(?::VARCHAR[]) AS class_id",
            [sorted(classes)],
        )
        conditions.append(f"class_id IN (FROM {_CLASSES})")
    if viewer.nights is not None:
        nights = sorted(viewer.nights)
        session.execute(
            f"CREATE TEMP TABLE {_NIGHTS} AS SELECT class_id, lower(night) AS night"  # noqa: S608
            " FROM (SELECT unnest(?::VARCHAR[]) AS class_id, unnest(?::VARCHAR[]) AS night)",
            [[class_id for class_id, _ in nights], [night for _, night in nights]],
        )
        conditions.append(f"(class_id, lower(night)) IN (FROM {_NIGHTS})")
    if conditions:
        session.execute(
            f"CREATE TEMP TABLE {_PEOPLE} AS SELECT class_id, student_id"  # noqa: S608
            f" FROM {DATABASE}.core.class_students WHERE {' AND '.join(conditions)}"
        )


def visible_rows(table: Table, viewer: Viewer) -> str | None:
    """The condition that keeps what the viewer may see of a table; None where that is everything.

    To be called for a table that `may_read` allows, and used on a connection with the viewer's
    rights: it alone decides which rows leave the file.
    """
    conditions = []
    class_column = _class_column(table)
    if _classes_of(viewer) is not None:
        if table.name == _STUDENTS:
            conditions.append(f"id IN (SELECT student_id FROM {_PEOPLE})")  # noqa: S608
        elif class_column in table.column_names:
            conditions.append(f'"{class_column}" IN (FROM {_CLASSES})')
    if table.kind == "person" and not viewer.sees_everybody:
        conditions.append(
            f"id IN (SELECT student_id FROM {_PEOPLE})"  # noqa: S608
            if table.name == _STUDENTS
            else f"(class_id, student_id) IN (FROM {_PEOPLE})"
        )
    if table.kind == "night" and viewer.nights is not None:
        night = next(column for column in _NIGHT_COLUMNS if column in table.column_names)
        conditions.append(f"(class_id, lower({night})) IN (FROM {_NIGHTS})")
    return " AND ".join(conditions) or None


def _classes_of(viewer: Viewer) -> frozenset[str] | None:
    """The classes of which anything can be seen: of a mentor, those of the own nights at most."""
    if viewer.role != "mentor":
        return viewer.classes
    own = frozenset(class_id for class_id, _ in viewer.nights or ())
    return own if viewer.classes is None else own & viewer.classes


def _class_column(table: Table) -> str:
    return _CLASS_COLUMNS.get(table.name, "class_id")
