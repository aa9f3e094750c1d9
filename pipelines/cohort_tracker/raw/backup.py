"""Backups of the raw store: whole files beside it, taken by SQLite while others may read and write.

A backup is named by the UTC time it was taken at. It takes its name only when it is complete,
checked and on the disk; what a killed process left has another name, and the next backup clears it.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..errors import CohortTrackerError, StoreError
from .store import Held, RawStore

_NAME = re.compile(r"raw-(\d{8}T\d{6}Z)\.db")
_UNFINISHED = ".raw-*.db.unfinished*"
_STAMP = "%Y%m%dT%H%M%SZ"
_PAGES_PER_STEP = 2_000  # between two steps Python hears of a Ctrl-C
_CLOCKS_DIFFER = timedelta(days=1)
_HINT = "Check disk space and permissions, or name another backup_dir."


def list_backups(folder: Path, now: datetime | None = None) -> list[Path]:
    """The backups in a folder, the newest first; what is not named like one is none.

    One that is dated more than a day after `now` (aware; by default the clock's) was named by a
    wrong clock: it counts as older than all others, or it would hide them until that day comes.
    """
    latest = f"raw-{(now or datetime.now(UTC)).astimezone(UTC) + _CLOCKS_DIFFER:{_STAMP}}.db"
    try:
        found = [path for path in folder.iterdir() if taken_at(path) and path.is_file()]
    except OSError:
        return []
    return sorted(found, key=lambda path: (path.name <= latest, path.name), reverse=True)


def taken_at(path: Path) -> datetime | None:
    """When the backup was taken (aware, UTC), as its name says; None for another file."""
    named = _NAME.fullmatch(path.name)
    try:
        return named and datetime.strptime(named[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def back_up(store: RawStore, folder: Path, *, keep: int, now: datetime) -> Path | None:
    """Back the store up into `folder` when that is due: at most once a day, and not twice the same.

    Contacts are what nobody can read again: where the backup of the day lacks some, a new one takes
    its place. A store without records is no history: no backup is made of it.

    Of all backups the newest `keep` stay; 0: none is made and none is removed. `now` is aware.

    Returns the new backup; None when none was due. Raises StoreError when it could not be made.
    """
    if keep == 0 or not store.path.exists() or not _is_due(store, folder, now):
        return None
    backup = folder / f"raw-{now.astimezone(UTC):{_STAMP}}.db"
    try:
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
        clear_unfinished_backups(folder)
        unfinished = folder / f".{backup.name}.unfinished"
        try:
            copy_store(store.path, unfinished)
            RawStore(unfinished).check(thorough=True)
            unfinished.replace(backup)
        finally:
            unfinished.unlink(missing_ok=True)
        sync_to_disk(folder)
        _remove_old(folder, keep, now)
    except OSError as error:
        raise StoreError(f"{store.path} was not backed up: {error}", _HINT) from error
    except (CohortTrackerError, sqlite3.Error) as error:
        raise StoreError(f"{store.path} was not backed up to {folder}: {error}", _HINT) from error
    return backup


def clear_unfinished_backups(folder: Path) -> None:
    """Remove what a killed backup left. Raises OSError."""
    for left in folder.glob(_UNFINISHED):
        left.unlink(missing_ok=True)


def copy_store(source: Path, target: Path) -> None:
    """Copy a SQLite file as it is at one moment into a new file that only its owner can read.

    What was written is on the disk when this returns. Raises sqlite3.Error or OSError.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=rw", uri=True)) as original,
        closing(sqlite3.connect(target)) as copy,
    ):
        original.backup(copy, pages=_PAGES_PER_STEP)
    sync_to_disk(target)


def sync_to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_due(store: RawStore, folder: Path, now: datetime) -> bool:
    backups = list_backups(folder, now)
    try:
        if store.held().record_versions == 0:
            return False
        if today := _of_the_day(backups, now):
            return RawStore(today[0]).held().contacts < store.held().contacts
        return not backups or RawStore(backups[0]).content_marks() != store.content_marks()
    except StoreError:
        return True  # a damaged backup is none


def _of_the_day(backups: list[Path], now: datetime) -> list[Path]:
    day = f"raw-{now.astimezone(UTC):%Y%m%d}T"
    return [path for path in backups if path.name.startswith(day)]


def _remove_old(folder: Path, keep: int, now: datetime) -> None:
    """Remove all but the newest backups, and never one that holds more than all of these.

    After a loss that nobody has seen to, every new backup is one of a store that lost its history.
    Of one day only the newest counts, or a few busy days would fill the folder.
    """
    backups = list_backups(folder, now)
    replaced = _of_the_day(backups, now)[1:]
    kept = [path for path in backups if path not in replaced][:keep]
    others = [path for path in backups if path not in kept]
    spare = []
    for most, count in zip(_most(kept), Held._fields, strict=True):
        spare += [path for path in others if getattr(_held(path), count) > most][:1]
    for path in others:
        if path not in spare:
            path.unlink(missing_ok=True)


def _most(backups: list[Path]) -> Held:
    return Held(*map(max, zip(*map(_held, backups), strict=True)))


def _held(path: Path) -> Held:
    try:
        return RawStore(path).held()
    except StoreError:
        return Held()
