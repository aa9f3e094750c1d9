"""Writing a file for people: for its owner only, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from ..errors import ConfigError


def write_private(path: Path, content: bytes) -> None:
    """Write a file with mode 0600: beside its place first, then renamed into it.

    Whoever reads meanwhile sees the old file or the new one. Of a symbolic link the file that it
    leads to is replaced. Raises ConfigError where it cannot be written.
    """
    try:
        target = path.resolve()
        if target.is_dir():
            raise ConfigError(f"{path} is a folder", "Name a file.")
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        raise _unwritable(path, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:  # mkstemp made it 0600
            stream.write(content)
        temporary.replace(target)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def make_private_folder(folder: Path) -> None:
    """Make a folder for its owner only, unless it is there. Raises ConfigError."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(path: Path, error: Exception) -> ConfigError:
    why = getattr(error, "strerror", None) or "a link that leads nowhere"
    return ConfigError(f"{path} cannot be written: {why}", "Name another place.")
