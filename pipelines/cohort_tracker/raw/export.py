"""The raw tables as Parquet files for another engine: `FOLDER/TABLE/tenant=TENANT/RUN.parquet`.

Each export adds a file with the rows behind those that are in place. Where it stands it learns
from the files alone: each says which rows it holds. A table whose rows in place are not those of
`raw.db` any more is written anew, in a folder of its own that takes the place of the other.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import ConfigError, ExportRunningError, StoreError
from ..runtime.folders import clear
from ..runtime.lock import one_at_a_time
from ..runtime.whole_file import UNFINISHED, whole_file
from .backup import sync_to_disk
from .forgotten import secret_of
from .generation import generation_of
from .parquet import (
    EXPORTED,
    Found,
    NotOursError,
    Part,
    columns_of_export,
    read_part,
    row_hash,
    write_part,
)
from .schema import LOG_TABLES
from .store import RawStore

ROWS_PER_BATCH = 50_000
MOST_FILES = 64
"""A table with so many files is written anew as one: engines are slow with many small ones."""

DEFAULT_TENANT = "default"
_TENANT = re.compile(r"[a-z][a-z0-9_-]{0,62}")
# As a sync stores them: what was read, then the log that vouches for it.
_ORDER = (*(table for table in EXPORTED if table not in LOG_TABLES), *LOG_TABLES)


@dataclass(frozen=True)
class TableExport:
    """What an export did to a table.

    Args:
        table: its name.
        rows: how many rows were written.
        file: the new file; None where nothing was new.
        anew: why all rows were written again; None where they were added to those in place.
    """

    table: str
    rows: int
    file: Path | None
    anew: str | None


@dataclass(frozen=True)
class _Moment:
    """The store at one moment: which one, its generation, and the last row of each table.

    `file_name` is what the files are called that bring its rows.
    """

    file_name: str
    store: str
    generation: str
    last_rows: dict[str, int]


def require_tenant(name: str) -> None:
    """Raise ConfigError for a name that could not be part of a folder's on every system."""
    if not _TENANT.fullmatch(name):
        raise ConfigError(
            f"{name!r} cannot be the name of a tenant",
            "Take a small letter, then small letters, digits, - or _, up to 63 in all.",
        )


def export_raw(store: RawStore, folder: Path, tenant: str) -> list[TableExport]:
    """Bring the tenant's files in `folder`, which is there, up to date; what was done per table.

    Killed at any moment, each table has the rows it had, or those it should have, or (for the
    instant in which one folder takes the place of another) none; the next export finishes.
    Raises ConfigError, ExportRunningError or StoreError.
    """
    running = ExportRunningError(
        f"Another export of {tenant} into {folder} is running",
        "It writes what there is; nothing is lost.",
    )
    with one_at_a_time(folder / f".tenant={tenant}.lock", running):
        try:
            while True:
                moment = _moment(store)
                done = [
                    _TableFolder(folder, table, tenant).bring_up_to_date(store, moment)
                    for table in _ORDER
                ]
                # Else rows were changed meanwhile: what is in place by now is written anew.
                if _moment(store).generation == moment.generation:
                    return done
        except OSError as error:
            raise StoreError(
                f"{error.filename or folder} cannot be written: {error.strerror}",
                "Check the folder, its rights and space, then run it again.",
            ) from error


def _moment(store: RawStore) -> _Moment:
    with store.reading() as db:
        secret, generation = secret_of(db), generation_of(db)
        assert secret is not None and generation is not None, "the store is laid out"
        last_rows = {table: _one(db, f"SELECT max(rowid) FROM {table}") for table in EXPORTED}  # noqa: S608
    name = hashlib.blake2b(b"export", key=secret.encode()[:64], digest_size=16).hexdigest()
    return _Moment(f"{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.parquet", name, generation, last_rows)


class _TableFolder:
    """The files of a table of one tenant."""

    def __init__(self, folder: Path, table: str, tenant: str) -> None:
        self._table = table
        self._place = folder / table / f"tenant={tenant}"
        self._new = self._place.with_name(f".tenant={tenant}.new")
        self._old = self._place.with_name(f".tenant={tenant}.old")
        self._columns = ", ".join(f'"{name}"' for name in columns_of_export(table))

    def bring_up_to_date(self, store: RawStore, moment: _Moment) -> TableExport:
        """Add the rows that are missing, or write all of them anew."""
        self._clear_what_died()
        found = self._in_place(moment)
        anew = self._reason(store, found, moment) if found else None
        if not found or anew is not None:
            return self._write_anew(store, moment, anew)
        return self._add(store, moment, found[-1].part.upto)

    def _clear_what_died(self) -> None:
        """Remove what an export left that was killed."""
        clear(self._new)
        clear(self._old)
        for left in self._place.glob(f"{UNFINISHED}*"):
            left.unlink()

    def _in_place(self, moment: _Moment) -> list[Found]:
        """The files in place, in the order of their rows.

        Raises ConfigError for a file that is not this store's.
        """
        found = []
        for path in sorted(self._place.glob("[!._]*")):
            try:
                found.append(read_part(path, self._table))
            except NotOursError:
                raise ConfigError(
                    f"{path} is not a file of this export, or damaged",
                    f"Move it away, or remove {self._place}: it is written anew then.",
                ) from None
            if found[-1].part.store != moment.store:
                raise ConfigError(
                    f"{self._place} holds rows of another raw.db",
                    "Name this one by another --tenant, or remove that tenant's folders.",
                )
        return sorted(found, key=lambda file: (file.part.after, file.part.upto))

    def _reason(self, store: RawStore, found: list[Found], moment: _Moment) -> str | None:
        """Why the rows in place are not the first ones of the table any more; None: they are."""
        parts = [file.part for file in found]
        if any(part.generation != moment.generation for part in parts):
            return "rows were changed by forget, restore or an upgrade"
        if not all(file.has_columns for file in found):
            return "the columns are others"
        if parts[0].after or any(part.upto != later.after for part, later in pairwise(parts)):
            return "files are missing"
        if len(parts) >= MOST_FILES:
            return f"{len(parts)} files become one"
        with store.reading() as db:
            upto, rows = parts[-1].upto, sum(part.rows for part in parts)
            later = _one(db, f"SELECT count(*) FROM {self._table} WHERE rowid > ?", upto)  # noqa: S608
            if _one(db, f"SELECT count(*) FROM {self._table}") - later != rows:  # noqa: S608
                return "rows were taken out of raw.db"
            row = db.execute(
                f"SELECT {self._columns} FROM {self._table} WHERE rowid = ?",  # noqa: S608
                (upto,),
            ).fetchone()
        if rows and (row is None or row_hash(row) != parts[-1].last):
            return "raw.db has other rows"
        return None

    def _add(self, store: RawStore, moment: _Moment, after: int) -> TableExport:
        batches = self._batches(store, moment, after)
        first = next(batches, None)
        if first is None:
            return TableExport(self._table, 0, None, None)
        path = self._place / moment.file_name
        rows = self._write(path, moment, after, chain([first], batches))
        sync_to_disk(self._place)
        return TableExport(self._table, rows, path, None)

    def _write_anew(self, store: RawStore, moment: _Moment, reason: str | None) -> TableExport:
        self._place.parent.mkdir(mode=0o700, exist_ok=True)
        self._new.mkdir(mode=0o700)
        name = moment.file_name
        rows = self._write(self._new / name, moment, 0, self._batches(store, moment, 0))
        sync_to_disk(self._new)
        if self._place.exists():
            self._place.rename(self._old)
        self._new.rename(self._place)
        sync_to_disk(self._place.parent)
        clear(self._old)
        return TableExport(self._table, rows, self._place / name, reason)

    def _write(
        self, path: Path, moment: _Moment, after: int, batches: Iterator[list[tuple[Any, ...]]]
    ) -> int:
        begun = Part(moment.store, moment.generation, after, after, 0, "")
        try:
            with whole_file(path) as file:
                return write_part(file, self._table, batches, begun).rows
        except pa.ArrowException as error:
            raise StoreError(
                f"raw.db has a value in {self._table} that is not of its column: {error}",
                "Nothing was exported of this table. Please report it.",
            ) from error

    def _batches(
        self, store: RawStore, moment: _Moment, after: int
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The rows behind a number that were there at the moment, in order.

        The store is read a short time for each: whoever writes gets at it in between.
        """
        upto = moment.last_rows[self._table]
        while after < upto:
            with store.reading() as db:
                rows = db.execute(
                    f"SELECT {self._columns} FROM {self._table}"  # noqa: S608
                    " WHERE rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ?",
                    (after, upto, ROWS_PER_BATCH),
                ).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            yield rows


def _one(db: sqlite3.Connection, sql: str, *values: int) -> int:
    (found,) = db.execute(sql, values).fetchone()
    return found or 0
