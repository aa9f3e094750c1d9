"""dev.duckdb, the warehouse that people build by hand: at first a copy of the published one.

Whoever only reads (`dbt show`, `dbt docs generate`) finds the tables of the last sync: a copy that
nobody has built into is replaced when another warehouse is published. What was built by hand is
kept, and whoever opens it is told when it is older than the published warehouse. `dev.json` notes
what the last copy looked like, to tell one from the other.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path


def prepare_dev_copy(published: Path, create: Callable[[Path], object]) -> tuple[Path, str | None]:
    """Make sure that dev.duckdb is there, readable by its owner only.

    Args:
        published: the published warehouse; while there is none an empty one takes its place.
        create: makes an empty warehouse in a file that does not exist.

    Returns the path of dev.duckdb and what its reader should know, or None. Raises OSError when it
    cannot be written.
    """
    dev = published.with_name("dev.duckdb")
    note = published.with_name("dev.json")
    log = published.with_name("dev.duckdb.wal")
    if dev.exists():
        if log.exists() or _mark(dev) != _noted_mark(note):
            return dev, _remark(dev, published)
        if _mark(published) in (None, _mark(dev)):
            return dev, None
    with tempfile.TemporaryDirectory(dir=published.parent, prefix="dev-") as folder:
        copy = Path(folder) / dev.name
        if published.exists():
            shutil.copy2(published, copy)  # with its time, by which it is known again
        else:
            create(copy)
        copy.chmod(0o600)
        # In this order: wherever it is broken off, the next command copies again.
        dev.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
        _note(note, copy)
        copy.replace(dev)
    return dev, None


def _remark(dev: Path, published: Path) -> str | None:
    """What to say about a file that was built by hand: something when a sync came after it."""
    built, synced = (path.stat().st_mtime if path.exists() else 0 for path in (dev, published))
    if built >= synced:
        return None
    when = datetime.fromtimestamp(built).astimezone()
    return (
        f"Note: {dev} was built by hand on {when:%Y-%m-%d at %H:%M}, before the last sync, and is"
        " kept. `dbt build` brings its tables up to date; delete the file to start again from the"
        " published ones."
    )


def _mark(path: Path) -> list[int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def _noted_mark(note: Path) -> object:
    try:
        noted = json.loads(note.read_bytes())
    except (OSError, ValueError):
        return None
    return noted.get("copy") if isinstance(noted, dict) else None


def _note(note: Path, copy: Path) -> None:
    temporary = copy.with_name(note.name)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump({"copy": _mark(copy)}, stream)
    temporary.replace(note)
