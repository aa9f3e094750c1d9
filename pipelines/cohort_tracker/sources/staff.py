"""Who in a class is probably no student: named when the class is read first, never left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_WORDS = {"test", "tester", "testing", "demo", "staff", "team", "instructor", "teacher", "admin"}
_MOST_COLLEAGUES = 5
_MOST_NAMED = 10


@dataclass(frozen=True)
class _Person:
    name: str
    email: str | None

    @property
    def key(self) -> str:
        """What the setting names them by."""
        return self.email or self.name


@dataclass
class Newcomers:
    """The people met in a class that was not read before.

    Args:
        account: the e-mail address that the sync logs in with.
    """

    account: str | None
    _met: dict[str, _Person] = field(default_factory=dict)

    def meet(self, version: Mapping[str, Any]) -> None:
        """Take in the student of a record's version."""
        user_id = version["user_id"]
        if user_id is None or user_id in self._met:
            return
        names = (version["user_first_name"], version["user_last_name"])
        email = (version["user_email"] or "").strip() or None
        name = " ".join(" ".join(filter(None, names)).split())
        self._met[user_id] = _Person(name, email)

    def remark(self, class_name: str, excluded: Sequence[str]) -> str | None:
        """Whom to look at, with the setting that leaves them out; None where nobody is likely."""
        known = {pattern.casefold() for pattern in excluded}
        likely = [
            person
            for person in _likely_staff(list(self._met.values()), self.account)
            if person.key and known.isdisjoint(_ways_to_name(person))
        ]
        if not likely:
            return None
        named = likely[:_MOST_NAMED]
        more = f" and {len(likely) - len(named)} more" if len(likely) > len(named) else ""
        shown = ", ".join(f"{p.name} <{p.email}>" if p.name and p.email else p.key for p in named)
        keys = ", ".join(f'"{_quoted(person.key)}"' for person in named)
        return (
            f"{class_name}: these may be no students: {shown}{more}. To leave them out of the"
            f" tables, write in the settings file: exclude = [{keys}]"
        )


def _likely_staff(people: Sequence[_Person], account: str | None) -> Iterable[_Person]:
    address = (account or "").strip().casefold()
    domain = _domain(address)
    colleagues = [person for person in people if domain and _domain(person.email) == domain]
    # Where many share the account's domain, it is the students' too.
    are_few = len(colleagues) <= _MOST_COLLEAGUES and 4 * len(colleagues) <= len(people)
    for person in people:
        words = set(re.findall(r"[^\W\d_]+", person.name.casefold()))
        is_own = bool(address) and (person.email or "").casefold() == address
        if words & _WORDS or is_own or (are_few and person in colleagues):
            yield person


def _domain(email: str | None) -> str:
    return (email or "").casefold().rpartition("@")[2] if "@" in (email or "") else ""


def _ways_to_name(person: _Person) -> set[str]:
    ways = {person.name.casefold()} | ({person.email.casefold()} if person.email else set())
    return ways | ({f"@{_domain(person.email)}"} if person.email else set())


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
