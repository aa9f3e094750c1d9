"""Who asks, and which rows that person may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["lead", "mentor", "program"]
Night = tuple[str, str]
"""A class id and the night of a group in it, lower case."""


@dataclass(frozen=True)
class Viewer:
    """Somebody who reads the tables.

    Args:
        role: `lead` sees everybody, `mentor` the students of `nights` and the figures of whole
            classes, `program` figures of classes only and nobody at all.
        classes: the ids of the classes that can be seen; None: all.
        nights: the groups whose students can be seen; None: all. Students without a night are the
            lead's.
        hide_names: whether an alias stands for each name, and nothing else that names a person.
    """

    role: Role = "lead"
    classes: frozenset[str] | None = None
    nights: frozenset[Night] | None = None
    hide_names: bool = False

    def __post_init__(self) -> None:
        # Whoever is built by mistake sees nobody rather than everybody.
        if self.role == "mentor" and self.nights is None:
            raise ValueError("a mentor has nights")

    @property
    def sees_everybody(self) -> bool:
        """Whether all students of the classes can be seen."""
        return self.role == "lead" and self.nights is None
