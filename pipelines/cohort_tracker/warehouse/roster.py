"""What became of the lines of the roster, as the published tables tell it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import Settings
from .query import query

_SHOWN = 5
_LINES = """
    select line, problem, matched_by, is_excluded from core.roster_matches order by line
"""


@dataclass(frozen=True)
class RosterStatus:
    """The roster in the tables. Without a line it has no news.

    Args:
        file: the file, as the settings name it.
        lines: how many lines it has.
        problems: lines without effect, each with the reason.
        unmatched: lines of nobody who has started anything yet.
    """

    file: Path | None = None
    lines: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)
    unmatched: list[int] = field(default_factory=list)

    @property
    def first_problems(self) -> list[str]:
        """The first lines without effect, as `file:line: reason`."""
        return [f"{self._place(line)}: {why}" for line, why in self.problems[:_SHOWN]]

    @property
    def first_unmatched(self) -> list[str]:
        """The first lines that fit nobody, as `file:line`."""
        return [self._place(line) for line in self.unmatched[:_SHOWN]]

    def _place(self, line: int) -> str:
        return f"{self.file.name if self.file else 'roster'}:{line}"

    def as_json(self) -> dict[str, Any]:
        """What `sync --json` and `status --json` print of it."""
        return {
            "file": str(self.file) if self.file else None,
            "lines": self.lines,
            "problems": len(self.problems),
            "first_problems": self.first_problems,
            "unmatched": len(self.unmatched),
            "first_unmatched": self.first_unmatched,
        }


def read_roster_status(settings: Settings) -> RosterStatus:
    """The roster in the published tables; nothing while there are none. Raises StoreError."""
    if not settings.warehouse_path.exists():
        return RosterStatus(settings.roster)
    rows = query(settings.warehouse_path, _LINES)
    return RosterStatus(
        settings.roster,
        len(rows),
        [(line, problem) for line, problem, _, _ in rows if problem],
        [line for line, _, match, is_excluded in rows if match == "new" and not is_excluded],
    )
