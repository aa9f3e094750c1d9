"""The OpenClass API: as a source of syncs, and as a dlt source for any destination.

`from cohort_tracker.sources.openclass import openclass` is the dlt source (docs/dlt-source.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...config import Settings
    from ..api import Source
    from .dlt_source import openclass

__all__ = ["NEEDS", "connect", "openclass"]

NEEDS = ("email", "password")


def connect(settings: Settings) -> Source:
    """A session with OpenClass. Raises ConfigError where e-mail or password is missing."""
    settings.require_credentials()
    from .client import OpenClassClient

    return OpenClassClient(settings)


def __getattr__(name: str) -> Any:
    """The dlt source, imported with dlt when somebody asks for it."""
    if name == "openclass":
        from .dlt_source import openclass

        return openclass
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
