"""The raw store as a file: questions to `raw.db` before and after a sync, and its log of runs.

What was read is written by dlt; the empty tables, the indexes, the version and the log are written
here.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ..errors import DamagedStoreError, StoreError
from . import layout
from .aside import aside_path, move_journals
from .class_states import ClassState
from .forgotten import Memory, secret_of, take_over
from .known import Known, StoredClass, StoredClassVersion
from .migrations import LAYOUT, MIGRATIONS
from .run_log import ClassKey, last_run, logged_classes, newest_of_each_kind, runs_back
from .schema import LOG_TABLES, RAW_TABLES, Row, create_statements, missing_columns
from .stored_classes import (
    class_states_of,
    class_versions_of,
    curriculum_of,
    known_of,
    sources_of,
    stored_class_of,
)

BUSY_SECONDS = 60.0
"""How long another program may hold the store before waiting for it is given up."""
_STEP_SECONDS = 0.2
WRITE_HINT = "Check disk space and permissions; the next sync reads again what was not stored."
_Result = TypeVar("_Result")


class Held(NamedTuple):
    """How much a store holds of what no sync makes less: rows of records, and of contacts."""

    record_versions: int = 0
    contacts: int = 0

    def lacks(self, before: Held) -> bool:
        """Whether there was more before of either."""
        return self.record_versions < before.record_versions or self.contacts < before.contacts


class _ReplacedError(Exception):
    """Another file took the store's place while it was waited for."""


class RawStore:
    """Questions to the raw store at `path`. The file may be absent: then everything is empty.

    Every method raises StoreError when the file cannot be used, as DamagedStoreError where its
    content is broken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def check(self, *, thorough: bool = False) -> None:
        """Raise StoreError when the file is damaged, somebody else's, or of a newer version.

        `thorough` looks at every page of the file, else at its head only.
        """
        with self._connection() as connection:
            if connection is None:
                return
            layout.refuse_foreign(self.path, connection)
            version = layout.version_of(connection)
            unknown = layout.noted(connection) - {migration.name for migration in MIGRATIONS}
            if version > LAYOUT or unknown:
                written = ", ".join([f"layout {version}", *sorted(unknown)])
                raise StoreError(
                    f"{self.path} was written by a newer version ({written};"
                    f" this version reads up to {LAYOUT})",
                    "Upgrade cohort-tracker, or name another data_dir.",
                )
            if thorough:
                found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if found != "ok":
                    raise self._damage(found)

    def set_aside(self) -> Path:
        """Rename a damaged file, and what SQLite keeps beside it; returns the new name."""
        aside = aside_path(self.path)
        try:
            self.path.rename(aside)
            move_journals(self.path, aside)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}", WRITE_HINT) from error
        return aside

    def wait_until_free(self) -> None:
        """Return when no other program reads or writes the file; StoreError when that takes long.

        SQLite waits too, but deaf to Ctrl-C; here the waiting is in small steps.
        """
        until = time.monotonic() + BUSY_SECONDS
        while self.path.exists():
            try:
                with closing(sqlite3.connect(self.path, timeout=_STEP_SECONDS)) as connection:
                    connection.execute("BEGIN EXCLUSIVE")
                    connection.rollback()
                return
            except sqlite3.Error as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise self._explained(error) from error

    def pending_migrations(self) -> list[str]:
        """What `lay_out` would change in the tables of an older file, by name; [] for a new one."""
        with self._connection() as connection:
            if connection is None:
                return []
            names = [migration.name for migration in layout.pending(connection)]
            return names + layout.missing(connection)

    def lay_out(self, memory: Memory | None = None) -> list[str]:
        """Bring the file to the layout of this version, older ones by their migrations.

        `memory`: what it takes over from other stores, with the new layout or not at all.

        Returns what was changed in an older file, as `pending_migrations` names it. Each migration
        is in a transaction of its own: if the process dies, it was done or it was not.
        """
        with self._connection() as found:
            if found is not None:
                layout.refuse_foreign(self.path, found)
                if layout.is_newest(found):
                    return []
        self.wait_until_free()
        step = ""
        try:
            with closing(
                sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            ) as connection:
                done = []
                if memory is not None and layout.tables_of(connection):
                    take_over(connection, memory)
                for migration in layout.pending(connection):
                    step = f"migration {migration.name} failed and was taken back: "
                    layout.migrate(connection, migration)
                    done.append(migration.name)
                step = ""
                connection.execute("BEGIN IMMEDIATE")
                done += layout.missing(connection)
                for statement in missing_columns(connection).values():
                    connection.execute(statement)
                if memory is not None:
                    take_over(connection, memory)
                for statement in create_statements():
                    connection.execute(statement)
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._explained(error, step) from error
        return done

    def append_log(self, rows: Sequence[Row]) -> None:
        """Append rows of the log's tables, all or none."""
        by_table: Mapping[str, list[list[Any]]] = {table: [] for table in LOG_TABLES}
        for table, row in rows:
            values = [as_stored(row.get(column.name)) for column in RAW_TABLES[table]]
            by_table[table].append(values)
        self.wait_until_free()
        try:
            with closing(sqlite3.connect(self.path, timeout=BUSY_SECONDS)) as connection:
                for table, lines in by_table.items():
                    names = ", ".join(f'"{column.name}"' for column in RAW_TABLES[table])
                    places = ", ".join("?" * len(RAW_TABLES[table]))
                    connection.executemany(
                        f"INSERT INTO {table} ({names}) VALUES ({places})",  # noqa: S608
                        lines,
                    )
                connection.commit()
        except sqlite3.Error as error:
            raise StoreError(f"Could not write {self.path}: {error}", WRITE_HINT) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection for transactions, for whoever holds the lock of the syncs.

        What was not committed is taken back at the end. Raises StoreError, also for what fails in
        the block.
        """
        self.wait_until_free()
        try:
            with closing(
                sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            ) as connection:
                yield connection
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def write(self, change: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Let `change` write into the file beside whatever runs, all or nothing; its result.

        It holds the file for less than a reader waits, and tries again: `change` is called anew
        each time. What it wrote is on the disk when this returns. A file that is damaged, empty, or
        must be migrated first is left as it is.
        """
        self.check(thorough=True)
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                return self._written(change)
            except _ReplacedError:
                pass  # by `forget` or `restore`: what is written into the old file would be lost
            except sqlite3.Error as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise self._explained(error) from error
            except FileNotFoundError:
                raise self._nothing_stored() from None
            except OSError as error:
                raise StoreError(f"{self.path}: {error.strerror}", WRITE_HINT) from error
            time.sleep(_STEP_SECONDS)  # whoever waits for the file gets it

    def _written(self, change: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """One try of `write`."""
        found, place = self.path.stat(), f"{self.path.resolve().as_uri()}?mode=rw"
        with closing(
            sqlite3.connect(place, uri=True, timeout=_STEP_SECONDS, isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA synchronous = EXTRA")
            connection.execute("BEGIN IMMEDIATE")
            if not os.path.samestat(found, self.path.stat()):
                raise _ReplacedError
            if "progressions" not in layout.tables_of(connection):
                raise self._nothing_stored()
            if due := layout.pending(connection):
                raise StoreError(
                    f"{self.path} is of an older version (before {due[0].name})",
                    "Run `cohort-tracker sync` first: it brings it up to date, all rows stay.",
                )
            result = change(connection)
            connection.execute("COMMIT")
        return result

    @contextmanager
    def holding_off_writers(self) -> Iterator[None]:
        """Let nobody write into the file meanwhile, because another takes its place; reading goes.

        A file that is not there, or is no store, is held by nobody. Raises StoreError.
        """
        if not self.path.exists():
            yield
            return
        with closing(
            sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        ) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                known = self._explained(error)
                if not isinstance(known, DamagedStoreError):
                    raise known from error
            yield

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a raw table by column, in the order of storing; [] where it is missing."""
        names = [column.name for column in RAW_TABLES[table]]
        columns = ", ".join(f'"{name}"' for name in names)
        with self._connection() as connection:
            if connection is None or table not in layout.tables_of(connection):
                return []
            rows = connection.execute(f"SELECT {columns} FROM {table} ORDER BY rowid").fetchall()  # noqa: S608
        return [dict(zip(names, row, strict=True)) for row in rows]

    def known(self, source: str) -> Known:
        """What is known of a source's classes, in one go; their records when they are asked for."""
        with self._connection() as db:
            if db is None or not layout.has_layout(db):
                return Known()
            known = known_of(db, source)
        return replace(
            known,
            read_class=partial(self._stored_class, source),
            curriculum=partial(self._curriculum, source),
        )

    def _stored_class(self, source: str, class_id: str) -> StoredClass:
        with self._connection() as db:
            if db is None or not layout.tables_of(db) >= RAW_TABLES.keys():
                return StoredClass()
            return stored_class_of(db, source, class_id)

    def _curriculum(self, source: str, class_id: str, units_hash: str) -> set[str]:
        with self._connection() as db:
            if db is None or "class_units" not in layout.tables_of(db):
                return set()
            return curriculum_of(db, source, class_id, units_hash)

    def class_versions(self) -> dict[ClassKey, StoredClassVersion]:
        """The newest stored description of each class of any source."""
        with self._connection() as connection:
            if connection is None:
                return {}
            return {
                (source, class_id): version
                for source in sources_of(connection, "classes")
                for class_id, version in class_versions_of(connection, source).items()
            }

    def class_states(self) -> dict[ClassKey, ClassState]:
        """Whether each class of any source is listed and asked for, as far as it is known."""
        with self._connection() as connection:
            if connection is None:
                return {}
            return {
                (source, class_id): state
                for source in sources_of(connection, "class_states")
                for class_id, state in class_states_of(connection, source).items()
            }

    def current_counts(self) -> dict[ClassKey, int]:
        """How many records are current, by source and class.

        Counted here, record by record: what the tables must hold, whoever makes them.
        """
        counts: dict[ClassKey, int] = {}
        with self._connection() as db:
            if db is None or "progressions" not in layout.tables_of(db):
                return counts
            for source, class_id in db.execute(
                "SELECT DISTINCT source, class_id FROM progressions"
            ).fetchall():
                newest: dict[str, tuple[int, bool]] = {}
                for record_id, version_no, is_removed in db.execute(
                    "SELECT record_id, version_no, is_removed FROM progressions"
                    " WHERE source = ? AND class_id = ?",
                    (source, class_id),
                ):
                    found = newest.get(record_id)
                    if found is None or found[0] < version_no:
                        newest[record_id] = (version_no, bool(is_removed))
                current = sum(not is_removed for _, is_removed in newest.values())
                if current:
                    counts[source, class_id] = current
        return counts

    def content_marks(self) -> dict[str, int]:
        """A number per table that grows with each row, the log of the runs left out."""
        marks = self.last_rows()
        return {table: marks[table] for table in sorted(marks.keys() - set(LOG_TABLES))}

    def last_rows(self) -> dict[str, int]:
        """The number of the last row of each table; 0 where it has none."""
        with self._connection() as connection:
            if connection is None or not layout.tables_of(connection) >= RAW_TABLES.keys():
                return {}
            return {
                table: connection.execute(
                    f"SELECT coalesce(max(rowid), 0) FROM {table}"  # noqa: S608
                ).fetchone()[0]
                for table in RAW_TABLES
            }

    def rows_after(self, table: str, last_row: int) -> int:
        """How many rows of a raw table were stored after the one of that number."""
        with self._connection() as connection:
            if connection is None or table not in layout.tables_of(connection):
                return 0
            found: int = connection.execute(
                f"SELECT count(*) FROM {table} WHERE rowid > ?",  # noqa: S608
                (last_row,),
            ).fetchone()[0]
            return found

    def has_tables(self) -> bool:
        """Whether there is anything in the file."""
        with self._connection() as connection:
            return connection is not None and bool(layout.tables_of(connection))

    def held(self) -> Held:
        """How much is stored of what no sync makes less."""
        with self._connection() as connection:
            if connection is None:
                return Held()
            found = layout.tables_of(connection)
            counts = [
                connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
                if table in found
                else 0
                for table in ("progressions", "contacts")
            ]
        return Held(*counts)

    def secret(self) -> str | None:
        """The secret by which ids and aliases are made; None before the file was laid out."""
        with self._connection() as connection:
            return None if connection is None else secret_of(connection)

    def last_statuses(self) -> dict[str, str]:
        """Per class, as `source/class id`: how its last run ended."""
        return {"/".join(key): run["status"] for key, run in self.last_runs().items()}

    def last_runs(self) -> dict[ClassKey, dict[str, Any]]:
        """Per class: the columns of its last run, and `last_ok_at`; times aware, UTC."""
        with self._connection() as connection:
            if connection is None or "sync_runs" not in layout.tables_of(connection):
                return {}
            return {
                key: last_run(connection, runs)
                for key in logged_classes(connection)
                if (runs := newest_of_each_kind(connection, key))
            }

    def recent_runs(
        self, most: int, is_enough: Callable[[dict[str, Any]], bool]
    ) -> dict[ClassKey, list[dict[str, Any]]]:
        """Per class: its last runs, the newest first, to the first that is enough; times aware.

        Two at least, as far as there are two, and at most so many.
        """
        with self._connection() as connection:
            if connection is None or "sync_runs" not in layout.tables_of(connection):
                return {}
            found: dict[ClassKey, list[dict[str, Any]]] = {}
            for key in logged_classes(connection):
                of_class = found[key] = []
                for run in runs_back(connection, key):
                    of_class.append(run)
                    if len(of_class) == most or (len(of_class) > 1 and is_enough(run)):
                        break
            return found

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The file as it is at one moment, for what reads a part of it; short, or nobody can write.

        Raises StoreError, also where nothing is stored and for what goes wrong meanwhile.
        """
        with self._connection() as connection:
            if connection is None or "progressions" not in layout.tables_of(connection):
                raise self._nothing_stored()
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection | None]:
        try:
            if not self.path.exists():
                yield None
                return
            with closing(self._opened()) as connection:
                yield connection
        except sqlite3.Error as error:
            raise self._explained(error) from error
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}", WRITE_HINT) from error

    def _opened(self) -> sqlite3.Connection:
        """A reading connection; waits in small steps as `wait_until_free` does."""
        until = time.monotonic() + BUSY_SECONDS
        mode = "ro"
        while True:
            connection = sqlite3.connect(
                f"{self.path.resolve().as_uri()}?mode={mode}", uri=True, timeout=_STEP_SECONDS
            )
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.Error as error:
                connection.close()
                if _code(error) == sqlite3.SQLITE_BUSY and time.monotonic() < until:
                    continue
                if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK or mode == "rw":
                    raise
                # A process was killed while it wrote: opening for writing takes its half back.
                mode = "rw"
            else:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000:.0f}")
                return connection

    def _explained(self, error: sqlite3.Error, step: str = "") -> StoreError:
        code = _code(error)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return self._damage(str(error))
        if code == sqlite3.SQLITE_BUSY:
            return StoreError(
                f"{self.path} is in use by another program (waited {BUSY_SECONDS:g} s)",
                "End what holds it open; the next sync reads again what was not stored.",
            )
        return StoreError(f"{self.path}: {step}{error}", WRITE_HINT)

    def _nothing_stored(self) -> StoreError:
        return StoreError(f"Nothing is stored in {self.path}", "Run `cohort-tracker sync` first.")

    def _damage(self, detail: str) -> DamagedStoreError:
        return DamagedStoreError(
            f"{self.path} is damaged: {' '.join(detail.split())[:200]}",
            "The next `cohort-tracker sync` sets it aside and reads everything again.",
        )


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary error code; 0 where Python itself found the fault."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def as_stored(value: Any) -> Any:
    """A value as dlt stores it in SQLite: a time as text, in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value
