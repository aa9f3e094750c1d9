"""Putting a backup in the raw store's place; who was forgotten meanwhile is not in it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..errors import DamagedStoreError, StoreError
from .aside import aside_path, move_journals
from .backup import copy_store, list_backups, sync_to_disk
from .contacts import carry_contacts
from .generation import begin_generation
from .rewrite import carry, clear_rewrites, memory_of
from .store import Held, RawStore

_RESTORING = ".restoring"


@dataclass(frozen=True)
class Restored:
    """What `restore` did: how much is stored again, and where the file is that was there.

    `carried`: how many contacts of that file the backup did not know yet.
    """

    held: Held
    carried: int
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


def restore(store: RawStore, backup: Path, others: Iterable[Path] = ()) -> Restored:
    """Put a backup in the store's place, at once or not at all; the file that was there is kept.

    Whom the store, the backup or one of `others` notes as forgotten is erased from it before.
    Contacts that were noted since the backup stay: no sync could bring them back.
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
        with RawStore(place).holding_off_writers():
            copy_store(backup, unfinished)
            carried = carry_contacts(place, unfinished)
            carry(memory_of([place, backup, *others]), unfinished)
            with closing(sqlite3.connect(unfinished)) as db:
                begin_generation(db)
                db.commit()
            held = RawStore(unfinished).held()
            aside = _keep(place)
            unfinished.replace(place)
        sync_to_disk(place.parent)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"{backup} was not restored: {error}", "Check disk space and permissions."
        ) from error
    finally:
        clear_unfinished(place)
    return Restored(held, carried, aside)


def clear_unfinished(path: Path) -> None:
    """Remove what a killed `restore` left beside the store at `path`."""
    place = path.resolve()
    for left in place.parent.glob(f"{place.name}{_RESTORING}*"):
        left.unlink(missing_ok=True)
    clear_rewrites(place)


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
