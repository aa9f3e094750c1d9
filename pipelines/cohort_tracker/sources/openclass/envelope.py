"""What stands inside an answer: the API sends its payload plain, as a JSON string, or in a list."""

from __future__ import annotations

import codecs
import json
import re
from email.message import Message
from typing import Any

import orjson

from ..api import Page
from ..values import identifier

_MAX_DIGITS = 400
_MAX_DEPTH = 100
_MAX_COUNT = 10**15
_CHARSETS = frozenset({"iso8859-1", "iso8859-15", "cp1252"})
# Every digit as 0, everything that may stand before a number as a colon.
_NUMBER_SHAPES = bytes(
    ord("0" if chr(code).isdigit() else ":" if chr(code) in " \t\r\n:,[-" else "x")
    for code in range(128)
).ljust(256, b"x")
_LONG_NUMBER = b":" + b"0" * 19
_JSON_MARKS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


class EnvelopeError(ValueError):
    """The answer is no JSON, or not of a shape that is known."""


def decode(body: bytes, content_type: str = "") -> Any:
    """Parse JSON; one odd value must not cost a whole page. Raises EnvelopeError.

    `content_type`: the answer's header, of which a charset counts where the body is not UTF-8.
    Lone surrogates, NaN and numbers of any size are taken for their record to be judged. What is
    nested too deep to be parsed becomes `{"too deep": text}`, which no field accepts.
    """
    body = _as_utf8(body, content_type)
    if _LONG_NUMBER not in b":" + body.translate(_NUMBER_SHAPES):  # the fast parser would round it
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            pass
    try:
        return _decode_leniently(body)
    except (ValueError, RecursionError) as error:
        raise EnvelopeError(_what_it_is(body)) from error


def _as_utf8(body: bytes, content_type: str) -> bytes:
    """The body, from the charset that the header names where it is one of one byte a letter."""
    if "charset" not in content_type.lower():
        return body
    header = Message()
    header["Content-Type"] = content_type
    try:
        charset = codecs.lookup(header.get_content_charset() or "").name
        if charset not in _CHARSETS:
            return body
        body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode(charset, "replace").encode()
    except (LookupError, ValueError):
        pass
    return body


def _decode_leniently(body: bytes) -> Any:
    try:
        return json.loads(body, parse_int=_whole_number)
    except RecursionError:
        text = body.decode("utf-8", "surrogatepass")
        return json.loads(_without_depths(text), parse_int=_whole_number)


def _whole_number(text: str) -> int | float:
    return int(text) if len(text) <= _MAX_DIGITS else float(text)


def _without_depths(text: str) -> str:
    """The JSON text with everything nested deeper than `_MAX_DEPTH` as text in an object."""
    parts = []
    depth = copied = 0
    for mark in _JSON_MARKS.finditer(text):
        character = mark[0][0]
        if character in "[{":
            depth += 1
            if depth == _MAX_DEPTH + 1:
                parts.append(text[copied : mark.start()])
                copied = mark.start()
        elif character in "]}":
            if depth == _MAX_DEPTH + 1:
                parts.append(json.dumps({"too deep": text[copied : mark.end()]}))
                copied = mark.end()
            depth -= 1
    return "".join((*parts, text[copied:]))


def unwrap(answer: Any) -> Any:
    """Take the payload out of `result.objects`, whether object, JSON string or list of one.

    Raises EnvelopeError where a string inside is not JSON.
    """
    payload = answer
    if isinstance(payload, dict) and isinstance(payload.get("result"), dict):
        result = payload["result"]
        payload = result.get("objects", result)
    elif isinstance(payload, dict) and "objects" in payload and "data" not in payload:
        payload = payload["objects"]
    for _ in range(4):  # a string in a list in a string: no known server nests deeper
        if isinstance(payload, str):
            payload = decode(payload.encode("utf-8", "surrogatepass"))
        elif isinstance(payload, list) and len(payload) == 1 and isinstance(payload[0], str):
            payload = payload[0]
        else:
            break
    return payload


def progressions_page(answer: Any, number: int) -> Page:
    """Read a progressions page out of a decoded answer; raises EnvelopeError."""
    payload = unwrap(answer)
    if isinstance(payload, list) and len(payload) == 1 and _has_data(payload[0]):
        payload = payload[0]
    if not _has_data(payload):
        raise EnvelopeError("the answer holds no list of progressions")
    return _page(number, payload["data"], payload.get("metadata"))


def _page(number: int, records: list[Any], metadata: Any) -> Page:
    metadata = metadata if isinstance(metadata, dict) else {}
    more = metadata.get("can_load_more")
    return Page(
        number=number,
        records=records,
        total=_count(metadata.get("total")),
        page_size=_count(metadata.get("results_per_page")) or None,
        can_load_more=more if isinstance(more, bool) else None,
    )


def class_list(answer: Any, number: int = 0) -> Page:
    """Read a page of the list of classes out of a decoded answer; raises EnvelopeError."""
    payload = unwrap(answer)
    if isinstance(payload, list) and len(payload) == 1 and _has_data(payload[0]):
        payload = payload[0]
    metadata = None
    if _has_data(payload):
        metadata, payload = payload.get("metadata"), payload["data"]
    if not isinstance(payload, list):
        raise EnvelopeError("the answer holds no list of classes")
    if payload and not any(isinstance(item, dict) and class_id_of(item) for item in payload):
        raise EnvelopeError("the answer's classes have no id")
    return _page(number, payload, metadata)


def class_detail(answer: Any) -> dict[str, Any]:
    """Read one class out of a decoded answer; raises EnvelopeError."""
    payload = unwrap(answer)
    for _ in range(2):
        if isinstance(payload, dict) and isinstance(payload.get("data"), (dict, list)):
            payload = payload["data"]
        if isinstance(payload, list) and len(payload) == 1:
            payload = payload[0]
    if not isinstance(payload, dict):
        raise EnvelopeError("the answer holds no class")
    return payload


def token(answer: Any) -> str | None:
    """The token of a login answer, None when it holds none."""
    if isinstance(answer, (str, list)):
        try:
            answer = unwrap(answer)
        except EnvelopeError:
            return None
    if not isinstance(answer, dict):
        return None
    result = answer.get("result")
    places = [answer, result] if isinstance(result, dict) else [answer]
    for place in places:
        for key in ("token", "auth_token"):
            value = place.get(key)
            if isinstance(value, str) and value:
                return value
    payload = None
    try:
        payload = unwrap(answer)
    except EnvelopeError:
        return None
    if isinstance(payload, dict) and payload is not answer:
        return token(payload)
    return None


def class_id_of(item: dict[str, Any]) -> str | None:
    """The id that the API's paths take for a class."""
    return identifier(item.get("id")) or identifier(item.get("_id"))


def _has_data(payload: Any) -> bool:
    return isinstance(payload, dict) and isinstance(payload.get("data"), list)


def _count(value: Any) -> int | None:
    """A count as the API sends it; None for anything that cannot be one."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_COUNT:
        return None
    return value


def _what_it_is(body: bytes) -> str:
    start = body[:512].lstrip().lower()
    if not start:
        return "the answer is empty"
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return "the answer is a web page, not JSON"
    return "the answer is not JSON"
