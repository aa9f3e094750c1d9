"""Who was reached out to: as the raw store has it now, so that a contact is shown at once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from ..raw.contacts import current_contacts
from .reader import Reader


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
    for contact in current_contacts(reader.raw_path):
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
