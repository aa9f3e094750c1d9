"""Who was contacted, when and how: what people type in, and no API can give again.

A contact is a row of `contacts`; taking it back is another row with the same id. Nothing is changed
and nothing deleted, but by `forget`.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ..errors import ConfigError, StoreError
from .forgotten import Forgotten, entries_of
from .run_log import as_moment
from .schema import RAW_TABLES, create_table
from .store import RawStore, as_stored

HOW = ("call", "mail", "chat", "meeting")
"""The ways to reach somebody."""

NOTE_LENGTH = 1_000
NAME_LENGTH = 100
OLDEST = timedelta(days=2 * 365)
"""A day longer ago is a slip of the pen."""

_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"  # none that looks like another
_LENGTH = 8


@dataclass(frozen=True)
class Contact:
    """One contact with a student. `noted_at` is aware, UTC."""

    contact_id: str
    student_id: str
    contacted_on: date
    how: str
    contacted_by: str | None
    note: str | None
    noted_at: datetime


def add_contact(
    path: Path,
    student_id: str,
    *,
    contacted_on: date,
    how: str,
    contacted_by: str | None = None,
    note: str | None = None,
    now: datetime | None = None,
) -> Contact:
    """Note a contact in the raw store at `path`, beside whatever runs, all or nothing.

    `student_id` is that of `core.students`; `now` is aware. Raises StoreError, or ConfigError where
    a text is too long or the student was forgotten.
    """
    assert how in HOW, how
    by = _one_line(contacted_by, "The name of who reached out", NAME_LENGTH)
    said = _one_line(note, "The note", NOTE_LENGTH)
    moment = now or datetime.now(UTC)

    def add(db: sqlite3.Connection) -> Contact:
        if _is_forgotten(db, student_id):
            raise ConfigError("This person was forgotten", "Nothing is stored of them any more.")
        db.execute(create_table("contacts"))  # an older version has none
        contact = Contact(_new_id(db), student_id, contacted_on, how, by, said, moment)
        _append(db, contact, is_withdrawn=False)
        return contact

    return RawStore(path).write(add)


def withdraw(path: Path, contact_id: str, *, now: datetime | None = None) -> Contact:
    """Take a contact back: it stays in the raw store, but is in no table. Returns what it was.

    Raises StoreError, or ConfigError where there is no such contact.
    """
    wanted = contact_id.strip().lower()
    moment = now or datetime.now(UTC)

    def take_back(db: sqlite3.Connection) -> Contact:
        db.execute(create_table("contacts"))
        found = _stored_contact(db, wanted)
        # What was said of the person need not stand there twice.
        _append(
            db, replace(found, contacted_by=None, note=None, noted_at=moment), is_withdrawn=True
        )
        return found

    return RawStore(path).write(take_back)


def carry_contacts(source: Path, target: Path) -> int:
    """Append to a store what only another one has of contacts; returns of how many.

    A source that cannot be read has none. Raises sqlite3.Error where the target cannot be written.
    """
    try:
        rows = RawStore(source).rows("contacts")
    except StoreError:
        return 0
    with closing(sqlite3.connect(target)) as db:
        db.execute(create_table("contacts"))
        there = set(db.execute("SELECT contact_id, is_withdrawn FROM contacts"))
        new = [
            row
            for row in rows
            if (row["contact_id"], row["is_withdrawn"]) not in there
            and not _is_forgotten(db, row["student_id"])
        ]
        for row in new:
            _insert(db, row)
        db.commit()
    return len({row["contact_id"] for row in new})


def typed_day(text: str, timezone: str, now: datetime, called: str) -> date:
    """The day of a contact as somebody typed it, in the time zone of the student's class.

    `now` is aware; `called` is what messages call it. Raises ConfigError.
    """
    today = now.astimezone(ZoneInfo(timezone)).date()
    words = {"today": today, "yesterday": today - timedelta(days=1)}
    typed = text.strip().lower()
    try:
        day = words[typed] if typed in words else date.fromisoformat(typed)
    except ValueError:
        raise ConfigError(
            f"{called} {text!r} is no day", "Write it like 2026-03-01, or today, or yesterday."
        ) from None
    if day > today:
        raise ConfigError(f"{called} {day} is still to come", f"Today is {today}.")
    if today - day > OLDEST:
        raise ConfigError(f"{called} {day} is more than two years ago", f"Today is {today}.")
    return day


def current_contacts(path: Path) -> list[Contact]:
    """The contacts that were not taken back, the newest first; [] where nothing is stored.

    Raises StoreError.
    """
    newest = {row["contact_id"]: row for row in RawStore(path).rows("contacts")}
    found = [_contact(row) for row in newest.values() if not row["is_withdrawn"]]
    return sorted(found, key=lambda item: (item.contacted_on, item.noted_at), reverse=True)


def _one_line(text: str | None, what: str, longest: int) -> str | None:
    """A text without breaks and NUL; None where there is nothing in it. Raises ConfigError."""
    line = " ".join((text or "").replace("\0", " ").split())
    if len(line) > longest:
        raise ConfigError(
            f"{what} has {len(line):,} characters", f"Up to {longest:,} are kept: shorten it."
        )
    return line or None


def _stored_contact(db: sqlite3.Connection, contact_id: str) -> Contact:
    """A contact that was not taken back; raises ConfigError where there is none."""
    db.row_factory = sqlite3.Row
    row = db.execute(
        "SELECT * FROM contacts WHERE contact_id = ? ORDER BY rowid DESC LIMIT 1", (contact_id,)
    ).fetchone()
    if row is None:
        raise ConfigError(
            f"There is no contact {contact_id!r}", "`cohort-tracker contact list` shows their ids."
        )
    if row["is_withdrawn"]:
        raise ConfigError(f"Contact {contact_id} was taken back before", "Nothing was changed.")
    return _contact(dict(row))


def _contact(row: Mapping[str, Any]) -> Contact:
    noted_at = as_moment(row["first_seen_at"])
    assert noted_at is not None
    return Contact(
        row["contact_id"],
        row["student_id"],
        date.fromisoformat(row["contacted_on"]),
        row["how"],
        row["contacted_by"],
        row["note"],
        noted_at,
    )


def _append(db: sqlite3.Connection, contact: Contact, *, is_withdrawn: bool) -> None:
    row = {
        **asdict(contact),
        "contacted_on": contact.contacted_on.isoformat(),
        "is_withdrawn": is_withdrawn,
        "first_seen_at": as_stored(contact.noted_at),
    }
    _insert(db, row)


def _insert(db: sqlite3.Connection, row: Mapping[str, Any]) -> None:
    names = [column.name for column in RAW_TABLES["contacts"]]
    places = ", ".join("?" * len(names))
    db.execute(
        f"INSERT INTO contacts ({', '.join(names)}) VALUES ({places})",  # noqa: S608
        [row[name] for name in names],
    )


def _new_id(db: sqlite3.Connection) -> str:
    while True:
        made = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
        taken = db.execute("SELECT 1 FROM contacts WHERE contact_id = ?", (made,))
        if taken.fetchone() is None:
            return made


def _is_forgotten(db: sqlite3.Connection, student_id: str) -> bool:
    forgotten = Forgotten(entries_of(db))
    source, _, user_id = student_id.rpartition(":")
    return forgotten.has_student(student_id) or forgotten.has_account(source, user_id)
