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

from ..errors import DamagedStoreError, ForeignStoreError, StoreError
from .class_states import ClassState
from .forgotten import Forgotten, Memory, entries_of, secret_of, take_over
from .generation import begin_generation
from .known import (
    Known,
    StoredClass,
    StoredClassVersion,
    StoredFile,
    StoredPageSize,
    StoredRecord,
)
from .migrations import LAYOUT, MIGRATIONS, Migration, columns_of
from .run_log import (
    ClassKey,
    as_moment,
    count_after,
    is_ok,
    last_run,
    logged_classes,
    newest,
    newest_of_each_kind,
    runs_back,
    source_column,
    was_read,
)
from .schema import (
    FILE_TABLES,
    INDEXES,
    LOG_TABLES,
    NOTED_MIGRATIONS,
    RAW_TABLES,
    Row,
    create_statements,
    missing_columns,
)

BUSY_SECONDS = 60.0
"""How long another program may hold the store before waiting for it is given up."""
_STEP_SECONDS = 0.2
WRITE_HINT = "Check disk space and permissions; the next sync reads again what was not stored."
_OWN_TABLES = {"raw_secret", "raw_forgotten", "raw_generation", "raw_compacted"}
_LAYOUT = RAW_TABLES.keys() | INDEXES.keys() | _OWN_TABLES
_FIRST_COLUMNS = {"class_id", "record_id", "version_no", "record_hash"}  # since the first release
_RUST_TABLES = {"students", "assignments", "progressions", "sync_history"}
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
            self._refuse_foreign(connection)
            version = _layout_version(connection)
            unknown = _noted(connection) - {migration.name for migration in MIGRATIONS}
            if version > LAYOUT or unknown:
                layout = ", ".join([f"layout {version}", *sorted(unknown)])
                raise StoreError(
                    f"{self.path} was written by a newer version ({layout};"
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
            names = [migration.name for migration in _pending(connection)]
            return names + _missing(connection)

    def lay_out(self, memory: Memory | None = None) -> list[str]:
        """Bring the file to the layout of this version, older ones by their migrations.

        `memory`: what it takes over from other stores, with the new layout or not at all.

        Returns what was changed in an older file, as `pending_migrations` names it. Each migration
        is in a transaction of its own: if the process dies, it was done or it was not.
        """
        with self._connection() as found:
            if found is not None:
                self._refuse_foreign(found)
            if (
                found is not None
                and _tables(found) >= _LAYOUT
                and _layout_version(found) == LAYOUT
                and not _pending(found)
                and not missing_columns(found)
            ):
                return []
        self.wait_until_free()
        step = ""
        try:
            with closing(
                sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
            ) as connection:
                done = []
                if memory is not None and _tables(connection):
                    take_over(connection, memory)
                for migration in _pending(connection):
                    step = f"migration {migration.name} failed and was taken back: "
                    _migrate(connection, migration)
                    done.append(migration.name)
                step = ""
                connection.execute("BEGIN IMMEDIATE")
                done += _missing(connection)
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
            if "progressions" not in _tables(connection):
                raise self._nothing_stored()
            if pending := _pending(connection):
                raise StoreError(
                    f"{self.path} is of an older version (before {pending[0].name})",
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
            if connection is None or table not in _tables(connection):
                return []
            rows = connection.execute(f"SELECT {columns} FROM {table} ORDER BY rowid").fetchall()  # noqa: S608
        return [dict(zip(names, row, strict=True)) for row in rows]

    def known(self, source: str) -> Known:
        """What is known of a source's classes, in one go; their records when they are asked for."""
        with self._connection() as db:
            if db is None or not _tables(db) >= _LAYOUT:
                return Known()
            runs = {
                key[1]: newest_of_each_kind(db, key)
                for key in logged_classes(db)
                if key[0] == source
            }
            described = {
                class_id: newest(of_class, lambda run: run.is_described and was_read(run))
                for class_id, of_class in runs.items()
            }
            # From each id straight to the next: the index is not walked through.
            recorded = db.execute(
                "WITH RECURSIVE ids (id) AS"
                " (SELECT min(class_id) FROM progressions WHERE source = :source UNION ALL"
                " SELECT (SELECT min(class_id) FROM progressions WHERE source = :source"
                " AND class_id > id) FROM ids WHERE id IS NOT NULL)"
                " SELECT id FROM ids WHERE id IS NOT NULL",
                {"source": source},
            ).fetchall()
            curricula = db.execute(
                "SELECT DISTINCT class_id, units_hash FROM class_units WHERE source = ?", (source,)
            ).fetchall()
            rejected: dict[str, set[str]] = {}
            for class_id, record_hash in db.execute(
                "SELECT class_id, record_hash FROM rejected_records WHERE source IN (?, 'files')",
                (source,),
            ):
                rejected.setdefault(class_id, set()).add(record_hash)
            return Known(
                class_versions=_class_versions(db, source),
                described_at={
                    class_id: run.finished_at
                    for class_id, run in described.items()
                    if run is not None and run.finished_at is not None
                },
                states=_class_states(db, source),
                recorded={row[0] for row in recorded},
                synced={key for key, of_class in runs.items() if newest(of_class, was_read)},
                curricula=set(curricula),
                rejected=rejected,
                files={table: _newest_file(db, table) for table in FILE_TABLES},
                page_sizes=_page_sizes(db, source),
                forgotten=Forgotten(entries_of(db)),
                read_class=partial(self._stored_class, source),
                curriculum=partial(self._curriculum, source),
            )

    def _stored_class(self, source: str, class_id: str) -> StoredClass:
        """What a reader of the class needs to know, but for the records once rejected."""
        stored = StoredClass()
        with self._connection() as connection:
            if connection is None or not _tables(connection) >= RAW_TABLES.keys():
                return stored
            # A rejection bears the number of the newest version that the class had then.
            rejected = dict(
                connection.execute(
                    "SELECT record_id, max(version_no) FROM rejected_records"
                    " WHERE source = ? AND class_id = ? AND field IS NULL"
                    " AND record_id IS NOT NULL AND version_no IS NOT NULL GROUP BY record_id",
                    (source, class_id),
                )
            )
            # Greater than any, also where the newest versions were erased.
            (greatest,) = connection.execute(
                "SELECT max(version_no) FROM rejected_records WHERE source = ? AND class_id = ?",
                (source, class_id),
            ).fetchone()
            stored.next_version = 1 + (greatest or 0)
            rows = connection.execute(
                "SELECT record_id, record_hash, completed_at, is_removed, version_no"
                " FROM progressions WHERE source = ? AND class_id = ? ORDER BY version_no",
                (source, class_id),
            )
            for record_id, record_hash, completed_at, is_removed, version_no in rows:
                stored.next_version = max(stored.next_version, version_no + 1)
                if record_id in rejected and rejected[record_id] < version_no:
                    del rejected[record_id]  # it came in a usable form since
                if is_removed:
                    stored.records.pop(record_id, None)
                    stored.removed.add(record_id)
                else:
                    stored.removed.discard(record_id)
                    stored.records[record_id] = StoredRecord(record_hash, as_moment(completed_at))
            stored.rejected_ids = rejected.keys() & stored.records.keys()
            runs = newest_of_each_kind(connection, (source, class_id))
            last_ok = newest(runs, is_ok)
            thorough = newest(runs, lambda run: is_ok(run) and not run.is_quick)
            if thorough is not None:
                stored.last_thorough_at = thorough.finished_at
                stored.quick_runs = count_after(connection, (source, class_id), thorough.row)
        if last_ok is not None:
            stored.newest_completed_at = last_ok.newest_completed_at
            if last_ok.reported_total is not None:
                stored.unexplained = last_ok.reported_total - last_ok.stored_total
        last_full = newest(runs, lambda run: is_ok(run) and run.mode == "full")
        last_read = newest(runs, was_read)
        # After a read with doubts, or of much that could not be read, everything is read again.
        if last_full is not None and last_read is not None and is_ok(last_read):
            stored.last_full_at = last_full.finished_at
        return stored

    def _curriculum(self, source: str, class_id: str, units_hash: str) -> set[str]:
        """The assignments of a stored curriculum."""
        with self._connection() as connection:
            if connection is None or "class_units" not in _tables(connection):
                return set()
            rows = connection.execute(
                "SELECT assignment_id FROM class_units"
                " WHERE source = ? AND class_id = ? AND units_hash = ?",
                (source, class_id, units_hash),
            ).fetchall()
        return {row[0] for row in rows}

    def class_versions(self) -> dict[ClassKey, StoredClassVersion]:
        """The newest stored description of each class of any source."""
        with self._connection() as connection:
            if connection is None:
                return {}
            return {
                (source, class_id): version
                for source in _sources_of(connection, "classes")
                for class_id, version in _class_versions(connection, source).items()
            }

    def class_states(self) -> dict[ClassKey, ClassState]:
        """Whether each class of any source is listed and asked for, as far as it is known."""
        with self._connection() as connection:
            if connection is None:
                return {}
            return {
                (source, class_id): state
                for source in _sources_of(connection, "class_states")
                for class_id, state in _class_states(connection, source).items()
            }

    def current_counts(self) -> dict[ClassKey, int]:
        """How many records are current, by source and class.

        Counted here, record by record: what the tables must hold, whoever makes them.
        """
        counts: dict[ClassKey, int] = {}
        with self._connection() as db:
            if db is None or "progressions" not in _tables(db):
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
            if connection is None or not _tables(connection) >= RAW_TABLES.keys():
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
            if connection is None or table not in _tables(connection):
                return 0
            found: int = connection.execute(
                f"SELECT count(*) FROM {table} WHERE rowid > ?",  # noqa: S608
                (last_row,),
            ).fetchone()[0]
            return found

    def has_tables(self) -> bool:
        """Whether there is anything in the file."""
        with self._connection() as connection:
            return connection is not None and bool(_tables(connection))

    def held(self) -> Held:
        """How much is stored of what no sync makes less."""
        with self._connection() as connection:
            if connection is None:
                return Held()
            found = _tables(connection)
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
            if connection is None or "sync_runs" not in _tables(connection):
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
            if connection is None or "sync_runs" not in _tables(connection):
                return {}
            found: dict[ClassKey, list[dict[str, Any]]] = {}
            for key in logged_classes(connection):
                of_class = found[key] = []
                for run in runs_back(connection, key):
                    of_class.append(run)
                    if len(of_class) == most or (len(of_class) > 1 and is_enough(run)):
                        break
            return found

    def _refuse_foreign(self, connection: sqlite3.Connection) -> None:
        """Raise ForeignStoreError unless the file is a raw store or has nothing in it."""
        tables = _tables(connection)
        if not tables or "raw_migrations" in tables:
            return
        if columns_of(connection, "progressions") >= _FIRST_COLUMNS:
            return
        if tables >= _RUST_TABLES:
            raise ForeignStoreError(
                f"{self.path} is the database of the Rust tracker; it was left as it is",
                "Name another data_dir: a sync into it brings everything back that the API has.",
            )
        named = ", ".join(sorted(tables)[:3])
        raise ForeignStoreError(
            f"{self.path} is another program's database (it has {named}); it was left as it is",
            "Name another data_dir, or move that file away.",
        )

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The file as it is at one moment, for what reads a part of it; short, or nobody can write.

        Raises StoreError, also where nothing is stored and for what goes wrong meanwhile.
        """
        with self._connection() as connection:
            if connection is None or "progressions" not in _tables(connection):
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


def move_journals(path: Path, new: Path) -> None:
    """Rename what SQLite keeps beside a file as the file was renamed. Raises OSError."""
    for suffix in ("-journal", "-wal", "-shm"):
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(new.with_name(new.name + suffix))


def aside_path(path: Path, why: str = "damaged") -> Path:
    """A name beside `path`, not yet taken, that says why and when the file was set aside."""
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    aside = path.with_name(f"{path.name}.{why}-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.{why}-{stamp}-{number}")
    return aside


def stores_aside(path: Path) -> list[Path]:
    """Files beside the store that are named after it: set aside, replaced, or copied by hand."""
    folders = dict.fromkeys((path.parent, path.resolve().parent))
    found = {
        other.resolve(): other
        for folder in folders
        for name in dict.fromkeys((path.name, path.resolve().name))
        for other in sorted(folder.glob(f"{name}.*"))
        if other.is_file() and not other.name.endswith(("-journal", "-wal", "-shm"))
    }
    return list(found.values())


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary error code; 0 where Python itself found the fault."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _layout_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _noted(connection: sqlite3.Connection) -> set[str]:
    """Names of the migrations that the file has been through."""
    if "raw_migrations" not in _tables(connection):
        return set()
    return {row[0] for row in connection.execute("SELECT name FROM raw_migrations")}


def _pending(connection: sqlite3.Connection) -> list[Migration]:
    """The migrations that are due, in order; none for a file without tables."""
    if not _tables(connection) & RAW_TABLES.keys():
        return []
    noted = _noted(connection)
    return [migration for migration in MIGRATIONS if migration.name not in noted]


def _missing(connection: sqlite3.Connection) -> list[str]:
    """Tables and columns that an older file lacks, in words; none for a file without tables."""
    tables = _tables(connection)
    if not tables & RAW_TABLES.keys():
        return []
    lacking = [f"add {table}" for table in RAW_TABLES if table not in tables]
    return lacking + [f"add {column}" for column in missing_columns(connection)]


def _migrate(connection: sqlite3.Connection, migration: Migration) -> None:
    """Apply a migration and note it, in one transaction."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(NOTED_MIGRATIONS)
    migration.apply(connection)
    begin_generation(connection)
    connection.execute(
        "INSERT OR IGNORE INTO raw_migrations VALUES (?, datetime('now'))", (migration.name,)
    )
    connection.execute(f"PRAGMA user_version = {2 + MIGRATIONS.index(migration):d}")
    connection.execute("COMMIT")


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}


def as_stored(value: Any) -> Any:
    """A value as dlt stores it in SQLite: a time as text, in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value


def _sources_of(db: sqlite3.Connection, table: str) -> list[str]:
    """The sources of a table's rows; none where there is no such table."""
    if table not in _tables(db):
        return []
    column = source_column(db, table)
    return [row[0] for row in db.execute(f"SELECT DISTINCT {column} FROM {table}")]  # noqa: S608


def _class_versions(db: sqlite3.Connection, source: str) -> dict[str, StoredClassVersion]:
    rows = db.execute(
        "SELECT class_id, version_no, record_hash, friendly_id, name, school, is_published,"  # noqa: S608
        f" units_hash FROM classes WHERE {source_column(db, 'classes')} = ? ORDER BY version_no",
        (source,),
    )
    versions = {}
    for class_id, *columns in rows:
        version = StoredClassVersion(*columns)
        is_published = None if version.is_published is None else bool(version.is_published)
        versions[class_id] = replace(version, is_published=is_published)
    return versions


def _class_states(db: sqlite3.Connection, source: str) -> dict[str, ClassState]:
    rows = db.execute(
        "SELECT class_id, is_listed, unlisted_since, is_retired FROM class_states"
        " WHERE source = ? ORDER BY rowid",
        (source,),
    )
    return {
        class_id: ClassState(
            None if listed is None else bool(listed), as_moment(since), bool(retired)
        )
        for class_id, listed, since, retired in rows
    }


def _page_sizes(db: sqlite3.Connection, source: str) -> dict[str, StoredPageSize]:
    rows = db.execute(
        "SELECT api_base, asked, granted, first_seen_at FROM page_sizes"
        " WHERE source = ? ORDER BY rowid",
        (source,),
    )
    return {
        api_base: StoredPageSize(asked, granted, moment)
        for api_base, asked, granted, seen in rows
        if (moment := as_moment(seen))
    }


def _newest_file(db: sqlite3.Connection, table: str) -> StoredFile:
    """The current version of a file that people keep, or of a list of the settings."""
    kept = {"file_version", "first_seen_at", "run_id"}
    columns = [column.name for column in RAW_TABLES[table] if column.name not in kept]
    names = ", ".join(f'"{name}"' for name in columns)
    version = db.execute(
        f"SELECT coalesce(max(file_version), 0) FROM {table}"  # noqa: S608
    ).fetchone()[0]
    rows = db.execute(
        f"SELECT {names} FROM {table} WHERE file_version = ?",  # noqa: S608
        (version,),
    )
    return StoredFile(version, [dict(zip(columns, row, strict=True)) for row in rows])
