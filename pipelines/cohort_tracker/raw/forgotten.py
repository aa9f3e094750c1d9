"""Who was forgotten: keyed hashes, by which they are known again and from which nobody is read.

Each entry names the secret that it was made with, so that entries of several stores can stand in
one: a restored backup, or a new store, may have another secret.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from .migrations import SECRET_STATEMENTS, columns_of
from .schema import FORGOTTEN

Entry = tuple[str, str]
"""The secret, and the hash that was made with it."""

_ADDRESS = re.compile(
    r"[^\s\"'<>()\[\]{},;:\\]+@[^\s\"'<>()\[\]{},;:\\@]*[^\s\"'<>()\[\]{},;:\\@.]"
)


# The characters of macros/text.sql, by which the tables compare.
_INVISIBLE = (
    "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066"
    "\u2067\u2068\u2069\ufeff"
)
_APOSTROPHES = (
    "\u0060\u00b4\u02b9\u02bb\u02bc\u02bd\u02be\u02bf\u02c8\u02ca\u02cb\u055a\u05f3\u2018\u2019"
    "\u201b\u2032\u2035\ua78c\uff07"
)
_HYPHENS = "\u02d7\u058a\u05be\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63"
_ALIKE = (
    dict.fromkeys(map(ord, _INVISIBLE))
    | dict.fromkeys(map(ord, _APOSTROPHES), "'")
    | dict.fromkeys(map(ord, _HYPHENS), "-")
    | dict.fromkeys(map(ord, "\u0130\u0131"), "i")
)


def email_key(email: str) -> str:
    """An e-mail address as it is compared."""
    return email.translate(dict.fromkeys(map(ord, _INVISIBLE), " ")).strip().casefold()


def name_key(*names: str | None) -> str:
    """A full name as it is compared: whoever is one person in the tables is one here, too."""
    name = " ".join(filter(None, names)).translate(_ALIKE)
    return " ".join(unicodedata.normalize("NFKC", name).casefold().translate(_ALIKE).split())


def account_entry(secret: str, source: str, user_id: str) -> Entry:
    """The entry of an account of an API."""
    return _entry(secret, "account", source, user_id)


def email_entry(secret: str, email: str) -> Entry:
    """The entry of an e-mail address."""
    return _entry(secret, "email", email_key(email))


def line_entry(secret: str, class_reference: str, name: str) -> Entry:
    """The entry of a roster's line without an e-mail address, by its class and name."""
    return _entry(secret, "line", class_reference.strip().casefold(), name_key(name))


def student_entry(secret: str, student_id: str) -> Entry:
    """The entry of a roster's line that names an account by its id."""
    return _entry(secret, "student", student_id.strip())


def _entry(secret: str, *parts: str) -> Entry:
    key = hashlib.sha256(secret.encode()).digest()
    value = "\0".join(parts).encode("utf-8", "surrogatepass")
    return secret, hashlib.blake2b(value, key=key, digest_size=32).hexdigest()


class Forgotten:
    """The people who were forgotten; false where nobody was.

    Args:
        entries: what the stores note of them.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = frozenset(entries)
        self._secrets = {secret for secret, _ in self.entries}
        self._accounts: dict[tuple[str, str], bool] = {}
        self._emails: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self.entries)

    def has_account(self, source: str, user_id: str) -> bool:
        """Whether the account is one of somebody who was forgotten."""
        key = source, user_id
        if key not in self._accounts:
            found = any(account_entry(s, source, user_id) in self.entries for s in self._secrets)
            self._accounts[key] = found
        return self._accounts[key]

    def has_email(self, email: str | None) -> bool:
        """Whether the address is one of somebody who was forgotten."""
        if not email:
            return False
        if email not in self._emails:
            found = any(email_entry(s, email) in self.entries for s in self._secrets)
            self._emails[email] = found
        return self._emails[email]

    def has_line(self, class_reference: str | None, name: str) -> bool:
        """Whether a roster's line without an e-mail address is one of somebody forgotten."""
        return any(
            line_entry(s, class_reference or "", name) in self.entries for s in self._secrets
        )

    def has_student(self, student_id: str | None) -> bool:
        """Whether a roster's line with this id is one of somebody forgotten."""
        return bool(student_id) and any(
            student_entry(s, student_id or "") in self.entries for s in self._secrets
        )

    def is_in(self, text: str) -> bool:
        """Whether the text holds an e-mail address of somebody who was forgotten."""
        return bool(self) and any(map(self.has_email, _ADDRESS.findall(text)))


def entries_of(db: sqlite3.Connection) -> set[Entry]:
    """What a store notes of people who were forgotten."""
    if not columns_of(db, "raw_forgotten"):
        return set()
    return set(db.execute("SELECT secret, digest FROM raw_forgotten"))


def add_entries(db: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    """Note people as forgotten, whoever is not noted yet."""
    db.execute(FORGOTTEN)
    new = sorted(set(entries) - entries_of(db))
    db.executemany("INSERT INTO raw_forgotten (secret, digest) VALUES (?, ?)", new)


def secret_of(db: sqlite3.Connection) -> str | None:
    """The secret of a store; None before it was laid out."""
    if not columns_of(db, "raw_secret"):
        return None
    found = db.execute("SELECT min(secret) FROM raw_secret").fetchone()
    secret: str | None = found[0]
    return secret


@dataclass(frozen=True)
class Memory:
    """What a new store takes over from older ones: the secret, and who was forgotten."""

    secret: str | None = None
    forgotten: Forgotten = field(default_factory=Forgotten)


def take_over(db: sqlite3.Connection, memory: Memory) -> None:
    """Let a store remember what others did; a secret of its own stays."""
    if memory.secret is not None and secret_of(db) is None:
        db.execute(SECRET_STATEMENTS[0])
        db.execute("INSERT INTO raw_secret VALUES (?)", (memory.secret,))
    add_entries(db, memory.forgotten.entries)
