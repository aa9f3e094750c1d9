"""A great many records at little cost, for benchmarks: a few templates stand for all classes.

The classes share few patterns: times, grades and names repeat from class to class, but every id and
e-mail is a class's own. A page is made when it is asked for, by putting the class's number into a
page of its template.
"""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from . import template
from .encoding import IdStyle, class_json, escape
from .errors import SandboxError
from .model import Growth
from .template import MARK, Template
from .world import Order, View, as_utc, check_days

_VARIANTS = 4
_DEFAULT_END = datetime(2026, 3, 2, tzinfo=UTC)


def bulk_world(
    classes: int, records_per_class: int, seed: int = 1, *, end: datetime = _DEFAULT_END
) -> "BulkWorld":
    """Return a world of equally large classes that is made while it is read.

    classes: 1 to 100,000. records_per_class: 1 to 100,000, exactly so many until time moves.
    seed: equal arguments give identical answers. end: the world's present, aware.
    Raises SandboxError for an argument out of range.
    """
    for name, value in (("classes", classes), ("records_per_class", records_per_class)):
        if not 1 <= value <= 100_000:
            raise SandboxError(f"{name} must be from 1 to 100000, not {value}")
    return BulkWorld(classes, records_per_class, seed, as_utc(end, "end"))


class BulkWorld:
    """A `Source` of many classes; `bulk_world` makes it. Time brings new completions only."""

    def __init__(self, classes: int, records_per_class: int, seed: int, end: datetime) -> None:
        self.now = end
        self.class_count, self.records_per_class = classes, records_per_class
        # Spare records are the newest of each class; `grow` and `shift` show them.
        self._seed, self._end, self._spare = seed, end, max(records_per_class // 10, 20)
        self._shown = 0
        self._shifted: dict[int, int] = {}
        self._lock = threading.Lock()
        # Caches of this world, not of the module: they go when it goes.
        self._template = lru_cache(maxsize=_VARIANTS)(self._make_template)
        self._ordered = lru_cache(maxsize=_VARIANTS)(self._make_order)
        self.page = lru_cache(maxsize=256)(self._make_page)

    def class_list(self, style: IdStyle) -> list[dict[str, Any]]:
        """Return all classes as the class list shows them."""
        numbers = range(self.class_count)
        return [class_json(template.classroom(n), style, detail=False) for n in numbers]

    def class_detail(self, class_id: str, style: IdStyle) -> dict[str, Any]:
        """Return one class with its curriculum."""
        return class_json(template.classroom(_number(class_id)), style, detail=True)

    def resolve(self, key: str) -> str | None:
        """Return the class id for an id or a friendly id, None when there is no such class."""
        try:
            number = int(key[5:]) if key.startswith("bulk-") else _number(key)
        except ValueError:
            return None
        if not 0 <= number < self.class_count:
            return None
        room = template.classroom(number)
        return room.id if key in (room.id, room.friendly_id) else None

    def view(self, class_id: str, order: Order, style: IdStyle) -> View:
        """Return the class's progressions in the given order."""
        number = _number(class_id)
        with self._lock:
            return _BulkView(self, number, self._hidden(number), order, style)

    def grow(self, days: float) -> Growth:
        """Move time forward: each class gets new completions until there are no more to give."""
        check_days(days)
        with self._lock:
            self.now += timedelta(days=days)
            before = sum(self._counts())
            self._shown = min(
                int(self._spare * ((self.now - self._end) / template.FUTURE)), self._spare
            )
            return Growth(self.now, added=sum(self._counts()) - before)

    def shift(self, class_id: str, count: int) -> None:
        """Show `count` newer records of the class, or hide its newest -count.

        Raises SandboxError when the class has no more newer ones.
        """
        number = _number(class_id)
        with self._lock:
            if self._hidden(number) < count:
                raise SandboxError(f"class {class_id} has no more new records to show")
            self._shifted[number] = self._shifted.get(number, 0) + count

    def state(self) -> dict[str, Any]:
        """Return the world's time and counts per class, ready for JSON."""
        with self._lock:
            counts = list(self._counts())
        classes = []
        for number, count in enumerate(counts):
            room = template.classroom(number)
            classes.append(
                {
                    "id": room.id,
                    "friendly_id": room.friendly_id,
                    "name": room.name,
                    "students": template.people(self.records_per_class),
                    "assignments": template.ASSIGNMENTS,
                    "progressions": count,
                }
            )
        return {"now": self.now.isoformat(timespec="milliseconds"), "classes": classes}

    def _hidden(self, number: int) -> int:
        """Return how many of the template's newest records the class does not show."""
        hidden = self._spare - self._shown - self._shifted.get(number, 0)
        return min(max(hidden, 0), self._spare + self.records_per_class)

    def _counts(self) -> Iterator[int]:
        for number in range(self.class_count):
            yield self._spare + self.records_per_class - self._hidden(number)

    def _make_template(self, variant: int, style: IdStyle) -> Template:
        return template.make(
            self._seed, variant, self.records_per_class, self._spare, self._end, style
        )

    def _make_order(self, variant: int, hidden: int, order: Order, style: IdStyle) -> list[bytes]:
        made = self._template(variant, style)
        if order == "nulls_first":
            first = max(hidden, made.open_from)
            return made.texts[first:] + made.texts[hidden:first]
        if order == "id":
            places = sorted(range(hidden, len(made.ids)), key=made.ids.__getitem__)
            return [made.texts[place] for place in places]
        return made.texts[hidden:]

    def _make_page(
        self,
        variant: int,
        hidden: int,
        order: Order,
        style: IdStyle,
        start: int,
        stop: int,
        escaped: bool,
    ) -> bytes:
        text = b",".join(self._ordered(variant, hidden, order, style)[start:stop])
        return escape(text) if escaped else text


class _BulkView:
    """A class's records at one moment: the template's, with the class's own number."""

    def __init__(
        self, world: BulkWorld, number: int, hidden: int, order: Order, style: IdStyle
    ) -> None:
        self._world, self._number = world, number
        self._length = len(world._template(number % _VARIANTS, style).texts) - hidden
        self._key = (number % _VARIANTS, hidden, order, style)

    def __len__(self) -> int:
        return self._length

    def text(self, start: int, stop: int, *, escaped: bool) -> bytes:
        page = self._world.page(*self._key, start, stop, escaped)
        return page.replace(MARK.encode(), f"{self._number:08x}".encode())


def _number(class_id: str) -> int:
    return int(class_id[8:16], 16)
