"""How the values of a record are read. Nothing is coerced: what is of another type is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST = 2**63 - 1

Reader = Callable[[Any], Any]
"""Takes a value; returns what is stored, or raises InvalidError saying what is wrong with it."""


class InvalidError(ValueError):
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


def required_id(value: Any) -> str:
    """An id; raises InvalidError where there is none."""
    found = identifier(value)
    if found is not None and found.isascii() and "\0" not in found:
        return found  # as nearly all are
    if found is None:
        raise InvalidError("missing" if value is None else f"{kind(value)} is no id")
    if not is_clean(found):
        raise InvalidError("has characters that no text may hold")
    return found


def _optional_id(value: Any) -> str | None:
    return None if value is None else required_id(value)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and "\0" not in value:
        return value  # as nearly all are
    if not isinstance(value, str):
        raise InvalidError(f"{kind(value)} where text is expected")
    if not is_clean(value):
        raise InvalidError("has characters that no text may hold (NUL or half a character)")
    return value


def is_clean(text: str) -> bool:
    """Whether a database can hold the text."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _grade(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidError(f"{kind(value)} where a number is expected")
    if not 0 <= value <= 1:  # refuses NaN too
        raise InvalidError(f"{value!r:.40} is not between 0 and 1")
    return float(value)


def grade_of(scale: float) -> Reader:
    """Reads grades that the API gives from 0 to `scale` as 0 to 1."""
    if scale == 1:
        return _grade

    def read_scaled(value: Any) -> float | None:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if not 0 <= value <= scale:
                raise InvalidError(f"{value!r:.40} is not between 0 and {scale:g}")
            return min(float(value) / scale, 1.0)
        return _grade(value)

    return read_scaled


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidError(f"{kind(value)} where a number is expected")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InvalidError(f"{value!r:.40} is too large, or no number")
    return number


def _count(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidError(f"{kind(value)} where a whole number is expected")
    if abs(value) > _LARGEST:
        raise InvalidError(f"{value!r:.40} is too large")
    return int(value)


def _truth(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise InvalidError(f"{kind(value)} where true or false is expected")


def _time(value: Any) -> datetime | None:
    """ISO 8601 with offset or Z to UTC; without one it is UTC already, as the API documents."""
    if value is None:
        return None
    if isinstance(value, dict) and value.keys() == {"$date"}:
        value = value["$date"]
        if isinstance(value, dict) and value.keys() == {"$numberLong"}:
            value = _number_long(value["$numberLong"])
        if isinstance(value, int) and not isinstance(value, bool):
            try:
                return _EPOCH + timedelta(milliseconds=value)
            except OverflowError:
                raise InvalidError(f"{value!r:.40} is no time") from None
    if not isinstance(value, str):
        raise InvalidError(f"{kind(value)} where a time is expected")
    try:
        if len(value) < 19 or value[4] != "-" or value[10] not in "T ":
            raise ValueError
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidError(f"{value[:40]!r} is no time") from None


def _number_long(value: Any) -> int:
    """A whole number as extended JSON writes the long ones: as text."""
    try:
        if not isinstance(value, str) or len(value) > 20:
            raise ValueError
        return int(value)
    except ValueError:
        raise InvalidError(f"{kind(value)} where a whole number in text is expected") from None


READERS: dict[str, Reader] = {
    "id": _optional_id,
    "text": _text,
    "grade": _grade,
    "number": _number,
    "count": _count,
    "truth": _truth,
    "time": _time,
}
"""How each kind of value of `raw.fields` is read."""


def required(read: Reader) -> Reader:
    """The same reader, which refuses null too."""
    if read is _optional_id:
        return required_id

    def read_required(value: Any) -> Any:
        if value is None:
            raise InvalidError("missing")
        return read(value)

    return read_required


def kind(value: Any) -> str:
    """What a JSON value is, in words."""
    if isinstance(value, str):
        return f"text {value[:40]!r}"
    if isinstance(value, bool) or value is None:
        return {None: "null", True: "true", False: "false"}[value]
    names = {dict: "an object", list: "a list", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)
