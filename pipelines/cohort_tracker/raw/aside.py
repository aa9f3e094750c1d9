"""Files that stand beside the raw store: set aside, replaced, or kept by SQLite."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path


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
