"""Where a file for people may be written."""

from __future__ import annotations

from pathlib import Path

from ..config import Settings
from ..errors import ConfigError


def require_outside(file: Path, settings: Settings) -> None:
    """Raise ConfigError for a file among the program's own: raw.db cannot be made again."""
    place = file.resolve()
    for own in (settings.data_dir, settings.backup_path):
        if place.is_relative_to(own.resolve()):
            raise ConfigError(
                f"{file} is in {own}, which is for the program's own files",
                "Name a file in another folder.",
            )


def make_private_folder(folder: Path) -> None:
    """Make a folder for its owner only, unless it is there. Raises ConfigError."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be made: {error.strerror}", "Name another folder."
        ) from error
