"""What dbt parsed of the project, kept once for all data directories of an installation.

dbt needs some seconds to parse the project, and under one to see that nothing changed since. It
keeps what it parsed in its target path, which is in the data directory: so every new data directory
would pay for it, although it depends on the installation and not on the data. Here dbt's file is
copied, and never opened. It holds models and their descriptions, nothing of any student.

A copy is a help that may be missing: where none can be read or written, dbt parses as it always
did, and so it does where a copy does not fit.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import CohortTrackerError
from ..runtime.whole_file import whole_file

_FILE = "partial_parse.msgpack"
_DIGEST_BYTES = 32
_MOST_COPIES = 8


class ParsedProject:
    """The parsed project of a data directory, and the copy that the installation keeps of it.

    Args:
        project_dir: where the dbt project is.
        variables: the dbt variables that are not the project's; others make another copy.
        target: dbt's target path in the data directory.
    """

    def __init__(self, project_dir: Path, variables: Mapping[str, Any], target: Path) -> None:
        self._own = target / _FILE
        self._name = _copy_name(project_dir, variables)
        self._before: tuple[int, ...] | None = None

    def take(self) -> None:
        """Put the copy where dbt looks for it, where the data directory has none of its own."""
        with contextlib.suppress(CohortTrackerError, OSError):
            if not self._own.exists() and (content := self._copied()) is not None:
                self._own.parent.mkdir(mode=0o700, exist_ok=True)
                with whole_file(self._own) as file:
                    file.write(content)
        self._before = _mark(self._own)

    def keep(self) -> None:
        """Copy what dbt parsed, where it parsed anew since `take`, or where there is no copy."""
        with contextlib.suppress(CohortTrackerError, OSError):
            folder = _folder()
            if folder is None:
                return
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_new = _mark(self._own) != self._before
            if not _is_own(folder) or not (is_new or self._copied() is None):
                return
            content = self._own.read_bytes()
            with whole_file(folder / self._name) as file:
                file.write(_digest(content) + content)
            _drop_old(folder)

    def _copied(self) -> bytes | None:
        """The copy, or None where there is none that is whole."""
        folder = _folder()
        try:
            if folder is None or not _is_own(folder):
                return None
            found = (folder / self._name).read_bytes()
        except OSError:
            return None
        digest, content = found[:_DIGEST_BYTES], found[_DIGEST_BYTES:]
        # dbt would take a changed byte in a model for the model.
        return content if digest == _digest(content) else None


def _folder() -> Path | None:
    """Where copies are, or will be; None for a user without a home."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not named.is_absolute():  # then it is to be ignored, says the convention that it is from
        try:
            named = Path.home() / ".cache"
        except RuntimeError:
            return None
    return named / "cohort-tracker" / "parsed"


def _is_own(folder: Path) -> bool:
    """Whether nobody else could have planted a file there; raises OSError."""
    found = folder.stat()
    return found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _copy_name(project_dir: Path, variables: Mapping[str, Any]) -> str:
    """A name for what decides whether dbt can use a copy; of the project's files it sees that."""
    basis = [str(project_dir), __version__, _version("dbt-core"), _version("dbt-duckdb"), variables]
    return hashlib.blake2b(json.dumps(basis, sort_keys=True).encode(), digest_size=16).hexdigest()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def _mark(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _drop_old(folder: Path) -> None:
    """Remove all but the newest copies, and with time what a killed process left."""
    by_age = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[_MOST_COPIES:]:
        path.unlink(missing_ok=True)
