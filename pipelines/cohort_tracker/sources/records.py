"""One progression as a source gives it to one row of the raw store, or to the reason why not.

What is read, and how, is the list of `raw.fields`. A value of the wrong type rejects its record,
and the record is kept as received; or it is set aside and the rest of the record is taken, where
the list says so. A missing name or e-mail rejects nothing: the student's id says who it is.
"""

from __future__ import annotations

import hashlib
import json
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, cast

import orjson

from ..raw.fields import PROGRESSION_FIELDS, Field
from ..raw.forgotten import Forgotten
from .values import (
    READERS,
    InvalidError,
    Reader,
    grade_of,
    identifier,
    is_clean,
    kind,
    required,
    required_id,
)

REMOVED = "removed"
_ID = "_id"


class Progression(Protocol):
    """A record that can be stored: its columns by name. Times are aware, in UTC.

    Besides these it has every field of the list it was read by. `extra` is a JSON object of what
    else the record held, None where there was nothing. `set_aside` are the fields that could not be
    read and are None here.
    """

    @property
    def record_id(self) -> str: ...  # noqa: D102
    @property
    def record_hash(self) -> str: ...  # noqa: D102
    @property
    def assignment_id(self) -> str: ...  # noqa: D102
    @property
    def completed_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def extra(self) -> str | None: ...  # noqa: D102
    @property
    def set_aside(self) -> tuple[Rejection, ...]: ...  # noqa: D102

    def _asdict(self) -> dict[str, Any]: ...
    def __getattr__(self, field: str) -> Any: ...


class Rejection(NamedTuple):
    """A record that cannot be stored, as received, with the reason; or one field of a record.

    `field` names the field that was set aside; then `record_json` is its value, and the record
    itself is stored without it. Null: all of the record was rejected.
    """

    record_id: str | None
    record_hash: str
    reason: str
    record_json: str
    field: str | None = None


RecordReader = Callable[[Any], Progression | Rejection]
"""Checks one record; never raises."""


def record_reader(fields: Sequence[Field], grade_scale: float = 1) -> RecordReader:
    """A function that checks one record by `fields`; it never raises.

    `grade_scale`: the best grade, as the API counts. Raises ValueError where a field stands deeper
    than in an object of the record.
    """
    ways = {**READERS, "grade": grade_of(grade_scale)}
    places = [place for place in dict.fromkeys(map(_place, fields)) if place]
    itself, *inside = (_Object.of(place, fields) for place in ("", *places))
    readers = [
        required(ways[field.read]) if field.required else ways[field.read] for field in fields
    ]
    plan = tuple(
        (reader, ["", *places].index(_place(field)), _key(field))
        for reader, field in zip(readers, fields, strict=True)
    )
    names = [field.name for field in fields]
    made = _named_tuple(["record_id", "record_hash", *names, "extra", "set_aside"])
    versioned = [(number, field) for number, field in enumerate(fields) if field.makes_version]
    first = [number for number, field in versioned if field.hash_null]
    later = [(number, field.name) for number, field in versioned if not field.hash_null]
    hashed = itemgetter(*first) if len(first) < len(fields) else None

    def read(record: Any) -> Progression:
        if not isinstance(record, dict):
            raise InvalidError(f"record: {kind(record)} where an object is expected")
        record_id = _record_id(record)
        has_extra = not record.keys() <= itself.known
        get = [_moved(record, itself.others).get if itself.others else record.get]
        for place, is_required, known, others in inside:
            part = record.get(place)
            if not isinstance(part, dict):
                part = _no_object(part, place, is_required)
            if not part.keys() <= known:
                has_extra = True
            for key, _ in others:
                if key not in part:
                    part = _moved(part, others)
            get.append(part.get)
        try:
            values = [reader(get[i](key)) for reader, i, key in plan]
        except InvalidError:
            found = [get[i](key) for _, i, key in plan]
            values, faults = _without_faults(record_id, fields, readers, found)
        else:
            faults = ()
        content: Any = values if hashed is None else hashed(values)
        if later:
            news = {name: values[number] for number, name in later if values[number] is not None}
            content = (*content, news) if news else content
        if faults:
            content = (*content, {"set_aside": {f.field: f.record_json for f in faults}})
        # Unknown fields are kept but make no version: one that changes daily (a last login, say)
        # would store every record again at each sync.
        extra = _extra(record, (itself, *inside)) if has_extra else None
        return made(record_id, _digest(orjson.dumps(content)), *values, extra, faults)

    def read_or_reject(record: Any) -> Progression | Rejection:
        try:
            return read(record)
        except InvalidError as error:
            return reject(record, str(error))

    return read_or_reject


def _named_tuple(names: Sequence[str]) -> Callable[..., Progression]:
    made: Any = namedtuple("Progression", names)  # type: ignore[misc]
    return cast(Callable[..., Progression], made)


def _place(field: Field) -> str:
    """The object of the record that a field stands in, empty for the record itself."""
    place, _, key = field.at.rpartition(".")
    if "." in place or not key:
        raise ValueError(f"{field.name}: {field.at!r} is neither `key` nor `object.key`")
    return place


def _key(field: Field) -> str:
    return field.at.rpartition(".")[2]


class _Object(NamedTuple):
    """An object that fields are read of: the record itself (no key), or one inside it."""

    key: str
    is_required: bool
    known: frozenset[str]
    others: tuple[tuple[str, str], ...]
    """A key, and the one that counts where it is absent."""

    @classmethod
    def of(cls, place: str, fields: Sequence[Field]) -> _Object:
        there = [field for field in fields if _place(field) == place]
        others = tuple((_key(field), field.or_at) for field in there if field.or_at)
        known = {_key(field) for field in there} | {other for _, other in others}
        if not place:
            known |= {_ID, *map(_place, fields)} - {""}
        return cls(place, any(field.required for field in there), frozenset(known), others)


def reject(record: Any, reason: str) -> Rejection:
    """Keep `record` as it came, with the reason why it was not stored."""
    text = _json(record)
    record_id = None
    if isinstance(record, dict):
        record_id = identifier(record.get(_ID))
        if record_id is not None and not is_clean(record_id):
            record_id = None
    return Rejection(record_id, _digest(text.encode()), reason, text)


def is_of_forgotten(
    forgotten: Forgotten, source: str, record: Any, item: Progression | Rejection
) -> bool:
    """Whether a record is one of somebody who was forgotten, whether or not it can be read."""
    if not forgotten:
        return False
    if not isinstance(item, Rejection):
        return forgotten.has_account(source, item.user_id) or forgotten.has_email(item.user_email)
    user = record.get("user") if isinstance(record, dict) else None
    user_id = identifier(user.get("id", user.get("_id"))) if isinstance(user, dict) else None
    if user_id is not None and forgotten.has_account(source, user_id):
        return True
    email = user.get("email") if isinstance(user, dict) else None
    if isinstance(email, str) and forgotten.has_email(email):
        return True
    # Of whom it is cannot be read: it may be of whom it names.
    return user_id is None and forgotten.is_in(item.record_json)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _record_id(record: dict[str, Any]) -> str:
    try:
        return required_id(record.get(_ID))
    except InvalidError as error:
        raise InvalidError(f"{_ID}: {error}") from None


def _no_object(value: Any, place: str, is_required: bool) -> dict[str, Any]:
    if value is not None:
        raise InvalidError(f"{place}: {kind(value)} where an object is expected")
    if is_required:
        raise InvalidError(f"{place}: missing")
    return {}


def _without_faults(
    record_id: str, fields: Iterable[Field], readers: Iterable[Reader], found: Iterable[Any]
) -> tuple[list[Any], tuple[Rejection, ...]]:
    """The values, None where a field is set aside, and what is wrong with those.

    Raises InvalidError naming the first field that rejects the record.
    """
    values: list[Any] = []
    faults = []
    for field, reader, value in zip(fields, readers, found, strict=True):
        try:
            values.append(reader(value))
        except InvalidError as error:
            if not field.set_aside:
                raise InvalidError(f"{field.at}: {error}") from None
            values.append(None)
            text = _json(value)
            known_by = _digest(_json([record_id, field.name, text]).encode())
            faults.append(Rejection(record_id, known_by, f"{field.at}: {error}", text, field.name))
    return values, tuple(faults)


def _moved(found: dict[str, Any], others: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The object with what stands at another key at its own."""
    return found | {
        key: found[other] for key, other in others if key not in found and other in found
    }


def _extra(record: dict[str, Any], objects: Iterable[_Object]) -> str:
    extra: dict[str, Any] = {}
    for place, _, known, _ in objects:
        part = (record.get(place) or {}) if place else record
        if unknown := {key: value for key, value in part.items() if key not in known}:
            extra |= {place: unknown} if place else unknown
    return _json(extra)


def _json(value: Any) -> str:
    """JSON in ASCII, equal for equal content, however deep it is nested."""
    try:
        return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    except RecursionError:
        return "".join(_json_pieces(value))


class _Piece(str):
    """Text that is JSON already."""


def _json_pieces(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, _Piece):
            yield item
        elif isinstance(item, dict):
            parts: list[Any] = []
            for key in sorted(item):
                parts += [_Piece("," if parts else "{"), _Piece(json.dumps(key) + ":"), item[key]]
            parts.append(_Piece("}" if parts else "{}"))
            waiting += reversed(parts)
        elif isinstance(item, list):
            parts = []
            for element in item:
                parts += [_Piece("," if parts else "["), element]
            parts.append(_Piece("]" if parts else "[]"))
            waiting += reversed(parts)
        else:
            yield json.dumps(item)


read_record = record_reader(PROGRESSION_FIELDS)
"""Checks one record of a progressions page."""
