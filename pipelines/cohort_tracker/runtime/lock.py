"""One sync at a time per data directory, and one of what else may not meet itself."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from ..config import what_instead_of_a_file
from ..errors import CohortTrackerError, ConfigError, StoreError, SyncRunningError

with contextlib.suppress(ImportError):  # Windows: `require_supported_system` says so
    import fcntl

_WRITE_HINT = "Check disk space and permissions of this folder."


def require_supported_system() -> None:
    """Raise ConfigError where the operating system has no locks as they are needed here."""
    if "fcntl" not in globals():
        raise ConfigError(
            f"Cohort Tracker runs on Linux (and should on macOS), not on {sys.platform}",
            "On Windows install it in WSL, the Windows Subsystem for Linux.",
        )


def lock_path(data_dir: Path) -> Path:
    """The file that a running sync holds locked and names itself in."""
    return data_dir / "sync.lock"


def require_files(data_dir: Path) -> None:
    """Raise ConfigError where a pipe, a device or a folder stands in the place of a file of ours.

    To open one could wait for ever.
    """
    for name in ("sync.lock", "raw.db", "warehouse.duckdb"):
        path = data_dir / name
        try:
            kind = what_instead_of_a_file(path.stat().st_mode)
        except OSError:  # absent, or beyond reach: whoever opens it says so
            continue
        if kind is not None:
            raise ConfigError(
                f"{path} is {kind}, not a file", "Move it away, or name another data_dir."
            )


@contextmanager
def sync_lock(data_dir: Path, run_id: str) -> Iterator[None]:
    """Hold the data directory for one sync.

    The operating system drops the lock with the process, so that of a dead process is free; what
    it wrote into the file stays and tells the next one that it was interrupted.
    Raises SyncRunningError naming the holder, StoreError when the file cannot be made.
    """
    path = lock_path(data_dir)
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}", _WRITE_HINT) from error
    with os.fdopen(handle, "r+", encoding="utf-8") as stream:
        _lock(stream)
        try:
            _write(
                stream,
                {
                    "pid": os.getpid(),
                    "run_id": run_id,
                    "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
                },
            )
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}", _WRITE_HINT) from error
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                os.ftruncate(stream.fileno(), 0)


@contextmanager
def one_at_a_time(path: Path, running: CohortTrackerError) -> Iterator[None]:
    """Hold off whoever does the same meanwhile; the lock of a dead process is free.

    Raises `running` where somebody does it already, StoreError where the lock cannot be made.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}", _WRITE_HINT) from error
    with os.fdopen(handle):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise running from None
        yield


def _lock(stream: TextIO) -> None:
    """Lock the file or raise SyncRunningError.

    `status` holds the lock for an instant to see whether somebody does, and a holder needs one to
    write its name: hence a second and a third try.
    """
    for pause in (0.05, 0.1, None):
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if pause is not None:
                time.sleep(pause)
        else:
            return
    stream.seek(0)
    holder = _holder(stream.read())
    raise SyncRunningError(
        f"Another sync is running (process {holder.get('pid', 'unknown')},"
        f" since {holder.get('started_at', 'unknown')})",
        "Wait for it to end; a killed one frees the lock by itself.",
    )


def interrupted_run(data_dir: Path) -> dict[str, Any] | None:
    """What a sync that was killed wrote into its lock; None when none was, or one is running."""
    path = lock_path(data_dir)
    try:
        with path.open(encoding="utf-8") as stream:
            holder = _holder(stream.read())
            if not holder:
                return None
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (OSError, ValueError):  # absent, unreadable, or held by a running sync
        return None
    return holder


def _holder(text: str) -> dict[str, Any]:
    try:
        holder = json.loads(text) if text else {}
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def _write(stream: TextIO, holder: dict[str, Any]) -> None:
    # Past the stream's buffer, which would be written again when it is closed.
    os.ftruncate(stream.fileno(), 0)
    os.pwrite(stream.fileno(), json.dumps(holder).encode(), 0)
