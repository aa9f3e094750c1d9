"""Excel."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from ..errors import ConfigError
from .answer import Answer, Kind

MOST_ROWS = 1_048_576
"""How many rows a sheet holds, with the one of the headings."""

_LONGEST_TITLE = 31
_WIDEST = 60
_FIRST_YEAR = 1900
# What no file of Excel can hold.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def require_sheet(rows: int) -> None:
    """Raise ConfigError where Excel files cannot be written, or not of so many rows."""
    try:
        import openpyxl  # noqa: F401
    except ImportError:
        raise ConfigError(
            "Excel files need the package openpyxl, which is not installed",
            "Run `pipx inject cohort-tracker openpyxl`, or take --format csv.",
        ) from None
    if rows >= MOST_ROWS:
        raise ConfigError(
            f"{rows:,} rows are more than a sheet of Excel holds ({MOST_ROWS - 1:,})",
            "Take --format csv or parquet, or fewer classes with --class.",
        )


def write_sheet(answer: Answer, file: BinaryIO, title: str) -> None:
    """Write the answer as a sheet with its headings on top. No cell is a formula. Times are UTC."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:_LONGEST_TITLE])
    sheet.freeze_panes = "A2"

    def text(value: Any) -> Any:
        cell = WriteOnlyCell(sheet, _CONTROL.sub("", str(value)))
        cell.data_type = "s"  # openpyxl takes what begins with = for a formula
        return cell

    batches = answer.batches()
    first = next(batches, [])
    for place, width in enumerate(_widths(answer.columns, first), start=1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    headings = [text(column) for column in answer.columns]
    for heading in headings:
        heading.font = Font(bold=True)
    sheet.append(headings)
    writers = [_writer(kind, text) for kind in answer.kinds]
    for batch in itertools.chain([first], batches):
        for row in batch:
            cells = zip(writers, row, strict=True)
            sheet.append([None if value is None else write(value) for write, value in cells])
    book.save(file)


def _widths(columns: list[str], rows: Iterable[tuple[Any, ...]]) -> Iterator[int]:
    for column, *values in zip(columns, *rows, strict=True):
        longest = max(len(str(value)) for value in (column, *values) if value is not None)
        yield min(longest, _WIDEST) + 2


def _writer(kind: Kind, text: Callable[[Any], Any]) -> Callable[[Any], Any]:
    if kind == "real":
        return lambda value: value if math.isfinite(value) else None
    if kind == "moment":
        # Excel's calendar begins with 1900.
        return lambda value: value if value.year >= _FIRST_YEAR else text(value)
    return text if kind == "text" else lambda value: value
