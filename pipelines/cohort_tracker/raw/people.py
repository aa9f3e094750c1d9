"""Who is in raw stores, under which ids, addresses and names: to find whom somebody means."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .fields import PROGRESSION_FIELDS
from .forgotten import email_key, name_key
from .migrations import FIRST_SOURCE, columns_of

Account = tuple[str, str]
"""A source and its id of a user."""


class Line(NamedTuple):
    """A line of the roster, as it is compared: class, account id, e-mail address, full name."""

    class_key: str
    student_id: str
    email_key: str
    name_key: str


@dataclass
class Person:
    """Somebody who is in the stores: by an account, or by lines of the roster only.

    `emails` and `names` are keys, each with how it was written; `class_keys` are the ids and
    friendly ids of the classes with records of the account.
    """

    account: Account | None = None
    emails: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    class_keys: set[str] = field(default_factory=set)
    lines: set[Line] = field(default_factory=set)

    @property
    def shown(self) -> str:
        """Id, name and address, for people."""
        where = [self.account[1]] if self.account else ["only on the roster"]
        for written in (self.names, self.emails):
            where += [min(spellings) for spellings in list(written.values())[:1] if spellings]
        return ", ".join(where)

    def written_beside(self, other: Person) -> list[str]:
        """The addresses and names that `other` lacks."""
        pairs = ((self.emails, other.emails), (self.names, other.names))
        return [min(mine[key]) for mine, theirs in pairs for key in mine if key not in theirs]

    def is_account(self, student_id: str) -> bool:
        """Whether the person has the id, with or without the source before it."""
        if self.account is None:
            return any(line.student_id == student_id for line in self.lines)
        return student_id in (self.account[1], ":".join(self.account))

    def is_named_by(self, text: str) -> bool:
        """Whether a text is an address or the full name of the person."""
        return email_key(text) in self.emails or name_key(text) in self.names

    def is_the_same(self, other: Person) -> bool:
        """Whether both are one person."""
        if self.account or other.account:
            return self.account == other.account
        return self.lines == other.lines

    def add_email(self, email: str | None) -> None:
        """Note an address."""
        if email and email.strip():
            self.emails[email_key(email)].add(email.strip())

    def add_name(self, *names: str | None) -> None:
        """Note a full name."""
        key = name_key(*names)
        if key:
            self.names[key].add(" ".join(" ".join(filter(None, names)).split()))


class People:
    """Everybody in the stores that were added."""

    def __init__(self) -> None:
        self._accounts: dict[Account, Person] = {}
        self._written: dict[Line, tuple[str | None, str]] = {}

    def add(self, db: sqlite3.Connection) -> None:
        """Take in everybody of a store, of any layout."""
        if columns_of(db, "classes") and columns_of(db, "progressions"):
            self._add_accounts(db)
        if columns := columns_of(db, "rejected_records"):
            whole = "field IS NULL" if "field" in columns else "true"
            for source, text in db.execute(
                f"SELECT {_source(columns)}, record_json FROM rejected_records"  # noqa: S608
                f" WHERE class_id NOT LIKE 'file:%' AND {whole}"
            ):
                self._add_rejected(source, text)
        if columns_of(db, "roster"):
            for values in db.execute(f"SELECT DISTINCT {line_columns(db)} FROM roster"):  # noqa: S608
                _, _, email, first, last = values
                self._written[line_of(*values)] = email, " ".join(filter(None, (first, last)))

    def _add_accounts(self, db: sqlite3.Connection) -> None:
        keys: dict[str, set[str]] = defaultdict(set)
        for class_id, friendly_id in db.execute("SELECT class_id, friendly_id FROM classes"):
            keys[class_id] |= {key.casefold() for key in (class_id, friendly_id) if key}
        for source, class_id, user_id, first, last, email in db.execute(
            f"SELECT DISTINCT {_source(columns_of(db, 'progressions'))}, class_id, user_id,"  # noqa: S608
            " user_first_name, user_last_name, user_email FROM progressions"
            " WHERE user_id IS NOT NULL"
        ):
            person = self._of_account(source, user_id)
            person.add_email(email)
            person.add_name(first, last)
            person.class_keys |= keys[class_id] | {class_id.casefold()}

    def _of_account(self, source: str, user_id: str) -> Person:
        key = source, user_id
        return self._accounts.setdefault(key, Person(key))

    def _add_rejected(self, source: str, text: str) -> None:
        user_id = user_id_in(text)
        if user_id is None:
            return
        person = self._of_account(source, user_id)
        email, first, last = (
            value if isinstance(value, str) else None
            for value in (field_in(text, f"user_{name}") for name in _PERSONAL)
        )
        person.add_email(email)
        person.add_name(first, last)

    def find(self, text: str) -> list[Person]:
        """Whom an account id, an e-mail address or a full name means; by the first that fits."""
        people = sorted(self.everybody(), key=lambda person: person.shown)
        wanted, email, name = text.strip(), email_key(text), name_key(text)
        by_id = [p for p in people if p.is_account(wanted)]
        by_email = [p for p in people if email in p.emails]
        return by_id or by_email or [p for p in people if name in p.names]

    def only_theirs(self, person: Person) -> Person:
        """The person with what nobody else bears: by it alone they are told from others."""
        others = [other for other in self.everybody() if not other.is_the_same(person)]
        emails = {key for other in others for key in other.emails}
        names = {key for other in others for key in other.names}
        return Person(
            person.account,
            {key: written for key, written in person.emails.items() if key not in emails},
            {key: written for key, written in person.names.items() if key not in names},
            person.class_keys,
            person.lines,
        )

    def everybody(self) -> list[Person]:
        """The accounts, with their lines of the roster, and who is on the roster only."""
        by_id, by_email, by_name = defaultdict(list), defaultdict(list), defaultdict(list)
        for person in self._accounts.values():
            assert person.account is not None
            by_id[person.account[1]].append(person)
            for key in list(person.emails):
                by_email[key].append(person)
            for key in person.names:
                by_name[key].append(person)
        others: dict[str, Person] = {}
        for line, (email, name) in self._written.items():
            bearers = by_email.get(line.email_key) or [
                person
                for person in by_name.get(line.name_key, [])
                if line.class_key in person.class_keys
            ]
            key = line.email_key or f"name {line.name_key}"
            if line.student_id:
                bearers, key = by_id.get(line.student_id, []), f"id {line.student_id}"
            if len(bearers) > 1:
                continue  # it may mean any of them
            person = bearers[0] if bearers else others.setdefault(key, Person())
            person.lines.add(line)
            person.add_email(email)
            if line.student_id or not bearers:
                person.add_name(name)
        return [*self._accounts.values(), *others.values()]


def _source(columns: set[str]) -> str:
    return "source" if "source" in columns else f"'{FIRST_SOURCE}'"


_PERSONAL = ("email", "first_name", "last_name")
_AT = {item.name: (item.at, item.or_at) for item in PROGRESSION_FIELDS}


def line_columns(db: sqlite3.Connection) -> str:
    """What `line_of` takes from the roster of a store of any layout."""
    student_id = "student_id" if "student_id" in columns_of(db, "roster") else "NULL"
    return f"class, {student_id}, email, first_name, last_name"


def line_of(
    class_: str | None, student_id: str | None, email: str | None, *names: str | None
) -> Line:
    """A line of the roster as it is compared."""
    full = name_key(*names) if all(names) else ""
    class_key = (class_ or "").strip().casefold()
    return Line(class_key, student_id or "", email_key(email or ""), full)


def user_id_in(text: str) -> str | None:
    """Whose a rejected record is, where that can be read."""
    found = field_in(text, "user_id")
    if isinstance(found, dict):
        found = found.get("$oid")
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) and found.strip() else None


def field_in(text: str, name: str) -> Any:
    """The value of a field in a record as it was received; None where there is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    at, or_at = _AT[name]
    *places, key = at.split(".")
    for place in places:
        found = found.get(place) if isinstance(found, dict) else None
    if not isinstance(found, dict):
        return None
    return found.get(key, found.get(or_at))
