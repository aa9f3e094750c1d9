"""Where pages lead to, for one viewer: only to what that viewer may see."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from ...reading.scope import NO_NIGHT
from ...reading.seen import SeenClass

START = "/"
CLASSES = "/classes"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def mark_of(student_id: str) -> str:
    """What the card of a student is called on a page: the same after the next build."""
    return hashlib.sha256(student_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]


@dataclass(frozen=True)
class Form:
    """What stands in the form of a contact before anybody typed, and what may.

    Args:
        by: who reached out.
        today: the last day that can be written.
        may_take_back: whether a contact can be taken back, by who wrote it.
        kept: what was typed and refused, by field.
        problem: why it was refused.
    """

    by: str
    today: str
    may_take_back: Callable[[str | None], bool]
    kept: Mapping[str, str]
    problem: str | None = None

    def value(self, name: str) -> str:
        """What a field shows."""
        return self.kept.get(name, {"by": self.by, "on": self.today}.get(name, ""))


@dataclass(frozen=True)
class Links:
    """The way around, for one page of one viewer.

    Args:
        names: what stands for a class in addresses, by its id: of those that can be seen.
        sees_classes: whether the viewer may see whole classes, and not the own nights only.
        here: the address of this page.
        trail: the pages above it, with their addresses.
        others: pages beside it.
        form: of a contact; None: this viewer writes nothing.
        logs_out: whether there is a session to end.
    """

    names: Mapping[str, str]
    sees_classes: bool
    here: str
    trail: Sequence[tuple[str, str]] = ()
    others: Sequence[tuple[str, str]] = ()
    form: Form | None = None
    logs_out: bool = False

    def of_class(self, class_id: str) -> str | None:
        """The page of a whole class; None where that is not the viewer's."""
        return self._below(class_id) if self.sees_classes and class_id in self.names else None

    def of_night(self, class_id: str, night: str) -> str | None:
        """The page of the group of a night; None for those who have none."""
        return None if night == NO_NIGHT else self._below(class_id, "nights", night)

    def of_student(self, class_id: str, student_id: str) -> str:
        """The page of a student in a class."""
        return self._below(class_id, "students", student_id)

    def of_assignment(self, class_id: str, assignment_id: str) -> str:
        """The page of an assignment in a class."""
        return self._below(class_id, "assignments", assignment_id)

    def of_week(self, class_id: str, starts_on: date) -> str:
        """The page of a week of a class, by its Monday."""
        return self._below(class_id, "weeks", starts_on.isoformat())

    def of_contacts(self, class_id: str, student_id: str) -> str:
        """Where a contact is sent to."""
        return f"{self.of_student(class_id, student_id)}/contacts"

    def to_withdraw(self, class_id: str, student_id: str, contact_id: str) -> str:
        """Where it is said that a contact is taken back."""
        contacts = self.of_contacts(class_id, student_id)
        return f"{contacts}/{quote(contact_id, safe='')}/withdraw"

    def _below(self, class_id: str, *parts: str) -> str:
        words = (self.names.get(class_id, class_id), *parts)
        return "/".join((CLASSES, *(quote(word, safe="") for word in words)))


def names_in_addresses(classes: Sequence[SeenClass]) -> dict[str, str]:
    """What stands for each class in addresses: the friendly id where it can mean no other."""
    ids = {found.class_id.casefold() for found in classes}
    friendly = [(found.friendly_id or "").casefold() for found in classes]
    return {
        found.class_id: found.friendly_id
        if found.friendly_id
        and _PLAIN.fullmatch(found.friendly_id)
        and found.friendly_id.casefold() not in ids
        and friendly.count(found.friendly_id.casefold()) == 1
        else found.class_id
        for found in classes
    }
