"""Whether the account still lists a class, and whether anything is still asked of it.

Every change is a row of `class_states`, and the newest row of a class counts. What is not asked for
any more keeps its rows in all tables.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

UNLISTED_DAYS = 30
"""A class that the account has not listed for so many days is retired."""


@dataclass(frozen=True)
class ClassState:
    """What is known of a class beside its content.

    Args:
        is_listed: whether the last complete list had it; None: it was in none so far.
        unlisted_since: when a complete list lacked it first, of those since it was in one (aware).
        is_retired: whether it is not asked for any more.
    """

    is_listed: bool | None = None
    unlisted_since: datetime | None = None
    is_retired: bool = False


def is_unlisted_for_long(state: ClassState, now: datetime) -> bool:
    """Whether the account has not listed the class for so long that it counts as retired."""
    since = state.unlisted_since
    return since is not None and now - since >= timedelta(days=UNLISTED_DAYS)


def is_retired(
    state: ClassState, names: Iterable[str | None], retired_classes: Container[str], now: datetime
) -> bool:
    """Whether nothing is asked of the class any more, by its state or by the settings.

    `names`: what it can be called by.
    """
    named = any(name is not None and name in retired_classes for name in names)
    return named or state.is_retired or is_unlisted_for_long(state, now)
