"""Contacts that are typed on a page: the only thing that the site writes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from fastapi import HTTPException, Response
from fastapi.responses import RedirectResponse

from ...config import Settings
from ...errors import CohortTrackerError, ConfigError, StoreError
from ...raw.contacts import HOW, add_contact, typed_day, withdraw
from ...reading.contacts import contacts_by_student
from ...reading.pool import Pool
from ...reading.seen import Seen, SeenClass
from .found import class_called, not_found, require_student
from .links import Links, mark_of, names_in_addresses
from .pages import Pages, Refused
from .visits import Visit

FIELDS = ("how", "on", "by", "note")


class Contacts:
    """Writes contacts down, and takes them back.

    Args:
        settings: where the raw store is.
        pool: the way to the tables, which say whose student somebody is.
        pages: shows what was refused.
    """

    def __init__(self, settings: Settings, pool: Pool, pages: Pages) -> None:
        self._settings = settings
        self._pool = pool
        self._pages = pages

    def add(
        self, visit: Visit, class_name: str, student_id: str, typed: Mapping[str, str]
    ) -> Response:
        """Write one down, and lead back to where it was typed; or say why not.

        Raises HTTPException: 403 for those who write nothing, 404 for a student of others.
        """
        found, links = self._require(visit, class_name, student_id)
        by = typed.get("by", "").strip() or visit.grant.name
        try:
            if typed.get("how") not in HOW:
                raise ConfigError("How you reached out is missing", f"One of {', '.join(HOW)}.")
            day = typed_day(typed.get("on", ""), found.timezone, datetime.now(UTC), "The day")
            add_contact(
                self._settings.raw_path,
                student_id,
                contacted_on=day,
                how=typed["how"],
                contacted_by=by,
                note=typed.get("note"),
            )
        except CohortTrackerError as error:
            return self._refused(visit, class_name, student_id, typed, error)
        return RedirectResponse(_way_back(links, found, student_id, typed), 303)

    def take_back(
        self, visit: Visit, class_name: str, student_id: str, contact_id: str
    ) -> Response:
        """Take one back, and lead back to the student. Raises HTTPException as `add` does."""
        found, links = self._require(visit, class_name, student_id)
        with self._pool.file() as file, self._pool.reading(file, visit.viewer) as reader:
            there = contacts_by_student(reader).get(student_id, ())
            written_by = {one.contact_id: one.by for one in there}
        if contact_id not in written_by:
            raise not_found()
        if not visit.may_take_back(written_by[contact_id]):
            raise HTTPException(403, "Whoever wrote it takes it back, or a lead.")
        try:
            withdraw(self._settings.raw_path, contact_id)
        except CohortTrackerError as error:
            return self._refused(visit, class_name, student_id, {}, error)
        return RedirectResponse(_way_back(links, found, student_id, {}), 303)

    def _require(self, visit: Visit, class_name: str, student_id: str) -> tuple[SeenClass, Links]:
        """The class of a student whom the viewer may see, and the way around."""
        if not visit.may_write:
            raise HTTPException(403, "You can read here, but write nothing down.")
        with self._pool.file() as file:
            seen: Seen = file.seen_by(visit.viewer)
            found = class_called(seen, class_name)
            with self._pool.reading(file, visit.viewer) as reader:
                require_student(reader, found, student_id)
        names = names_in_addresses(seen.classes)
        return found, Links(names, visit.viewer.nights is None, "")

    def _refused(
        self,
        visit: Visit,
        class_name: str,
        student_id: str,
        typed: Mapping[str, str],
        error: CohortTrackerError,
    ) -> Response:
        """The student's page with what was typed, and why it was not written."""
        kept = {name: typed[name] for name in FIELDS if name in typed}
        problem, status = f"{error.message}. {error.hint}", 422
        if isinstance(error, StoreError):
            problem, status = "It could not be written now. Try again in a minute.", 503
        return self._pages.student(visit, class_name, student_id, Refused(kept, problem, status))


def _way_back(links: Links, found: SeenClass, student_id: str, typed: Mapping[str, str]) -> str:
    """The page where the form was, if it is one of this class; else that of the student."""
    groups = [links.of_class(found.class_id)]
    groups += [links.of_night(found.class_id, night) for night in found.nights]
    card = f"#s{mark_of(student_id)}"
    back = typed.get("back", "")
    if back in [f"{group}{card}" for group in groups if group]:
        return back
    return f"{links.of_student(found.class_id, student_id)}#contacts"
