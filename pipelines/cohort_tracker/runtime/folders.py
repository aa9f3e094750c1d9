"""Working folders: private, and cleared of what a dead run left in them."""

from __future__ import annotations

import shutil
from pathlib import Path

PAGES_FOLDER = "reports"
"""Where pages go for which nobody named a place, in the data directory."""


def make_fresh(folder: Path) -> None:
    """Make an empty folder for the owner only, whatever stands there; raises OSError."""
    clear(folder)
    folder.mkdir(mode=0o700)


def clear(folder: Path) -> None:
    """Remove a folder with everything in it; of a symbolic link, the link."""
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
