"""The settings of a command."""

from __future__ import annotations

from pathlib import Path

from ..config import Settings, load_settings
from ..runtime.lock import require_files
from ..runtime.printing import say_warning


def settings_of(config_path: Path | None) -> Settings:
    """Read the settings and print warnings about them.

    Raises ConfigError, also where something in the data directory is no file.
    """
    settings = load_settings(config_path)
    for warning in settings.warnings:
        say_warning(warning)
    require_files(settings.data_dir)
    return settings
