"""`access.db`: grants, browser sessions, and the secret that signs cookies.

It holds no key and no session id, only their hashes: who reads the file cannot log in by it.
Whatever is wrong with the file is an error: then nobody comes in.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import DamagedStoreError, ForeignStoreError, StoreError
from .grants import Grant
from .keys import hashed, id_in, is_key_of

FILE_NAME = "access.db"
LAYOUT = 1
_MARK = 0x43544143  # "CTAC", SQLite's application_id: whose file it is
_BUSY_SECONDS = 10.0
_WAY_BACK = (
    "Nobody is let in meanwhile. `cohort-tracker restore FILE` puts the newest access-….db of the"
    " backups back; without one move the file away and give out new keys."
)
_TABLES = (
    "CREATE TABLE grants (id TEXT PRIMARY KEY, role TEXT NOT NULL, name TEXT NOT NULL,"
    " class_ids TEXT NOT NULL, nights TEXT NOT NULL, hide_names INTEGER NOT NULL,"
    " created_at TEXT NOT NULL, expires_at TEXT NOT NULL, revoked_at TEXT, key_hash TEXT)",
    "CREATE TABLE sessions (id_hash TEXT PRIMARY KEY, grant_id TEXT NOT NULL,"
    " expires_at TEXT NOT NULL)",
    "CREATE TABLE secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)
_COLUMNS = (
    "id, role, name, class_ids, nights, hide_names, created_at, expires_at, revoked_at, key_hash"
)
_GRANTS = "SELECT id, role, name, class_ids, nights, hide_names, created_at, expires_at, revoked_at"


class AccessStore:
    """The file at `path`. Every method raises StoreError where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make the file where there is none; check it where there is one."""
        try:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.close(handle)
        except FileExistsError:
            pass
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}", "Check its permissions.") from error
        with self._connected(laid_out=False) as db:
            db.execute("BEGIN IMMEDIATE")
            if _is_empty(db):
                for statement in _TABLES:
                    db.execute(statement)
                db.execute("INSERT INTO secrets VALUES ('cookies', ?)", (secrets.token_hex(32),))
                db.execute(f"PRAGMA application_id = {_MARK:d}")
                db.execute(f"PRAGMA user_version = {LAYOUT:d}")
            db.execute("COMMIT")
        self.check()

    def check(self) -> None:
        """Raise StoreError unless the whole file is sound, ours and private."""
        with self._connected() as db:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise self._damage(found)

    def add(self, grant: Grant, key: str | None) -> None:
        """Keep a grant with the hash of its key; without a key only a session leads to it."""
        with self._writing() as db:
            db.execute(
                f"INSERT INTO grants ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                (
                    grant.id,
                    grant.role,
                    grant.name,
                    json.dumps(grant.class_ids),
                    json.dumps(grant.nights),
                    grant.hide_names,
                    _text(grant.created_at),
                    _text(grant.expires_at),
                    None,
                    None if key is None else hashed(key),
                ),
            )

    def grants(self) -> list[Grant]:
        """All grants, the oldest first."""
        with self._connected() as db:
            return [_grant(row) for row in db.execute(f"{_GRANTS} FROM grants ORDER BY rowid")]

    def revoke(self, grant_id: str, now: datetime) -> Grant | None:
        """Take a grant back and end its sessions; None where there is none of that id."""
        with self._writing() as db:
            db.execute(
                "UPDATE grants SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?",
                (_text(now), grant_id),
            )
            db.execute("DELETE FROM sessions WHERE grant_id = ?", (grant_id,))
            row = db.execute(f"{_GRANTS} FROM grants WHERE id = ?", (grant_id,)).fetchone()
            return row and _grant(row)

    def erase(self, is_named: Callable[[str], bool]) -> int:
        """Delete the grants of whoever is named like that, also from the bytes; how many."""
        with self._connected() as db:
            names = db.execute("SELECT id, name FROM grants").fetchall()
            theirs = [(grant_id,) for grant_id, name in names if is_named(name)]
            if theirs:
                db.execute("BEGIN IMMEDIATE")
                db.executemany("DELETE FROM sessions WHERE grant_id = ?", theirs)
                db.executemany("DELETE FROM grants WHERE id = ?", theirs)
                db.execute("COMMIT")
                db.execute("VACUUM")  # what was deleted would stay in the file
        return len(theirs)

    def grant_of_key(self, key: str, now: datetime) -> Grant | None:
        """The valid grant of a key; None, after the same steps, for any other text."""
        with self._connected() as db:
            row = db.execute(
                f"{_GRANTS}, key_hash FROM grants WHERE id = ?",
                (id_in(key) or "",),
            ).fetchone()
            is_right = is_key_of(key, row[-1] if row else None)
            return _valid(row, now) if is_right else None

    def grant_of_user(self, name: str, now: datetime) -> Grant | None:
        """The newest valid grant of a name, as a proxy hands it on."""
        wanted = name.strip().casefold()
        valid = [grant for grant in self.grants() if grant.is_valid(now)]
        named = [grant for grant in valid if grant.name.strip().casefold() == wanted]
        return named[-1] if named else None

    def add_session(self, session_id: str, grant: Grant, expires_at: datetime) -> None:
        """Keep the hash of a new session's id; sessions that are over go."""
        with self._writing() as db:
            db.execute("DELETE FROM sessions WHERE expires_at < ?", (_text(datetime.now(UTC)),))
            db.execute(
                "INSERT INTO sessions VALUES (?, ?, ?)",
                (hashed(session_id), grant.id, _text(expires_at)),
            )

    def grant_of_session(self, session_id: str, now: datetime) -> Grant | None:
        """The grant behind a session, as long as both are good."""
        with self._connected() as db:
            row = db.execute(
                f"{_GRANTS} FROM grants WHERE id ="  # noqa: S608
                " (SELECT grant_id FROM sessions WHERE id_hash = ? AND expires_at > ?)",
                (hashed(session_id), _text(now)),
            ).fetchone()
            return _valid(row, now)

    def end_session(self, session_id: str) -> None:
        """Forget a session."""
        with self._writing() as db:
            db.execute("DELETE FROM sessions WHERE id_hash = ?", (hashed(session_id),))

    def end_all_sessions(self) -> None:
        """Forget all sessions, and the secret that signed them."""
        with self._writing() as db:
            db.execute("DELETE FROM sessions")
            db.execute("UPDATE secrets SET value = ?", (secrets.token_hex(32),))

    def cookie_secret(self) -> str:
        """What signs the cookies."""
        with self._connected() as db:
            found: str = db.execute("SELECT value FROM secrets WHERE name = 'cookies'").fetchone()[
                0
            ]
        return found

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    @contextmanager
    def _connected(self, *, laid_out: bool = True) -> Iterator[sqlite3.Connection]:
        self.private_file()
        try:
            with closing(self.connection()) as db:
                self._require_ours(db, laid_out=laid_out)
                yield db
        except sqlite3.DatabaseError as error:
            if _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise self._damage(str(error)) from error
            raise StoreError(
                f"{self.path}: {error}", "Check disk space and permissions."
            ) from error
        except (TypeError, ValueError) as error:  # what is stored is not what was written
            raise self._damage(str(error)) from error

    def connection(self, *, of_all_threads: bool = False) -> sqlite3.Connection:
        """A connection to the file, whatever is in it. Raises sqlite3.Error."""
        # For writing also where only reading is meant: a killed writer's half is taken back.
        return sqlite3.connect(
            f"{self.path.resolve().as_uri()}?mode=rw",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=not of_all_threads,
        )

    def private_file(self) -> os.stat_result:
        """What the system says of the file.

        Raises StoreError where others could read it, or put another in its place.
        """
        try:
            found = self.path.stat()
        except FileNotFoundError:
            raise StoreError(
                f"{self.path} is not there: no key was given out yet",
                "Make one with `cohort-tracker access add`.",
            ) from None
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}", "Check its permissions.") from error
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{self.path} is no file", "Move it away.")
        if found.st_uid not in (os.geteuid(), 0):
            raise StoreError(
                f"{self.path} belongs to another user (uid {found.st_uid})", "Move it away."
            )
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise StoreError(
                f"{self.path} decides who comes in, and others can read or write it",
                f"Run `chmod 600 {shlex.quote(str(self.path))}`; if somebody may have used that,"
                " look at `cohort-tracker access list`, too.",
            )
        return found

    def _require_ours(self, db: sqlite3.Connection, *, laid_out: bool) -> None:
        mark = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if mark == _MARK and version > LAYOUT:
            raise StoreError(
                f"{self.path} was written by a newer version (layout {version};"
                f" this version reads up to {LAYOUT})",
                "Upgrade cohort-tracker, or name another data_dir.",
            )
        if mark == _MARK and version == LAYOUT:
            return
        if not _is_empty(db):
            raise ForeignStoreError(
                f"{self.path} is another program's database; it was left as it is",
                "Move it away, or name another data_dir.",
            )
        if laid_out:
            raise self._damage("it is empty")

    def _damage(self, detail: str) -> DamagedStoreError:
        return DamagedStoreError(f"{self.path} is damaged: {detail.splitlines()[0]}", _WAY_BACK)


def _is_empty(db: sqlite3.Connection) -> bool:
    found: int = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return found == 0


def _grant(row: tuple[Any, ...]) -> Grant:
    id_, role, name, class_ids, nights, hide_names, created, expires, revoked = row[:9]
    if role not in ("lead", "mentor", "program"):
        raise ValueError(f"a grant has the unknown role {role!r}")
    return Grant(
        id=id_,
        role=role,
        name=name,
        created_at=datetime.fromisoformat(created),
        expires_at=datetime.fromisoformat(expires),
        class_ids=tuple(json.loads(class_ids)),
        nights=tuple(json.loads(nights)),
        hide_names=bool(hide_names),
        revoked_at=None if revoked is None else datetime.fromisoformat(revoked),
    )


def _valid(row: tuple[Any, ...] | None, now: datetime) -> Grant | None:
    if row is None:
        return None
    grant = _grant(row)
    return grant if grant.is_valid(now) else None


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
