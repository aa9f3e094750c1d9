"""Who was told what: `notify.db`, so that nobody hears a thing twice or never.

What is about to be sent is noted as `pending` before, and as `sent` after. Where the process died
between the two nobody knows whether it arrived: it is sent again and says so. What a service
refused is `due`: it did not arrive and is sent as if for the first time.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ..errors import StoreError
from .message import Key

_LAYOUT = 1
_TABLES = (
    "CREATE TABLE IF NOT EXISTS told (channel TEXT NOT NULL, key TEXT NOT NULL, class_id TEXT,"
    " student_id TEXT, state TEXT NOT NULL, noted_at TEXT NOT NULL, sent_at TEXT,"
    " PRIMARY KEY (channel, key)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS seeded (channel TEXT NOT NULL, about TEXT NOT NULL,"
    " noted_at TEXT NOT NULL, PRIMARY KEY (channel, about)) WITHOUT ROWID",
    f"PRAGMA user_version = {_LAYOUT:d}",
)
_HINT = "Check disk space and permissions. If it is damaged delete it: all channels begin anew."


def ledger_path(data_dir: Path) -> Path:
    """Where the ledger is."""
    return data_dir / "notify.db"


class Ledger:
    """What was told on which channel. The file may be absent: then nothing was."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def states(self, channel: str) -> dict[str, str]:
        """What is noted of a channel: `pending`, `sent` or `due`, by key."""
        with self._reading() as db:
            if db is None:
                return {}
            return dict(db.execute("SELECT key, state FROM told WHERE channel = ?", [channel]))

    def is_seeded(self, channel: str, about: str) -> bool:
        """Whether the channel heard of a group, or of what is in it, before."""
        with self._reading() as db:
            return db is not None and bool(
                db.execute(
                    "SELECT 1 FROM seeded WHERE channel = ? AND about = ?", [channel, about]
                ).fetchone()
            )

    def seed(self, channel: str, about: str, keys: Iterable[Key]) -> None:
        """Note that all this was there when the channel began to hear of a group."""
        with self._writing() as db:
            db.executemany(
                "INSERT OR IGNORE INTO told VALUES (?, ?, ?, ?, 'sent', ?, NULL)",
                [(channel, key.text, key.class_id, key.student_id, _now()) for key in keys],
            )
            db.execute("INSERT OR IGNORE INTO seeded VALUES (?, ?, ?)", [channel, about, _now()])

    def begin(self, channel: str, keys: Iterable[Key]) -> None:
        """Note what is about to be sent."""
        with self._writing() as db:
            db.executemany(
                "INSERT INTO told VALUES (?, ?, ?, ?, 'pending', ?, NULL)"
                " ON CONFLICT DO UPDATE SET state = 'pending'",
                [(channel, key.text, key.class_id, key.student_id, _now()) for key in keys],
            )

    def refused(self, channel: str, keys: Iterable[Key]) -> None:
        """Note what surely did not arrive."""
        self._note(channel, keys, "due", None)

    def sent(self, channel: str, keys: Iterable[Key]) -> None:
        """Note what arrived."""
        self._note(channel, keys, "sent", _now())

    def _note(self, channel: str, keys: Iterable[Key], state: str, sent_at: str | None) -> None:
        with self._writing() as db:
            db.executemany(
                "UPDATE told SET state = ?, sent_at = ? WHERE channel = ? AND key = ?",
                [(state, sent_at, channel, key.text) for key in keys],
            )

    def tidy(self, channel: str, class_id: str | None, still: Iterable[str], before: str) -> None:
        """Forget what was noted of a class before a time (UTC, as stored) and is no more.

        `still` are the keys that could be told anew if they were forgotten.
        """
        kept = set(still)
        with self._writing() as db:
            old = db.execute(
                "SELECT key FROM told WHERE channel = ? AND class_id IS ? AND noted_at < ?",
                [channel, class_id, before],
            ).fetchall()
            db.executemany(
                "DELETE FROM told WHERE channel = ? AND key = ?",
                [(channel, key) for (key,) in old if key not in kept],
            )

    def forget(self, student_ids: Iterable[str]) -> int:
        """Erase what was told of students, from the bytes of the file too; how much it was."""
        return self._erase("student_id IN (SELECT id FROM given)", student_ids)

    def forget_all_but(self, student_ids: Iterable[str]) -> int:
        """Erase what was told of everybody else, from the bytes of the file too."""
        return self._erase(
            "student_id IS NOT NULL AND student_id NOT IN (SELECT id FROM given)", student_ids
        )

    def _erase(self, condition: str, student_ids: Iterable[str]) -> int:
        if not self.path.exists():
            return 0
        with self._opened() as db:
            db.execute("PRAGMA temp_store = MEMORY")
            db.execute("CREATE TEMP TABLE given (id TEXT)")
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO given VALUES (?)", [(id_,) for id_ in student_ids])
            erased = db.execute(f"DELETE FROM told WHERE {condition}").rowcount  # noqa: S608
            db.execute("COMMIT")
            db.execute("VACUUM")
        return erased

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        if not self.path.exists():
            yield None
            return
        with self._opened() as db:
            yield db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that is on the disk when it ends."""
        with self._opened() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            _make_private(self.path)
            with closing(sqlite3.connect(self.path, isolation_level=None, timeout=10)) as db:
                db.execute("PRAGMA synchronous = FULL")
                db.execute("PRAGMA secure_delete = ON")
                self._lay_out(db)
                yield db
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}", _HINT) from error
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}", _HINT) from error

    def _lay_out(self, db: sqlite3.Connection) -> None:
        [(layout,)] = db.execute("PRAGMA user_version")
        if layout > _LAYOUT:
            raise StoreError(
                f"{self.path} was written by a newer version", "Install that version again."
            )
        if layout < _LAYOUT:
            for statement in _TABLES:
                db.execute(statement)


def forget_student(path: Path, student_ids: Iterable[str]) -> int:
    """Erase from the ledger at `path` what was told of a student, by the ids of the tables.

    Returns how many entries it were; 0 where there is no ledger. Raises StoreError.
    """
    return Ledger(path).forget(student_ids)


def _make_private(path: Path) -> None:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle):
        os.fchmod(handle, 0o600)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
