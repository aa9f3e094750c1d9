"""One progression of the API to one row of the raw store, or to the reason why not.

Nothing is coerced: a value of the wrong type rejects its record, and the record is kept as
received. A missing name or e-mail rejects nothing: the student's id says who it is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

REMOVED = "removed"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOP_FIELDS = frozenset(
    {
        "_id",
        "user",
        "assignment",
        "grade",
        "started_assignment_at",
        "completed_assignment_at",
        "reviewed_at",
    }
)
_USER_FIELDS = frozenset({"id", "_id", "first_name", "last_name", "email"})
_ASSIGNMENT_FIELDS = frozenset({"id", "_id", "name", "type"})


class Progression(NamedTuple):
    """A record that can be stored. Times are aware, in UTC; `grade` is 0–1."""

    record_id: str
    record_hash: str
    user_id: str
    user_first_name: str | None
    user_last_name: str | None
    user_email: str | None
    assignment_id: str
    assignment_name: str | None
    assignment_type: str | None
    grade: float | None
    started_at: datetime | None
    completed_at: datetime | None
    reviewed_at: datetime | None
    extra: str | None


class Rejection(NamedTuple):
    """A record that cannot be stored, as received, with the reason."""

    record_id: str | None
    record_hash: str
    reason: str
    record_json: str


class _Invalid(ValueError):
    """A field has a value that must not be stored."""


def identifier(value: Any) -> str | None:
    """An id as text: a non-empty string or number, or one inside {"$oid": …}; else None."""
    if isinstance(value, dict):
        value = value.get("$oid")
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) and value.strip() else None


def read_record(record: Any) -> Progression | Rejection:
    """Check one record of a progressions page. Never raises."""
    try:
        return _read(record)
    except _Invalid as error:
        return reject(record, str(error))


def reject(record: Any, reason: str) -> Rejection:
    """Keep `record` as it came, with the reason why it was not stored."""
    text = _json(record)
    record_id = None
    if isinstance(record, dict):
        record_id = identifier(record.get("_id"))
        if record_id is not None and not _is_clean(record_id):
            record_id = None
    return Rejection(record_id, _digest(text.encode()), reason, text)


def _read(record: Any) -> Progression:
    if not isinstance(record, dict):
        raise _Invalid(f"record: {_kind(record)} where an object is expected")
    record_id = _required_id(record.get("_id"), "_id")
    user = _object(record.get("user"), "user")
    assignment = _object(record.get("assignment"), "assignment")
    content = (
        _required_id(user.get("id", user.get("_id")), "user.id"),
        _text(user.get("first_name"), "user.first_name"),
        _text(user.get("last_name"), "user.last_name"),
        _text(user.get("email"), "user.email"),
        _required_id(assignment.get("id", assignment.get("_id")), "assignment.id"),
        _text(assignment.get("name"), "assignment.name"),
        _text(assignment.get("type"), "assignment.type"),
        _grade(record.get("grade")),
        _time(record.get("started_assignment_at"), "started_assignment_at"),
        _time(record.get("completed_assignment_at"), "completed_assignment_at"),
        _time(record.get("reviewed_at"), "reviewed_at"),
    )
    # Unknown fields are kept but make no version: one that changes daily (a last login, say)
    # would store every record again at each sync.
    return Progression(
        record_id, _digest(orjson.dumps(content)), *content, _extra(record, user, assignment)
    )


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _object(value: Any, name: str) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if value is None:
        raise _Invalid(f"{name}: missing")
    raise _Invalid(f"{name}: {_kind(value)} where an object is expected")


def _required_id(value: Any, name: str) -> str:
    found = identifier(value)
    if found is not None and found.isascii() and "\0" not in found:
        return found  # as nearly all are
    if found is None:
        raise _Invalid(f"{name}: " + ("missing" if value is None else f"{_kind(value)} is no id"))
    if not _is_clean(found):
        raise _Invalid(f"{name}: has characters that no text may hold")
    return found


def _text(value: Any, name: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and "\0" not in value:
        return value  # as nearly all are
    if not isinstance(value, str):
        raise _Invalid(f"{name}: {_kind(value)} where text is expected")
    if not _is_clean(value):
        raise _Invalid(f"{name}: has characters that no text may hold (NUL or half a character)")
    return value


def _is_clean(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _grade(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _Invalid(f"grade: {_kind(value)} where a number is expected")
    if not 0 <= value <= 1:  # refuses NaN too
        raise _Invalid(f"grade: {value!r:.40} is not between 0 and 1")
    return float(value)


def _time(value: Any, name: str) -> datetime | None:
    """ISO 8601 with offset or Z to UTC; without one it is UTC already, as the API documents."""
    if value is None:
        return None
    if isinstance(value, dict) and value.keys() == {"$date"}:
        value = value["$date"]
        if isinstance(value, int) and not isinstance(value, bool):
            try:
                return _EPOCH + timedelta(milliseconds=value)
            except OverflowError:
                raise _Invalid(f"{name}: {value!r:.40} is no time") from None
    if not isinstance(value, str):
        raise _Invalid(f"{name}: {_kind(value)} where a time is expected")
    try:
        if len(value) < 19 or value[4] != "-" or value[10] not in "T ":
            raise ValueError
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Invalid(f"{name}: {value[:40]!r} is no time") from None


def _extra(record: dict[str, Any], user: dict[str, Any], assignment: dict[str, Any]) -> str | None:
    parts = (
        (None, record, _TOP_FIELDS),
        ("user", user, _USER_FIELDS),
        ("assignment", assignment, _ASSIGNMENT_FIELDS),
    )
    extra: dict[str, Any] = {}
    for name, part, known in parts:
        if not part.keys() <= known:
            unknown = {key: value for key, value in part.items() if key not in known}
            extra |= unknown if name is None else {name: unknown}
    return _json(extra) if extra else None


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


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return f"text {value[:40]!r}"
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    names = {dict: "an object", list: "a list", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)
