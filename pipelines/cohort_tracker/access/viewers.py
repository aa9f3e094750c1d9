"""From a grant to a viewer, by the tables as they are published now."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..reading.published import FileMark, mark_of, opened
from ..reading.scope import all_groups, viewer_for
from ..reading.viewer import Night, Viewer
from .grants import Grant

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Viewers:
    """Says whom a grant stands for; asks the tables once per published file and grant.

    Args:
        warehouse: the published file.
    """

    def __init__(self, warehouse: Path) -> None:
        self._warehouse = warehouse
        self._mark: FileMark | None = None
        self._found: dict[Grant, Viewer] = {}
        self._lock = threading.Lock()

    def of(self, grant: Grant) -> Viewer:
        """The viewer that a valid grant stands for, by the tables of now.

        Raises ConfigError where there are no tables, StoreError where they cannot be read.
        """
        if grant.role == "lead" and not grant.class_ids:
            return Viewer("lead", hide_names=grant.hide_names)
        with self._lock:
            mark = mark_of(self._warehouse)
            if mark != self._mark:
                self._mark, self._found = mark, {}
            if grant not in self._found:
                with opened(self._warehouse) as connection:
                    self._found[grant] = viewer_of(connection, grant)
            return self._found[grant]


def viewer_of(connection: DuckDBPyConnection, grant: Grant) -> Viewer:
    """The viewer that a valid grant stands for.

    Who has no class or no night in these tables sees nothing, not even figures of classes.
    """
    nobody = Viewer("mentor", frozenset(), frozenset(), grant.hide_names)
    groups = all_groups(connection)
    known = {group.class_id for group in groups}
    classes = [class_id for class_id in grant.class_ids if class_id in known]
    if grant.class_ids and not classes:
        return nobody
    if grant.role != "mentor":
        viewer = viewer_for(connection, classes=classes, hide_names=grant.hide_names)
        return replace(viewer, role=grant.role)
    running = {group.class_id for group in groups if not group.is_over}
    nights = frozenset(
        (class_id, night)
        for class_id, night in _nights(connection, grant, classes)
        if class_id in running
    )
    if not nights:
        return nobody
    return Viewer("mentor", frozenset(classes) or None, nights, grant.hide_names)


def _nights(connection: DuckDBPyConnection, grant: Grant, classes: list[str]) -> Iterable[Night]:
    """The nights of a mentor: those of the grant, or else those of the mentors file."""
    if not grant.nights:
        return _found(connection, classes, None, grant.name)
    return [found for night in grant.nights for found in _found(connection, classes, night, None)]


def _found(
    connection: DuckDBPyConnection, classes: list[str], night: str | None, mentor: str | None
) -> frozenset[Night]:
    try:
        found = viewer_for(connection, classes=classes, night=night, mentor=mentor)
    except ConfigError:  # nobody meets then, or the file has no such mentor
        return frozenset()
    return found.nights or frozenset()
