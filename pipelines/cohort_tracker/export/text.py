"""CSV and JSON. Each part that comes is whole lines of UTF-8."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from .answer import Answer, Kind

# A text that begins so is a formula to Excel, LibreOffice and Google Sheets: also after blanks and
# what nobody sees, and with the wide and small forms of the signs.
_FORMULA = re.compile(r"[\t\r\n]|[\s\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠﹦﹢﹣﹫]")


def csv_parts(answer: Answer) -> Iterator[bytes]:
    """The answer as CSV after RFC 4180, with the mark by which Excel knows UTF-8.

    No cell is a formula: a text that would be one has a `'` before it. Times are UTC.
    """
    yield b"\xef\xbb\xbf" + _csv_lines([answer.columns])
    writers = [_csv_writer(kind) for kind in answer.kinds]
    for batch in answer.batches():
        yield _csv_lines(
            [
                [
                    None if value is None else write(value)
                    for write, value in zip(writers, row, strict=True)
                ]
                for row in batch
            ]
        )


def plain_text(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def _csv_lines(rows: list[list[Any]]) -> bytes:
    lines = io.StringIO(newline="")
    csv.writer(lines, lineterminator="\r\n").writerows(rows)
    return lines.getvalue().encode()


def _csv_writer(kind: Kind) -> Callable[[Any], Any]:
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    if kind == "real":
        return lambda value: value if math.isfinite(value) else None
    if kind == "text":
        return lambda value: plain_text(str(value))
    return lambda value: value


def json_parts(answer: Answer) -> Iterator[bytes]:
    """The answer as one JSON array, with a row by column in each line. Times are UTC."""
    import orjson

    how = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z
    before = b"[\n"
    for batch in answer.batches():
        lines = [
            orjson.dumps(
                dict(zip(answer.columns, row, strict=True)), default=_json_value, option=how
            )
            for row in batch
        ]
        yield before + b",\n".join(lines)
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"


def _json_value(value: Any) -> float:
    return float(value)
