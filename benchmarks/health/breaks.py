"""An inserted break: does anybody's risk rise because the whole class paused?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import duckdb

from .copies import BREAK, break_name
from .courses import Built
from .measures import TIERS
from .tables import moment_of, read_table, week_end_before

WEEKS_AFTER = (0, 1, 2)
_RISK = {tier: -place for place, tier in enumerate(TIERS) if tier != "n_a"}


def break_effects(plain: Built, copied: Built, share: float) -> list[dict[str, Any]]:
    """Tiers at the end of the break, one and two weeks later, against the weeks without it."""
    rooms = read_table(plain.folder, "classes")
    found = []
    for weeks in WEEKS_AFTER:
        pairs = []
        for room in rooms:
            week_end = week_end_before(moment_of(room, share)) + timedelta(weeks=weeks)
            before = _tiers(plain, room["class_id"], week_end)
            name = f"{room['class_id']}.{break_name(share)}"
            after = _tiers(copied, name, week_end + BREAK)
            pairs.append([(before[key], after[key]) for key in before.keys() & after.keys()])
        found.append({"weeks_after": weeks, **moved(pairs)})
    return found


def moved(rooms: Sequence[Sequence[tuple[str, str]]]) -> dict[str, Any]:
    """Of pairs of tiers (without the break, with it): the share that is worse, and better.

    One list of pairs per class. Who has no verdict in either is left out.
    """
    judged = [[pair for pair in room if "n_a" not in pair] for room in rooms]
    everybody = [pair for room in judged for pair in room]
    return {
        "students": len(everybody),
        "worse": _share(everybody, 1),
        "worse_in_the_worst_class": max(_share(room, 1) for room in judged if room),
        "better": _share(everybody, -1),
    }


def _share(pairs: Sequence[tuple[str, str]], direction: int) -> float:
    changes = [direction * (_RISK[after] - _RISK[before]) for before, after in pairs]
    return sum(change > 0 for change in changes) / len(pairs)


def _tiers(built: Built, class_id: str, week_end: date) -> dict[str, str]:
    with duckdb.connect(str(built.warehouse), read_only=True) as tables:
        return dict(
            tables.execute(
                "select lower(email), tier from marts.student_health_weekly"
                " where class_id = ? and week_ends_on = ?",
                [class_id, week_end],
            ).fetchall()
        )
