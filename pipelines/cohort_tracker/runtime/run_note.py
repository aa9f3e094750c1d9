"""How the last syncs of a data directory went, also those that never got as far as a class.

The log of runs in raw.db is by class: a sync whose login was refused leaves nothing there.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class RunNote:
    """What went wrong without a break since the last time it went well. Times are ISO, UTC.

    Args:
        failures: how many syncs failed in a row.
        failed_since: when the first of them failed.
        error: what the last one ended with.
        read_nothing: whether the last one ended before it came to any class.
        backup_failed_since: when the first of the backups failed that failed in a row.
        backup_error: why the last backup failed.
    """

    failures: int = 0
    failed_since: str | None = None
    error: str | None = None
    read_nothing: bool = False
    backup_failed_since: str | None = None
    backup_error: str | None = None


def read_run_note(data_dir: Path) -> RunNote:
    """What `note_run` wrote; all is well where it wrote nothing."""
    try:
        noted = json.loads(_path(data_dir).read_bytes())
        return RunNote(**noted)
    except (OSError, ValueError, TypeError):
        return RunNote()


def note_run(
    data_dir: Path,
    now: datetime,
    *,
    error: str | None,
    backup_error: str | None,
    read_nothing: bool = False,
) -> None:
    """Note how a sync ended; without a word where no file can be written."""
    before = read_run_note(data_dir)
    at = now.isoformat(timespec="seconds")
    note = RunNote(
        failures=before.failures + 1 if error else 0,
        failed_since=(before.failed_since or at) if error else None,
        error=error,
        read_nothing=bool(error) and read_nothing,
        backup_failed_since=(before.backup_failed_since or at) if backup_error else None,
        backup_error=backup_error,
    )
    with contextlib.suppress(OSError):
        _write(_path(data_dir), asdict(note))


def clear_run_note(data_dir: Path) -> None:
    """Forget how the last syncs went: what they failed with may name somebody."""
    _path(data_dir).unlink(missing_ok=True)


def _write(path: Path, note: dict[str, Any]) -> None:
    temporary = path.with_name(path.name + ".new")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(note, stream)
    temporary.replace(path)


def _path(data_dir: Path) -> Path:
    return data_dir / "last_sync.json"
