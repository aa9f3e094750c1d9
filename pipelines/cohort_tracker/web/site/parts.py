"""The pages of what a class is made of: its assignments and its weeks."""

from __future__ import annotations

from fastapi import Response

from ... import __version__
from ...reading.assignment import WHERE, assignment_of
from ...reading.pool import Pool
from ...reading.week import MOVEMENTS, week_of
from ..page import document
from .around import way_around
from .found import class_called, monday, not_found
from .links import START
from .visits import Visit, page, unchanged


class Parts:
    """Makes these pages from the published file.

    Args:
        pool: the way to it.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def assignment(self, visit: Visit, class_name: str, assignment_id: str) -> Response:
        """The page of an assignment in a class."""
        with self._pool.file() as file:
            seen = file.seen_by(visit.viewer)
            found = class_called(seen, class_name)
            tag = visit.tag("assignment", assignment_id, found.class_id, file.build_id)
            group = found.group()
            with self._pool.reading(file, visit.viewer) as reader:
                work = assignment_of(reader, group, assignment_id)
            if work is None:
                raise not_found()
            if visit.has(tag):
                return unchanged(tag)
            content = document(
                "assignment.html.j2",
                way_around(visit, seen, START, found),
                work=work,
                places=WHERE,
                group=group,
                seen=found,
                timezone=found.timezone,
                viewer=visit.viewer,
                build_id=file.build_id,
                version=__version__,
            )
            return page(content, tag)

    def week(self, visit: Visit, class_name: str, day: str) -> Response:
        """The page of a week of a class, by its Monday."""
        starts_on = monday(day)
        with self._pool.file() as file:
            seen = file.seen_by(visit.viewer)
            found = class_called(seen, class_name)
            tag = visit.tag("week", starts_on, found.class_id, file.build_id)
            group = found.group()
            with self._pool.reading(file, visit.viewer) as reader:
                week = week_of(reader, group, starts_on)
            if week is None:
                raise not_found()
            if visit.has(tag):
                return unchanged(tag)
            content = document(
                "week.html.j2",
                way_around(visit, seen, START, found),
                week=week,
                movements=MOVEMENTS,
                group=group,
                seen=found,
                timezone=found.timezone,
                viewer=visit.viewer,
                build_id=file.build_id,
                version=__version__,
            )
            return page(content, tag)
