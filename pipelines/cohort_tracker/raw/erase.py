"""Erasing a person from a raw store: every row and every text that names them."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass

from .forgotten import (
    Entry,
    Forgotten,
    account_entry,
    add_entries,
    email_entry,
    email_key,
    line_entry,
    secret_of,
    student_entry,
)
from .people import People, Person, line_columns, line_of, user_id_in
from .student_ids import student_ids

_ERASED = "[forgotten]"
_SHORTEST_ID = 6  # a shorter id may be any number in a text
_TEXTS = (
    *(("progressions", "extra"), ("sync_runs", "error")),
    *(("contacts", "note"), ("contacts", "contacted_by")),
)
"""Where somebody may be named in what is stored of others."""


@dataclass
class Erased:
    """How much of a person a store held."""

    record_versions: int = 0
    rejected_records: int = 0
    lines: int = 0
    contacts: int = 0

    def __bool__(self) -> bool:
        return any((self.record_versions, self.rejected_records, self.lines, self.contacts))


def entries_for(secret: str, person: Person) -> set[Entry]:
    """By what the person is known again: account, addresses, and lines with a name only."""
    entries = {email_entry(secret, email) for email in person.emails}
    if person.account:
        entries.add(account_entry(secret, *person.account))
        entries.add(student_entry(secret, person.account[1]))
        places = ((key, name) for key in person.class_keys for name in person.names)
        entries |= {line_entry(secret, *place) for place in places}
    for line in person.lines:
        if line.student_id:
            entries.add(student_entry(secret, line.student_id))
        elif not line.email_key:
            entries.add(line_entry(secret, line.class_key, line.name_key))
    return entries


def erase(db: sqlite3.Connection, person: Person) -> Erased:
    """Erase a person who has been told from all others, and note that they were forgotten.

    To be called in a transaction on a store of this version's layout.
    """
    erased = Erased()
    secret = secret_of(db)
    assert secret is not None, "the store is laid out"
    ids = student_ids(db, secret, person)
    # By the ids nobody notes a contact with them any more.
    add_entries(db, entries_for(secret, person) | {student_entry(secret, key) for key in ids})
    names_them = _pattern(person)
    if person.account:
        erased.record_versions, erased.rejected_records = _erase_records(db, person.account)
    erased.rejected_records += _erase_rejected(db, person, names_them)
    erased.lines = _erase_lines(db, person)
    erased.contacts = _erase_contacts(db, ids)
    if names_them is not None:
        for table, column in _TEXTS:
            _blank(db, table, column, names_them)
    return erased


def erase_forgotten(db: sqlite3.Connection, forgotten: Forgotten) -> None:
    """Erase everybody of `forgotten` from a store that does not know it; and note it there."""
    add_entries(db, forgotten.entries)
    while True:
        people = People()
        people.add(db)
        found = next((person for person in people.everybody() if _is_one(person, forgotten)), None)
        if found is None or not erase(db, people.only_theirs(found)):
            return


def _is_one(person: Person, forgotten: Forgotten) -> bool:
    if person.account:
        return forgotten.has_account(*person.account) or any(
            map(forgotten.has_email, person.emails)
        )
    return any(
        forgotten.has_student(line.student_id)
        or forgotten.has_email(line.email_key)
        or forgotten.has_line(line.class_key, line.name_key)
        for line in person.lines
    )


def _erase_records(db: sqlite3.Connection, account: tuple[str, str]) -> tuple[int, int]:
    """All versions of the records of an account, and what was rejected of them; how many."""
    db.execute(
        "CREATE TEMP TABLE IF NOT EXISTS theirs (source TEXT, class_id TEXT, record_id TEXT)"
    )
    db.execute("DELETE FROM theirs")
    db.execute(
        "INSERT INTO theirs SELECT DISTINCT source, class_id, record_id FROM progressions"
        " WHERE source = ? AND user_id = ?",
        account,
    )
    in_theirs = "(source, class_id, record_id) IN (SELECT * FROM theirs)"
    rejected = db.execute(f"DELETE FROM rejected_records WHERE {in_theirs}")  # noqa: S608
    versions = db.execute(f"DELETE FROM progressions WHERE {in_theirs}")  # noqa: S608
    return versions.rowcount, rejected.rowcount


def _erase_rejected(
    db: sqlite3.Connection, person: Person, names_them: re.Pattern[str] | None
) -> int:
    """Rejected records and lines of the person; in those of others only the words."""
    theirs = []
    for row, source, text, reason in db.execute(
        "SELECT rowid, source, record_json, reason FROM rejected_records"
    ).fetchall():
        owner = (source, found) if (found := user_id_in(text)) else None
        if owner is not None and owner == person.account:
            theirs.append((row,))
        elif names_them is None or not (names_them.search(text) or names_them.search(reason)):
            continue
        elif owner is not None:  # another's
            blanked = names_them.sub(_ERASED, text), names_them.sub(_ERASED, reason), row
            db.execute(
                "UPDATE rejected_records SET record_json = ?, reason = ? WHERE rowid = ?", blanked
            )
        else:
            theirs.append((row,))
    db.executemany("DELETE FROM rejected_records WHERE rowid = ?", theirs)
    return len(theirs)


def _erase_lines(db: sqlite3.Connection, person: Person) -> int:
    """Lines of the roster and of the mentors, in all versions of the files."""
    roster = [
        (row,)
        for row, *values in db.execute(f"SELECT rowid, {line_columns(db)} FROM roster")  # noqa: S608
        if (line := line_of(*values)) in person.lines or line.email_key in person.emails
    ]
    mentors = [
        (row,)
        for row, email in db.execute("SELECT rowid, email FROM mentors")
        if email_key(email or "") in person.emails
    ]
    patterns = [
        (row,)
        for row, pattern in db.execute("SELECT rowid, pattern FROM exclusions")
        if pattern and person.is_named_by(pattern)
    ]
    db.executemany("UPDATE exclusions SET pattern = NULL WHERE rowid = ?", patterns)
    _delete_lines(db, "roster", roster)
    _delete_lines(db, "mentors", mentors)
    return len(roster) + len(mentors)


def _erase_contacts(db: sqlite3.Connection, ids: set[str]) -> int:
    """All contacts with the person; how many, those taken back included."""
    theirs = {
        (contact_id,)
        for contact_id, student_id in db.execute("SELECT contact_id, student_id FROM contacts")
        if student_id in ids
    }
    db.executemany("DELETE FROM contacts WHERE contact_id = ?", theirs)
    return len(theirs)


def _delete_lines(db: sqlite3.Connection, table: str, rows: list[tuple[int]]) -> None:
    newest = f"SELECT max(file_version) FROM {table}"  # noqa: S608
    before = db.execute(newest).fetchone()
    db.executemany(f"DELETE FROM {table} WHERE rowid = ?", rows)  # noqa: S608
    if db.execute(newest).fetchone() != before:
        # Nothing is left of the newest file: an older one must not become the current one.
        db.execute(f"DELETE FROM {table}")  # noqa: S608


def _blank(db: sqlite3.Connection, table: str, column: str, pattern: re.Pattern[str]) -> None:
    rows = db.execute(f"SELECT rowid, {column} FROM {table} WHERE {column} IS NOT NULL")  # noqa: S608
    found = [(pattern.sub(_ERASED, text), row) for row, text in rows if pattern.search(text)]
    db.executemany(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", found)  # noqa: S608


def _pattern(person: Person) -> re.Pattern[str] | None:
    """What finds the person in a text, in JSON too; None where nothing does without doubt."""
    words = {text for written in person.emails.values() for text in written}
    words |= {text for written in person.names.values() for text in written if " " in text}
    if person.account and len(person.account[1]) >= _SHORTEST_ID:
        words.add(person.account[1])
    if not words:
        return None
    # Whole words only; after \n and the like in JSON a word begins, too.
    begins = r"(?:(?<![\w.+-])|(?<=\\[nrtbf]))"
    ends = r"(?![\w-]|\.\w)"
    return re.compile(f"{begins}(?:{'|'.join(map(_as_pattern, sorted(words)))}){ends}", re.I)


def _as_pattern(word: str) -> str:
    return r"(?:\s|\\[nrt])+".join("".join(map(_any_form, part)) for part in word.split())


def _any_form(character: str) -> str:
    """A character as it is and as JSON escapes it, in either case."""
    if character.isascii() and character not in '"\\':
        return re.escape(character)
    cases = {character, character.lower(), character.upper()}
    forms = cases | {json.dumps(case)[1:-1] for case in cases}
    return f"(?:{'|'.join(map(re.escape, sorted(forms, key=len, reverse=True)))})"
