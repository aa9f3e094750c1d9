"""What every goal gets: sizes, a place to work in, and a voice."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from .sizes import Sizes


@dataclass(frozen=True)
class Bench:
    """One benchmark run. `peers`: the Python of the peers' environment, None to leave them out."""

    sizes: Sizes
    work: Path
    peers: Path | None

    @property
    def cache(self) -> Path:
        """Where the installation keeps what it needs for every data directory."""
        return self.work / "cache"

    def say(self, text: str) -> None:
        """Tell how it goes, on standard error."""
        print(text, file=sys.stderr, flush=True)
