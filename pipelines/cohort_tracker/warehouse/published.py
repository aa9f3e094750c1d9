"""The published file: who may read it, and what others wrote beside it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..raw.aside import aside_path


def change_log(warehouse: Path) -> Path:
    """Where DuckDB keeps what was written into a file and is not yet in it.

    A sync never leaves one: what lies there was written by another program, into this file or into
    one that was there before. Whoever opens the file would take it for part of it.
    """
    return warehouse.with_name(warehouse.name + ".wal")


def set_change_log_aside(warehouse: Path) -> str | None:
    """Rename another program's log of changes; returns what was done, in a line. Raises OSError."""
    log = change_log(warehouse)
    if not log.exists() and not log.is_symlink():
        return None
    aside = aside_path(log, "not-ours")
    log.rename(aside)
    return (
        f"{log} was left by another program that wrote into the tables; it was set aside as"
        f" {aside.name} and is not part of them"
    )


def set_permissions(warehouse: Path, mode: int) -> None:
    """Give a file of ours the mode, unless it has it; never one that a link leads to."""
    try:
        found = warehouse.lstat()
    except FileNotFoundError:
        return
    is_ours = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
    if is_ours and stat.S_IMODE(found.st_mode) != mode:
        warehouse.chmod(mode)
