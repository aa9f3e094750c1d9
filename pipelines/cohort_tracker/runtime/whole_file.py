"""A file that is there as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ..errors import ConfigError, StoreError

UNFINISHED = ".cohort-tracker-"
"""How the name of a file begins that is still being written, or whose writer was killed."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A new file for the owner only, which takes the place of `path` when all of it is written.

    Of a symbolic link the file that it leads to is replaced. Raises ConfigError where something
    else than a file is in the place, StoreError where it cannot be written.
    """
    place = path.resolve()
    if place.exists() and not place.is_file():
        raise ConfigError(f"{path} is no file", "Name a file.")
    try:
        handle, name = tempfile.mkstemp(prefix=UNFINISHED, dir=place.parent)
        beside = Path(name)
        try:
            with open(handle, "wb") as file:  # noqa: PTH123
                yield file
                file.flush()
                os.fsync(handle)
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror}", "Check the folder, its rights and space."
        ) from error
