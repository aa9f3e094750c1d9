"""The pages of groups and students, each for whoever asks: what is not theirs is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fastapi import Response
from fastapi.responses import RedirectResponse

from ... import __version__
from ...config import Settings
from ...reading.brief import brief, figures
from ...reading.details import StudentDetails, details_of
from ...reading.freshness import Freshness, freshness_of_class
from ...reading.overview import overview
from ...reading.pool import Pool, PublishedFile
from ...reading.scope import Group, key_of, narrowed
from ...reading.seen import SeenClass
from ...reading.students import Asked, students_of
from ...warehouse.fingerprint import failed_build
from ..api.freshness import LastSyncs
from ..page import Page, document, render
from .around import groups_beside, way_around
from .found import class_called, not_found, require_student
from .links import START, Form
from .visits import Visit, mark, page, today_in, unchanged

ALL_WEEKS = 1_000


@dataclass(frozen=True)
class Refused:
    """A contact that was typed and refused: the fields, why, and the status that says so."""

    kept: Mapping[str, str]
    problem: str
    status: int


class Pages:
    """Makes the pages from the published file.

    Args:
        settings: where the tables are.
        pool: the way to them.
    """

    def __init__(self, settings: Settings, pool: Pool) -> None:
        self._settings = settings
        self._pool = pool
        self._syncs = LastSyncs(settings)

    def start(self, visit: Visit) -> Response:
        """All groups of the viewer."""
        with self._pool.file() as file:
            seen = file.seen_by(visit.viewer)
            now = datetime.now(UTC)
            stale = frozenset(
                found.class_id
                for found in seen.classes
                if self._syncs.note(file.build_id, [found], now).is_stale
            )
            failed = failed_build(self._settings)
            tag = visit.tag(START, file.build_id, sorted(stale), failed)
            if visit.has(tag):
                return unchanged(tag)
            with self._pool.reading(file, visit.viewer) as reader:
                told = overview(reader, stale)
            content = document(
                "start.html.j2",
                way_around(visit, seen, START),
                all=told,
                viewer=visit.viewer,
                sees_people=told.to_reach is not None,
                failed_build=failed,
                zone=seen.classes[0].timezone if seen.classes else "UTC",
                build_id=file.build_id,
                version=__version__,
            )
            return page(content, tag)

    def whole_class(self, visit: Visit, class_name: str) -> Response:
        """The page of a class; a mentor is led to the own nights."""
        with self._pool.file() as file:
            found = class_called(file.seen_by(visit.viewer), class_name)
            if visit.viewer.nights is not None:
                links = way_around(visit, file.seen_by(visit.viewer), START)
                nights = [links.of_night(found.class_id, night) for night in found.nights]
                return RedirectResponse((len(nights) == 1 and nights[0]) or START, 303)
            return self._group(visit, file, found, found.group())

    def night(self, visit: Visit, class_name: str, night: str) -> Response:
        """The page of the group of a night, as its mentor sees it."""
        with self._pool.file() as file:
            found = class_called(file.seen_by(visit.viewer), class_name)
            wanted = key_of(night)
            spelled = next((own for own in found.nights if key_of(own) == wanted), None)
            if spelled is None:
                raise not_found()
            return self._group(visit, file, found, found.group(spelled))

    def _group(self, visit: Visit, file: PublishedFile, found: SeenClass, group: Group) -> Response:
        seen = file.seen_by(visit.viewer)
        fresh = self._fresh(found)
        tag = visit.tag(group, file.build_id, *self._state(found, fresh))
        if visit.has(tag):
            return unchanged(tag)
        viewer = narrowed(visit.viewer, group)
        sees_people = viewer.role != "program"
        with self._pool.reading(file, viewer) as reader:
            briefing = (brief if sees_people else figures)(reader, group)
            details = details_of(reader, group) if sees_people else {}
        whole = way_around(visit, seen, START)
        here = whole.of_night(group.class_id, group.night) if group.night else None
        links = replace(
            way_around(visit, seen, here or whole.of_class(group.class_id) or START, found),
            others=groups_beside(whole, seen, group),
            form=self._form(visit, found),
        )
        told = Page(
            briefing=briefing,
            freshness=fresh,
            details=details,
            viewer=viewer,
            version=__version__,
            made_at=datetime.now(UTC),
            build_id=file.build_id,
            links=links,
        )
        return page(render(told), tag)

    def student(
        self, visit: Visit, class_name: str, student_id: str, refused: Refused | None = None
    ) -> Response:
        """The page of a student in a class; with what was typed and refused, if so."""
        with self._pool.file() as file:
            seen = file.seen_by(visit.viewer)
            found = class_called(seen, class_name)
            fresh = self._fresh(found)
            tag = visit.tag(
                "student", student_id, found.class_id, file.build_id, *self._state(found, fresh)
            )
            group = found.group()
            with self._pool.reading(file, visit.viewer) as reader:
                require_student(reader, found, student_id)
                if refused is None and visit.has(tag):
                    return unchanged(tag)
                [student] = students_of(reader, Asked(reader, group, student_id), ALL_WEEKS)
                details = details_of(reader, group, student_id)
                classes = {
                    row["class_id"]
                    for row in reader.rows(
                        "core.class_students",
                        ("class_id",),
                        where="student_id = ?",
                        parameters=[student_id],
                    )
                }
            links = way_around(visit, seen, START, found, student.night)
            content = document(
                "student.html.j2",
                replace(
                    links,
                    here=links.of_student(found.class_id, student_id),
                    form=self._form(visit, found, refused),
                ),
                student=student,
                details=details.get(student_id, StudentDetails()),
                group=group,
                seen=found,
                timezone=found.timezone,
                fresh=fresh,
                viewer=visit.viewer,
                elsewhere=[
                    other for other in seen.classes if other.class_id in classes - {found.class_id}
                ],
                build_id=file.build_id,
                version=__version__,
            )
            return page(content, tag) if refused is None else page(content, None, refused.status)

    def _fresh(self, found: SeenClass) -> Freshness:
        now = datetime.now(UTC)
        return freshness_of_class(self._settings, found.group(), found.as_of, now)

    def _state(self, found: SeenClass, fresh: Freshness) -> tuple[object, ...]:
        """What a page says beside the tables: how fresh they are, the newest contact, the day."""
        return fresh, mark(self._settings.raw_path), today_in(found.timezone)

    def _form(self, visit: Visit, found: SeenClass, refused: Refused | None = None) -> Form | None:
        """The form of a contact, for those who may write one."""
        if not visit.may_write or not self._settings.raw_path.exists():
            return None
        today = today_in(found.timezone)
        if refused is None:
            return Form(visit.grant.name, today, visit.may_take_back, {})
        return Form(visit.grant.name, today, visit.may_take_back, refused.kept, refused.problem)
