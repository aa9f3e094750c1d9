"""Changing a raw store, or a copy of one, so that nothing of what was removed is left in its bytes.

SQLite leaves what was deleted in the file until other rows take its place. So the file is copied,
the copy is changed and packed, and takes the place of the file by one rename.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from ..errors import StoreError
from .backup import copy_store, sync_to_disk
from .erase import erase_forgotten
from .forgotten import Forgotten, Memory, entries_of, secret_of, take_over
from .generation import begin_generation
from .store import RawStore

_UNFINISHED = ".unfinished"


def memory_of(paths: Iterable[Path]) -> Memory:
    """What the stores that can be opened remember; the secret is that of the first that has one."""
    secret, entries = None, set()
    for path in paths:
        if not path.is_file():
            continue
        try:
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
                secret = secret or secret_of(db)
                entries |= entries_of(db)
        except sqlite3.Error:
            continue  # damaged, or none
    return Memory(secret, Forgotten(entries))


def carry(memory: Memory, path: Path) -> None:
    """Let a store remember, and erase from it who was forgotten. Raises StoreError."""
    with closing(sqlite3.connect(path)) as db:
        is_news = not memory.forgotten.entries <= entries_of(db)
    if is_news:
        rewrite(path, lambda db: erase_forgotten(db, memory.forgotten), memory.secret)
    else:
        with closing(sqlite3.connect(path)) as db:
            take_over(db, memory)
            db.commit()


def rewrite(
    path: Path, change: Callable[[sqlite3.Connection], object], secret: str | None = None
) -> None:
    """Change a store and pack it, at once or not at all; it gets the layout of this version.

    `secret`: for a store that has none. Raises StoreError; then nothing was changed.
    """
    place = path.resolve()
    RawStore(place).check(thorough=True)
    RawStore(place).wait_until_free()
    clear_rewrites(place)
    changed = place.with_name(f".{place.name}{_UNFINISHED}-1")
    packed = place.with_name(f".{place.name}{_UNFINISHED}-2")
    try:
        _take_log_in(place)
        with RawStore(place).holding_off_writers():  # or a contact noted now would be lost
            copy_store(place, changed)
            _change(changed, packed, change, secret)
            packed.replace(place)
        sync_to_disk(place.parent)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"{path} could not be changed: {error}", "Check disk space and permissions."
        ) from error
    finally:
        clear_rewrites(place)


def _change(
    path: Path, packed: Path, change: Callable[[sqlite3.Connection], object], secret: str | None
) -> None:
    """Change a copy, and pack it into a new file that is on the disk when this returns."""
    RawStore(path).lay_out(Memory(secret))
    packed.touch(mode=0o600)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("BEGIN IMMEDIATE")
        change(db)
        begin_generation(db)
        db.execute("COMMIT")
        db.execute("VACUUM INTO ?", (str(packed),))
    sync_to_disk(packed)
    RawStore(packed).check(thorough=True)


def _take_log_in(path: Path) -> None:
    """Bring what stands in a log beside the file into it; the log goes."""
    with closing(sqlite3.connect(path)) as db:
        try:
            settled = db.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            settled = False
    if not settled:
        raise StoreError(f"{path} is in use by another program", "End it and try again.")


def clear_rewrites(path: Path) -> None:
    """Remove what a killed `rewrite` left beside a store."""
    place = path.resolve()
    for left in place.parent.glob(f".{place.name}{_UNFINISHED}-*"):
        left.unlink(missing_ok=True)
