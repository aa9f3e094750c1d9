"""The ids that the tables use."""

from __future__ import annotations


def global_id(source: str, class_id: str) -> str:
    """The id of a class as the tables have it, unlike any of another source.

    macros/global_id.sql says it in SQL.
    """
    return class_id if source == "openclass" else f"{source}:{class_id}"
