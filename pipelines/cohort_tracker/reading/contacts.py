"""Contacts as they stand in the raw store now: the tables know them after a sync only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..raw.contacts import Contact, current_contacts
from ..warehouse.query import query

_HAS_CONTACTS = """
    select count(*) from information_schema.tables
    where table_schema = 'core' and table_name = 'contacts'
"""


def contacts_now(raw: Path, warehouse: Path) -> list[Contact]:
    """The contacts that were not taken back, the newest first, with the students of the tables.

    Who was on the roster only when a contact was typed has the id that the tables have now. Raises
    StoreError.
    """
    ids = _ids_in_tables(warehouse)
    return [
        replace(contact, student_id=ids.get(contact.contact_id, contact.student_id))
        for contact in current_contacts(raw)
    ]


def _ids_in_tables(warehouse: Path) -> dict[str, str]:
    """The student of each contact that the tables have; none in tables of an older version."""
    if not warehouse.exists() or query(warehouse, _HAS_CONTACTS) == [(0,)]:
        return {}
    return dict(query(warehouse, "select contact_id, student_id from core.contacts"))
