"""Who was reached out to: as the raw store has it now, so that a contact is shown at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from ..raw import contacts as raw_contacts
from ..warehouse.query import query
from .published import DATABASE
from .reader import Reader

_HAS_CONTACTS = """
    select count(*) from information_schema.tables
    where table_schema = 'core' and table_name = 'contacts'
"""


@dataclass(frozen=True)
class Contact:
    """Somebody reached out to a student.

    `contact_id`, `by` and `note` are None where names are hidden, the last two also where nobody
    wrote them.
    """

    contact_id: str | None
    on: date
    how: str
    by: str | None
    note: str | None


def contacts_by_student(reader: Reader) -> dict[str, list[Contact]]:
    """The contacts of those whom the viewer may see, by the id that is shown, the newest first.

    Without the raw store beside the tables it is the contacts of the last build. Raises StoreError.
    """
    found: dict[str, list[Contact]] = defaultdict(list)
    if "core.students" not in reader.tables:
        return found
    if not reader.raw_path.exists():
        return _of_the_tables(reader)
    hidden = reader.viewer.hide_names
    visible = {row["id"] for row in reader.rows("core.students", ("id",))}
    # Whose they are, and no more: who may be seen is decided below.
    with reader.answer(f"SELECT contact_id, student_id FROM {DATABASE}.core.contacts") as answer:  # noqa: S608
        owners = dict(answer.fetchall())
    for contact in _current(reader.raw_path, owners):
        shown = reader.shown_id(contact.student_id)
        if shown in visible:
            found[shown].append(
                Contact(
                    None if hidden else contact.contact_id,
                    contact.contacted_on,
                    contact.how,
                    None if hidden else contact.contacted_by,
                    None if hidden else contact.note,
                )
            )
    return found


def contacts_now(raw: Path, warehouse: Path) -> list[raw_contacts.Contact]:
    """The contacts that were not taken back, the newest first, with the students of the tables.

    For the owner of both stores: everybody's, with names. Raises StoreError.
    """
    known = warehouse.exists() and query(warehouse, _HAS_CONTACTS) != [(0,)]
    owners = query(warehouse, "select contact_id, student_id from core.contacts") if known else []
    return _current(raw, dict(owners))


def _current(raw: Path, owners: Mapping[str, str]) -> list[raw_contacts.Contact]:
    """The current contacts, each with the id that its student has in the tables now.

    Who was on the roster only when a contact was typed may have got an account since.
    """
    return [
        replace(contact, student_id=owners.get(contact.contact_id, contact.student_id))
        for contact in raw_contacts.current_contacts(raw)
    ]


def _of_the_tables(reader: Reader) -> dict[str, list[Contact]]:
    found: dict[str, list[Contact]] = defaultdict(list)
    seen = set()
    for row in reader.rows(
        "marts.student_contacts",
        ("student_id", "contact_id", "contacted_on", "how", "contacted_by", "note", "noted_at"),
        order="contacted_on DESC, noted_at DESC",
    ):
        key = row["student_id"], row["contact_id"], row["noted_at"]
        if key not in seen:  # once, though in each class of the student
            seen.add(key)
            found[row["student_id"]].append(
                Contact(
                    row["contact_id"],
                    row["contacted_on"],
                    row["how"],
                    row["contacted_by"],
                    row["note"],
                )
            )
    return found
