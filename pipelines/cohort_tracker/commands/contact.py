"""`contact`: write down whom somebody reached out to, show it, take it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..config import require_unicode
from ..errors import CohortTrackerError, unexpected
from ..raw.contacts import Contact, add_contact, typed_day, withdraw
from ..reading.contacts import contacts_now
from ..reading.people import SeveralStudentsError, Student, all_students, find_student
from ..runtime.printing import say, say_error, say_json, say_table, say_traceback
from .settings import settings_of


def run_add(
    config_path: Path | None,
    student: str,
    *,
    how: str,
    by: str | None,
    note: str | None,
    on: str,
    as_json: bool,
    debug: bool,
) -> int:
    """Write a contact down and say by which id it is known; returns the exit code."""

    def add() -> dict[str, Any]:
        settings = settings_of(config_path)
        for text, option in ((student, "STUDENT"), (by, "--by"), (note, "--note")):
            require_unicode(text or "", option)
        found = find_student(settings.warehouse_path, student)
        contact = add_contact(
            settings.raw_path,
            found.student_id,
            contacted_on=typed_day(on, found.places[0].timezone, datetime.now(UTC), "--on"),
            how=how,
            contacted_by=by,
            note=note,
        )
        if not as_json:
            say(
                f"Noted: {found.name}, {how} on {contact.contacted_on}, as {contact.contact_id}."
                f" To take it back: cohort-tracker contact withdraw {contact.contact_id}"
            )
        return {"contact": _as_json(contact, {found.student_id: found})}

    return _told(add, {"contact": None}, as_json=as_json, debug=debug)


def run_withdraw(config_path: Path | None, contact_id: str, *, as_json: bool, debug: bool) -> int:
    """Take a contact back; returns the exit code."""

    def take_back() -> dict[str, Any]:
        settings = settings_of(config_path)
        require_unicode(contact_id, "ID")
        contact = withdraw(settings.raw_path, contact_id)
        if not as_json:
            say(
                f"Taken back: {contact.contact_id}, {contact.how} on {contact.contacted_on}."
                " It is gone from the tables with the next sync."
            )
        return {"contact": _as_json(contact, {})}

    return _told(take_back, {"contact": None}, as_json=as_json, debug=debug)


def run_list(config_path: Path | None, student: str | None, *, as_json: bool, debug: bool) -> int:
    """Show the contacts, the newest first, of one student or of all; returns the exit code."""

    def show() -> dict[str, Any]:
        settings = settings_of(config_path)
        require_unicode(student or "", "--student")
        students = {found.student_id: found for found in all_students(settings.warehouse_path)}
        contacts = contacts_now(settings.raw_path, settings.warehouse_path)
        if student is not None:
            wanted = find_student(settings.warehouse_path, student).student_id
            contacts = [item for item in contacts if item.student_id == wanted]
        if not as_json:
            _say_contacts(contacts, students)
        return {"contacts": [_as_json(contact, students) for contact in contacts]}

    return _told(show, {"contacts": []}, as_json=as_json, debug=debug)


def _told(
    action: Callable[[], dict[str, Any]], nothing: dict[str, Any], *, as_json: bool, debug: bool
) -> int:
    """Do it, and tell what came of it as one JSON object or what went wrong in lines."""
    done, candidates, error = nothing, list[Student](), None
    try:
        done = action()
    except Exception as raised:
        if debug:
            say_traceback()
        if isinstance(raised, SeveralStudentsError):
            candidates = raised.students
        error = raised if isinstance(raised, CohortTrackerError) else unexpected(raised)
    if as_json:
        say_json(
            {
                "status": "failed" if error else "ok",
                "error": error.message if error else None,
                "candidates": [candidate.as_json() for candidate in candidates],
                **done,
            }
        )
    if error is None:
        return 0
    say_error(error)
    if not as_json:
        for candidate in candidates:
            say(candidate.shown, indent=2, err=True)
    return error.exit_code


def _say_contacts(contacts: list[Contact], students: dict[str, Student]) -> None:
    if not contacts:
        say("No contact was noted. To note one: cohort-tracker contact add STUDENT --how call")
        return
    say_table(
        [
            (item.contact_id, str(item.contacted_on), item.how, _in_words(item, students))
            for item in contacts
        ],
        headings=("ID", "Day", "How", "Who"),
    )


def _in_words(contact: Contact, students: dict[str, Student]) -> str:
    """Who was contacted, by whom, and the note."""
    who = _name(contact, students) or contact.student_id
    by = f" (by {contact.contacted_by})" if contact.contacted_by else ""
    note = f": {contact.note}" if contact.note else ""
    return f"{who}{by}{note}"


def _name(contact: Contact, students: dict[str, Student]) -> str | None:
    found = students.get(contact.student_id)
    return found.name if found else None


def _as_json(contact: Contact, students: dict[str, Student]) -> dict[str, Any]:
    return {
        "contact_id": contact.contact_id,
        "student_id": contact.student_id,
        "name": _name(contact, students),
        "contacted_on": contact.contacted_on.isoformat(),
        "how": contact.how,
        "contacted_by": contact.contacted_by,
        "note": contact.note,
        "noted_at": f"{contact.noted_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
