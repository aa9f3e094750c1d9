"""Where things are, and the environment in which every measured process runs."""

from __future__ import annotations

import os
from pathlib import Path

import cohort_tracker

ROOT = Path(__file__).parents[1]
SOURCE_ROOT = Path(cohort_tracker.__file__).parents[1]


def clean_environment(home: Path | None = None, **more: str) -> dict[str, str]:
    """This environment without the user's settings, and with the package that is imported here."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("COHORT_TRACKER_")
    }
    environment["PYTHONPATH"] = str(SOURCE_ROOT)
    if home is not None:
        environment["HOME"] = str(home)
    return {**environment, **more}
