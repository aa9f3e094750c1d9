"""The pages of what a class is made of: its assignments and its weeks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Response

from ... import __version__
from ...reading.assignment import WHERE, assignment_of
from ...reading.pool import Pool
from ...reading.reader import Reader
from ...reading.scope import Group
from ...reading.week import MOVEMENTS, week_of
from ..page import document
from .around import way_around
from .found import class_called, monday, not_found
from .links import START
from .visits import Visit, page, unchanged

Told = dict[str, Any]
"""What a template is given of a part, by name."""


class Parts:
    """Makes these pages from the published file.

    Args:
        pool: the way to it.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def assignment(self, visit: Visit, class_name: str, assignment_id: str) -> Response:
        """The page of an assignment in a class."""

        def work(reader: Reader, group: Group) -> Told | None:
            found = assignment_of(reader, group, assignment_id)
            return None if found is None else {"work": found, "places": WHERE}

        return self._page(visit, class_name, ("assignment", assignment_id), work)

    def week(self, visit: Visit, class_name: str, day: str) -> Response:
        """The page of a week of a class, by its Monday."""
        starts_on = monday(day)

        def week(reader: Reader, group: Group) -> Told | None:
            found = week_of(reader, group, starts_on)
            return None if found is None else {"week": found, "movements": MOVEMENTS}

        return self._page(visit, class_name, ("week", starts_on), week)

    def _page(
        self,
        visit: Visit,
        class_name: str,
        part: tuple[str, object],
        tell: Callable[[Reader, Group], Told | None],
    ) -> Response:
        """The page of one part of a class: its kind, which is the template's name, and which."""
        with self._pool.file() as file:
            seen = file.seen_by(visit.viewer)
            found = class_called(seen, class_name)
            tag = visit.tag(*part, found.class_id, file.build_id)
            group = found.group()
            with self._pool.reading(file, visit.viewer) as reader:
                told = tell(reader, group)
            if told is None:
                raise not_found()
            if visit.has(tag):
                return unchanged(tag)
            content = document(
                f"{part[0]}.html.j2",
                way_around(visit, seen, START, found),
                group=group,
                seen=found,
                timezone=found.timezone,
                viewer=visit.viewer,
                build_id=file.build_id,
                version=__version__,
                **told,
            )
            return page(content, tag)
