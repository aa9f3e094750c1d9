"""The optional files that people keep: CSV as spreadsheets write it, to rows of the store."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

from ...errors import ConfigError

ROSTER_COLUMNS = (
    "class",
    "email",
    "first_name",
    "last_name",
    "region",
    "night",
    "role",
    "started_on",
    "left_on",
    "student_id",
)
MENTOR_COLUMNS = ("mentor", "night", "email", "class")
SCHEDULE_COLUMNS = ("class", "assignment", "due_on", "optional", "night")
_DATE_COLUMNS = frozenset({"started_on", "left_on", "due_on"})
_TRUTH_COLUMNS = frozenset({"optional"})
_TRUTHS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_DATE_FORMATS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
_MAX_BYTES = 64 << 20

Fault = Callable[[dict[str, Any]], str | None]
"""What is wrong with the values of a line, in words; None when nothing is."""


@dataclass(frozen=True)
class BadLine:
    """A line that was left out. `line` counts from 1, the header included."""

    line: int
    reason: str
    text: str


@dataclass
class FileRows:
    """What a file holds: `rows` of (line, values by column), and what was left out."""

    rows: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    bad_lines: list[BadLine] = field(default_factory=list)


def read_roster(path: Path) -> FileRows:
    """Read a roster: each line needs a class, and a student id, an e-mail or both names.

    Raises ConfigError naming the file when it cannot be read as a whole.
    """
    return _read(path, ROSTER_COLUMNS, {"class"}, _roster_fault)


def read_mentors(path: Path) -> FileRows:
    """Read a mentors file: each line needs a mentor and a night. Raises ConfigError."""
    return _read(path, MENTOR_COLUMNS, {"mentor", "night"}, _missing("mentor", "night"))


def read_schedule(path: Path) -> FileRows:
    """Read a schedule: each line needs a class and an assignment. Raises ConfigError."""
    return _read(path, SCHEDULE_COLUMNS, {"class", "assignment"}, _missing("class", "assignment"))


READERS: dict[str, Callable[[Path], FileRows]] = {
    "roster": read_roster,
    "mentors": read_mentors,
    "schedule": read_schedule,
}
"""How each of the raw store's `FILE_TABLES` is read."""


def _roster_fault(values: dict[str, Any]) -> str | None:
    if not values["class"]:
        return "class is empty"
    if not (values["student_id"] or values["email"]) and not (
        values["first_name"] and values["last_name"]
    ):
        return "neither student_id, email nor first_name and last_name"
    started, left = values["started_on"], values["left_on"]
    if started and left and left < started:
        return "left_on is before started_on"
    return None


def _missing(*needed: str) -> Fault:
    """A fault of lines in which one of `needed` is empty."""

    def fault(values: dict[str, Any]) -> str | None:
        return next((f"{name} is empty" for name in needed if not values[name]), None)

    return fault


def _read(path: Path, columns: tuple[str, ...], required: set[str], fault: Fault) -> FileRows:
    text = _text_of(path)
    header_line = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader)]
    except StopIteration:
        raise ConfigError(f"{path}: the file is empty") from None
    except csv.Error as error:
        raise _astray(path, 1, error) from None
    expected = f"expected: {','.join(columns)}"
    for name in sorted(required - set(header)):
        raise ConfigError(f"{path}: line 1: column {name!r} is missing", expected)
    for name in header:
        if name and name not in columns:
            raise ConfigError(f"{path}: line 1: unknown column {name!r}", expected)
        if name and header.count(name) > 1:
            raise ConfigError(f"{path}: line 1: column {name!r} stands twice", expected)
    found = FileRows()
    seen: dict[tuple[Any, ...], int] = {}
    line = reader.line_num + 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                _add(found, seen, line, header, cells, columns, fault)
            line = reader.line_num + 1
    except csv.Error as error:
        raise _astray(path, line, error) from None
    if not found.rows and not found.bad_lines:
        # Its header stands for an empty file, so that emptying it is a version like any other.
        found.rows.append((1, dict.fromkeys(columns)))
    return found


def _astray(path: Path, line: int, error: csv.Error) -> ConfigError:
    # Not closed, it would take the lines below into its cell, and nobody would miss them.
    return ConfigError(f"{path}: line {line}: a quotation mark is astray ({error})")


def _add(
    found: FileRows,
    seen: dict[tuple[Any, ...], int],
    line: int,
    header: list[str],
    cells: list[str],
    columns: tuple[str, ...],
    fault: Fault,
) -> None:
    text = ",".join(cells)
    if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
        found.bad_lines.append(BadLine(line, "more cells than the header has columns", text))
        return
    values: dict[str, Any] = dict.fromkeys(columns)
    for name, cell in zip(header, cells, strict=False):
        if name:
            values[name] = cell.strip() or None
    reason = _set_types(values) or fault(values)
    row = tuple(values[name] for name in columns)
    if reason is None and row in seen:
        reason = f"the same as line {seen[row]}"
    if reason is not None:
        found.bad_lines.append(BadLine(line, reason, text))
        return
    seen[row] = line
    found.rows.append((line, values))


def _set_types(values: dict[str, Any]) -> str | None:
    """Put dates and truths in place of their texts; returns what is wrong with one of them."""
    for name, text in values.items():
        if text is None:
            continue
        if name in _DATE_COLUMNS:
            values[name] = _date(text)
            if values[name] is None:
                return f"{name}: {text!r} is no date like 2025-09-01"
        if name in _TRUTH_COLUMNS:
            values[name] = _TRUTHS.get(text.lower())
            if values[name] is None:
                return f"{name}: {text!r} is neither yes nor no"
    return None


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path}: larger than {_MAX_BYTES >> 20} MB")
        body = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if b"\0" in body and not body.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError(f"{path}: not a text file")
    # Spreadsheets write UTF-8 with or without a mark, UTF-16 with one, or the Windows code page.
    for encoding in ("utf-16",) if body[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            break
    return body.decode("cp1252", "replace")


def _date(text: str) -> date | None:
    for pattern in _DATE_FORMATS:
        try:
            return datetime.strptime(text.removesuffix("Z"), pattern).date()
        except ValueError:
            continue
    return None


def same_rows(found: FileRows, stored: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the file says what is stored already; `stored` by column, with dates as text."""
    now = [
        {
            "line": line,
            **{
                name: value.isoformat() if isinstance(value, date) else value
                for name, value in values.items()
            },
        }
        for line, values in found.rows
    ]
    return now == sorted(map(dict, stored), key=itemgetter("line"))
