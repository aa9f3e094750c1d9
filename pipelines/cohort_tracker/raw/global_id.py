"""The ids that the tables use."""

from __future__ import annotations

from .migrations import FIRST_SOURCE


def global_id(source: str, own_id: str) -> str:
    """The id of a class or a student as the tables have it, unlike any of another source.

    macros/global_id.sql says it in SQL.
    """
    return own_id if source == FIRST_SOURCE else f"{source}:{own_id}"
