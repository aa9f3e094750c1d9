"""Backups of `access.db`: beside those of raw.db, one a day where the keys changed.

A backup is older than the file: keys that were revoked since are good in it. So one is put back
only where the file is gone or damaged, and nobody stays logged in by it.
"""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from ..errors import DamagedStoreError, StoreError
from ..raw.aside import aside_path
from ..raw.backup import copy_store, sync_to_disk
from .store import AccessStore

_NAME = re.compile(r"access-\d{8}T\d{6}Z\.db")
_HINT = "Check disk space and permissions, or name another backup_dir."


def access_backups(folder: Path) -> list[Path]:
    """The backups of access.db in a folder, the newest first."""
    try:
        found = [path for path in folder.iterdir() if is_access_backup(path) and path.is_file()]
    except OSError:
        return []
    return sorted(found, reverse=True)


def is_access_backup(path: Path) -> bool:
    """Whether a file is named like a backup of access.db."""
    return _NAME.fullmatch(path.name) is not None


def back_up_access(store: AccessStore, folder: Path, *, keep: int, now: datetime) -> Path | None:
    """Back access.db up where that is due; of all backups the newest `keep` stay.

    `now` is aware. Returns the new backup; None when none was due. Raises StoreError.
    """
    if keep == 0 or not store.path.exists() or not _is_due(store, folder, now):
        return None
    backup = folder / f"access-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.db"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copy(store.path, backup)
        for old in access_backups(folder)[keep:]:
            old.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{store.path} was not backed up: {error}", _HINT) from error
    return backup


def restore_access(store: AccessStore, backup: Path) -> Path | None:
    """Put a backup in the place of a file that is gone or damaged; a damaged one is kept.

    Returns where that is now. Raises StoreError where the file is sound, or the backup is not;
    then nothing was changed.
    """
    AccessStore(backup).check()
    if is_sound(store):
        raise StoreError(
            f"{store.path} is sound, and newer than any backup; it was left as it is",
            "Keys that were revoked since would be good again. Move it away if you mean it.",
        )
    try:
        aside = None
        if store.path.exists():
            aside = aside_path(store.path)
            store.path.rename(aside)
        for suffix in ("-journal", "-wal", "-shm"):
            store.path.with_name(store.path.name + suffix).unlink(missing_ok=True)
        _copy(backup, store.path)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{backup} was not restored: {error}", _HINT) from error
    return aside


def is_sound(store: AccessStore) -> bool:
    """Whether the file is there and not damaged. Raises StoreError for what else is wrong."""
    if not store.path.exists():
        return False
    try:
        store.check()
    except DamagedStoreError:
        return False
    return True


def _copy(source: Path, target: Path) -> None:
    """Copy the file as it is at one moment, without sessions, at once or not at all."""
    unfinished = target.with_name(f".{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        copy_store(source, unfinished)
        AccessStore(unfinished).end_all_sessions()
        AccessStore(unfinished).check()
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_to_disk(target.parent)


def _is_due(store: AccessStore, folder: Path, now: datetime) -> bool:
    backups = access_backups(folder)
    today = f"access-{now.astimezone(UTC):%Y%m%d}T"
    if any(path.name.startswith(today) for path in backups):
        return False
    grants = store.grants()
    try:
        return bool(grants) and (not backups or AccessStore(backups[0]).grants() != grants)
    except StoreError:
        return True  # a damaged backup is none
