"""What `sync` and `status` say of the roster."""

from __future__ import annotations

from ..runtime.printing import say
from ..warehouse.roster import RosterStatus


def say_roster(roster: RosterStatus) -> None:
    """Print which lines of the roster have no effect, and which fit nobody, if there are any."""
    if roster.problems:
        say(f"Roster: {_of(len(roster.problems), roster.lines)} no effect:", style="yellow")
        for line in roster.first_problems:
            say(line, indent=2, style="yellow")
        _say_rest(len(roster.problems) - len(roster.first_problems))
    if roster.unmatched:
        say(f"Roster: {_of(len(roster.unmatched), roster.lines)} nobody's work yet:")
        say(", ".join(roster.first_unmatched), indent=2)
        _say_rest(len(roster.unmatched) - len(roster.first_unmatched))
        hint = "Who of them has started is written otherwise there: compare e-mail and name."
        say(hint, indent=2)


def _of(number: int, lines: int) -> str:
    return f"{number:,} of {lines:,} lines {'has' if number == 1 else 'have'}"


def _say_rest(more: int) -> None:
    if more:
        say(f"and {more:,} more: core.roster_matches has them all", indent=2)
