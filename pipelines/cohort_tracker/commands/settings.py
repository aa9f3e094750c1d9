"""The settings of a command."""

from __future__ import annotations

from pathlib import Path

from ..config import Settings, clear_unwritten, load_settings
from ..runtime.lock import require_files
from ..runtime.printing import say_warning


def settings_of(config_path: Path | None) -> Settings:
    """Read the settings and print warnings about them.

    Raises ConfigError, also where something in the data directory is no file. A password that a
    killed `init` left beside the settings file is removed.
    """
    settings = load_settings(config_path)
    if settings.config_path is not None:
        clear_unwritten(settings.config_path)
    for warning in settings.warnings:
        say_warning(warning)
    require_files(settings.data_dir)
    return settings
