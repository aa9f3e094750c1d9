"""The ids that the tables give to a person, as far as the raw store knows them."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict

from .global_id import global_id
from .migrations import columns_of
from .people import Person


def student_ids(db: sqlite3.Connection, secret: str, person: Person) -> set[str]:
    """Every id that `core.students` has or had of a person, with the secret of their store.

    `secret` keys the ids of who was on the roster only, which are made of the address, or of the
    class and the name.
    """
    classes = _classes_by_name(db)
    found = {_roster_id(secret, email) for email in person.emails}
    if person.account:
        found.add(global_id(*person.account))
    for line in person.lines:
        for source, class_id in classes[line.class_key]:
            if line.student_id:
                found.add(global_id(source, line.student_id))
            elif line.name_key:
                found.add(_roster_id(secret, global_id(source, class_id), line.name_key))
    return found | {line.student_id for line in person.lines if line.student_id}


def _classes_by_name(db: sqlite3.Connection) -> defaultdict[str, set[tuple[str, str]]]:
    """Source and id of the classes that a line of the roster can name."""
    found: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    if not columns_of(db, "classes"):
        return found
    for source, class_id, friendly_id in db.execute(
        "SELECT DISTINCT source, class_id, friendly_id FROM classes"
    ):
        for name in filter(None, (class_id, friendly_id, global_id(source, class_id))):
            found[name.casefold()].add((source, class_id))
    return found


def _roster_id(secret: str, *parts: str) -> str:
    """As macros/keyed_id.sql says it."""
    keyed = ":".join((secret, *parts)).encode("utf-8", "surrogatepass")
    return f"roster:{hashlib.md5(keyed, usedforsecurity=False).hexdigest()}"
