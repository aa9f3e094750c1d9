"""A message as it is sent: a title, an entry for each person or thing, and a last line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Key:
    """What the ledger knows an entry by: of which class, and of whom it speaks, if of one."""

    text: str
    class_id: str | None = None
    student_id: str | None = None


@dataclass(frozen=True)
class Entry:
    """Something that is told as a whole, never in two messages.

    Args:
        lead: what it is about, a name mostly.
        rest: what is told of it.
        keys: what counts as told once it is sent; empty for a heading.
    """

    lead: str
    rest: str = ""
    keys: tuple[Key, ...] = ()

    def text(self, again: bool) -> str:
        """The lines of the entry; `again`: it may have been sent before."""
        return f"{self.lead}{' (again)' if again else ''}{self.rest}"


@dataclass(frozen=True)
class Message:
    """What is sent at once. `keys` count as told with it, beside those of its entries.

    `page` writes a file that goes with it into a folder, and returns it.
    """

    title: str
    entries: tuple[Entry, ...]
    foot: str = ""
    keys: tuple[Key, ...] = ()
    page: Callable[[Path], Path] | None = None

    @property
    def all_keys(self) -> tuple[Key, ...]:
        """Everything that counts as told once it is sent."""
        return self.keys + tuple(key for entry in self.entries for key in entry.keys)

    def title_text(self, again: Collection[str]) -> str:
        """The title; `again` are the keys that may have been sent before."""
        repeated = any(key.text in again for key in self.keys)
        return f"{self.title}{' (again)' if repeated else ''}"

    def body(self, again: Collection[str]) -> str:
        """The text below the title."""
        lines = [entry.text(any(key.text in again for key in entry.keys)) for entry in self.entries]
        return "\n".join([*lines, *(["", self.foot] if self.foot else [])]).strip("\n")

    def size(self, measure: Measure = len) -> int:
        """How much room it takes at most, with what a service puts between title and body."""
        again = {key.text for key in self.all_keys}
        return measure(self.title_text(again)) + 2 + measure(self.body(again))


Measure = Callable[[str], int]
"""How much room a text takes in a service, with what it escapes."""

_PART = " (99/99)"
_LEAST = 100


def split(message: Message, limit: int, measure: Measure = len) -> list[Message]:
    """The message as parts of at most `limit` characters, each with the title and whole entries.

    Keys of the message as a whole go with the last part, and each part has one of its own: what
    was sent of a message that broke off is not sent again.
    """
    if message.size(measure) <= limit:
        return [message]
    room = limit - replace(message, entries=()).size(measure) - measure(_PART)
    groups = list(_packed(message.entries, max(room, _LEAST), measure))
    parts = []
    for number, entries in enumerate(groups, start=1):
        own = tuple(replace(key, text=f"{key.text}|part {number}") for key in message.keys)
        is_last = number == len(groups)
        parts.append(
            replace(
                message,
                title=f"{message.title} ({number}/{len(groups)})",
                entries=entries,
                keys=message.keys + own if is_last else own,
                page=message.page if is_last else None,
            )
        )
    return parts


def _packed(entries: tuple[Entry, ...], room: int, measure: Measure) -> Iterator[tuple[Entry, ...]]:
    kept: list[Entry] = []
    used = 0
    for entry in entries:
        entry = _shortened(entry, room, measure)
        size = _size(entry, measure)
        if kept and used + size > room:
            yield tuple(kept)
            kept, used = [], 0
        kept.append(entry)
        used += size
    if kept:
        yield tuple(kept)


def _size(entry: Entry, measure: Measure) -> int:
    return measure(entry.text(again=True) + "\n")


def _shortened(entry: Entry, room: int, measure: Measure) -> Entry:
    """An entry that fits into a message of its own."""
    over = _size(entry, measure) - room
    if over <= 0:
        return entry
    return replace(entry, rest=entry.rest[: max(0, len(entry.rest) - over - 1)] + "…")
