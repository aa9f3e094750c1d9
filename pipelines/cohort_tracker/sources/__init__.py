"""Where records come from: one folder per API, and the files that people keep by hand.

A source is a folder here, or a module that a package names in the entry point group
`cohort_tracker.sources`, with a function `connect(settings)` that returns an `api.Source`, and
`NEEDS`, the settings that it cannot do without. docs/sources.md says how to write one.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType
from typing import TYPE_CHECKING

from ..errors import ConfigError

if TYPE_CHECKING:
    from ..config import Settings
    from .api import Source

GROUP = "cohort_tracker.sources"


def connect(settings: Settings) -> Source:
    """A session with the API that `settings.source` names; nothing is asked of it yet.

    Raises ConfigError where there is no such source, or where it misses a setting.
    """
    source: Source = _module(settings).connect(settings)
    return source


def needs(settings: Settings) -> tuple[str, ...]:
    """The settings that the source cannot do without. Raises ConfigError as `connect` does."""
    keys: tuple[str, ...] = _module(settings).NEEDS
    return keys


def _module(settings: Settings) -> ModuleType:
    module = _folders().get(settings.source)
    if module is None:
        installed = {entry.name: entry for entry in entry_points(group=GROUP)}
        if settings.source not in installed:
            known = ", ".join(sorted({*_folders(), *installed}))
            raise ConfigError(
                f"No such source: {settings.source}", f"There are: {known}. Set `source` to one."
            )
        module = installed[settings.source].load()
    return module


def _folders() -> dict[str, ModuleType]:
    """The sources in this package, by name. Importing their folders is cheap."""
    modules = {
        found.name: import_module(f".{found.name}", __name__)
        for found in pkgutil.iter_modules(__path__)
        if found.ispkg
    }
    return {name: module for name, module in modules.items() if hasattr(module, "connect")}
