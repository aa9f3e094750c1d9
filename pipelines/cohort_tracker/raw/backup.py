"""Backups of the raw store: whole files beside it, taken by SQLite while others may read and write.

A backup is named by the UTC time it was taken at. It takes its name only when it is complete,
checked and on the disk; what a killed process left has another name, and the next backup clears it.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..errors import CohortTrackerError, DamagedStoreError, StoreError
from .store import RawStore, aside_path, move_journals

_NAME = re.compile(r"raw-(\d{8}T\d{6}Z)\.db")
_UNFINISHED = ".raw-*.db.unfinished*"
_RESTORING = ".restoring"
_STAMP = "%Y%m%dT%H%M%SZ"
_PAGES_PER_STEP = 2_000  # between two steps Python hears of a Ctrl-C
_HINT = "Check disk space and permissions, or name another backup_dir."


def list_backups(folder: Path) -> list[Path]:
    """The backups in a folder, the newest first; what is not named like one is none."""
    try:
        found = [path for path in folder.iterdir() if taken_at(path) and path.is_file()]
    except OSError:
        return []
    return sorted(found, key=lambda path: path.name, reverse=True)


def taken_at(path: Path) -> datetime | None:
    """When the backup was taken (aware, UTC), as its name says; None for another file."""
    named = _NAME.fullmatch(path.name)
    try:
        return named and datetime.strptime(named[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def back_up(store: RawStore, folder: Path, *, keep: int, now: datetime) -> Path | None:
    """Back the store up into `folder` when that is due: at most once a day, and not twice the same.

    Of all backups the newest `keep` stay; 0: none is made and none is removed. `now` is aware.

    Returns the new backup; None when none was due. Raises StoreError when it could not be made.
    """
    if keep == 0 or not store.path.exists() or not _is_due(store, folder, now):
        return None
    backup = folder / f"raw-{now.astimezone(UTC):{_STAMP}}.db"
    try:
        if not folder.exists():
            folder.mkdir(mode=0o700, parents=True)
        for left in folder.glob(_UNFINISHED):
            left.unlink(missing_ok=True)
        unfinished = folder / f".{backup.name}.unfinished"
        try:
            copy_store(store.path, unfinished)
            RawStore(unfinished).check(thorough=True)
            unfinished.replace(backup)
        finally:
            unfinished.unlink(missing_ok=True)
        sync_to_disk(folder)
        _remove_old(folder, keep)
    except OSError as error:
        raise StoreError(f"{store.path} was not backed up: {error}", _HINT) from error
    except (CohortTrackerError, sqlite3.Error) as error:
        raise StoreError(f"{store.path} was not backed up to {folder}: {error}", _HINT) from error
    return backup


@dataclass(frozen=True)
class Restored:
    """What `restore` did: how much is in force again, and where the file is that was there."""

    record_versions: int
    aside: Path | None


def find_backup(folder: Path, named: Path | None) -> Path:
    """The backup that a user means: the newest, or a file by its path or its name in the folder.

    Raises StoreError when there is none.
    """
    if named is None:
        backups = list_backups(folder)
        if not backups:
            raise StoreError(
                f"There is no backup in {folder}",
                "If you have a copy elsewhere: cohort-tracker restore FILE",
            )
        return backups[0]
    for path in (named, folder / named):
        if path.is_file():
            return path
    raise StoreError(f"There is no backup {named}", f"Backups are in {folder}.")


def restore(store: RawStore, backup: Path) -> Restored:
    """Put a backup in the store's place, at once or not at all; the file that was there is kept.

    To be called under the lock of the sync. Raises StoreError when the backup cannot be used, or
    the file in its place is somebody else's or in use; then nothing was changed.
    """
    found = RawStore(backup)
    try:
        found.check(thorough=True)
    except DamagedStoreError as error:
        raise StoreError(
            error.message, "Nothing was changed. Name another: cohort-tracker restore FILE"
        ) from error
    if not found.has_tables():
        raise StoreError(f"{backup} is empty, no backup", "Nothing was changed.")
    try:
        store.check()  # which also takes back what a killed process left half written
        store.wait_until_free()
    except DamagedStoreError:
        pass
    place = store.path.resolve()  # a symbolic link stays one
    clear_unfinished(place)
    unfinished = place.with_name(place.name + _RESTORING)
    try:
        copy_store(backup, unfinished)
        record_versions = RawStore(unfinished).record_versions()
        aside = _keep(place)
        unfinished.replace(place)
        sync_to_disk(place.parent)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"{backup} was not restored: {error}", "Check disk space and permissions."
        ) from error
    finally:
        clear_unfinished(place)
    return Restored(record_versions, aside)


def clear_unfinished(path: Path) -> None:
    """Remove what a killed `restore` left beside the store at `path`."""
    place = path.resolve()
    for left in place.parent.glob(f"{place.name}{_RESTORING}*"):
        left.unlink(missing_ok=True)


def _keep(path: Path) -> Path | None:
    """Give the file a second name, under which it stays when another takes its place.

    What SQLite kept beside it goes along, also where the file itself is gone: SQLite would put it
    into the other one.
    """
    aside = aside_path(path, "replaced")
    move_journals(path, aside)
    if not path.exists():
        return None
    try:
        os.link(path, aside)
    except OSError:  # a file system without second names
        path.rename(aside)
    return aside


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
    backups = list_backups(folder)
    today = f"raw-{now.astimezone(UTC):%Y%m%d}T"
    if any(path.name.startswith(today) for path in backups):
        return False
    try:
        return not backups or RawStore(backups[0]).content_marks() != store.content_marks()
    except StoreError:
        return True  # a damaged backup is none


def _remove_old(folder: Path, keep: int) -> None:
    """Remove all but the newest backups, and never the one that holds more than all of these.

    After a loss that nobody has seen to, every new backup is one of a store that lost its history.
    """
    backups = list_backups(folder)
    most = max(map(_records, backups[:keep]))
    spare = [path for path in backups[keep:] if _records(path) > most][:1]
    for path in backups[keep:]:
        if path not in spare:
            path.unlink(missing_ok=True)


def _records(path: Path) -> int:
    try:
        return RawStore(path).record_versions()
    except StoreError:
        return 0
