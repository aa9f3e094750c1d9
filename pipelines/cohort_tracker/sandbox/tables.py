"""Reads CSV files, plain or gzipped, and says which file and line is wrong when one is."""

import csv
import gzip
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from .errors import SandboxError


class Row:
    """One line of a table; its getters raise SandboxError with file, line and column."""

    __slots__ = ("_columns", "_table", "_values", "line")

    def __init__(
        self, table: str, line: int, columns: dict[str, int], values: Sequence[str]
    ) -> None:
        self._table, self.line, self._columns, self._values = table, line, columns, values

    def text(self, column: str) -> str:
        """Return the cell without outer blanks; empty for a column that the file does not have."""
        place = self._columns.get(column)
        return "" if place is None else self._values[place].strip()

    def key(self, column: str) -> str:
        """Return a cell that must not be empty."""
        value = self.text(column)
        if not value:
            raise self.error(f"{column} is empty")
        return value

    def time(self, column: str) -> datetime | None:
        """Return a time in UTC, None for an empty cell; without an offset it is read as UTC."""
        value = self.text(column)
        if not value:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise self.error(f"{column} {value!r} is not an ISO 8601 time") from None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def number(self, column: str) -> float | None:
        """Return a finite number, None for an empty cell."""
        value = self.text(column)
        if not value:
            return None
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self.error(f"{column} {value!r} is not a number")
        return number

    def error(self, fault: str) -> SandboxError:
        """Return an error that names this row."""
        return SandboxError(f"{self._table}, line {self.line}: {fault}")


def read_table(folder: Path, name: str, required: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of `name`.csv or `name`.csv.gz in `folder`, in any order of columns.

    Raises SandboxError for a file that is missing, unreadable, not UTF-8, or lacks a column.
    """
    path = folder / f"{name}.csv"
    if not path.exists():
        path = folder / f"{name}.csv.gz"
    if not path.exists():
        raise SandboxError(f"{folder}: neither {name}.csv nor {name}.csv.gz is there")
    # The line of the last row that could be read, for errors that come from below the CSV reader.
    line = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as raw:
            lines = (
                part.decode("utf-8-sig" if number == 0 else "utf-8")
                for number, part in enumerate(raw)
            )
            reader = csv.reader(lines, strict=True)
            header = next(reader, [])
            columns = {column.strip(): place for place, column in enumerate(header)}
            missing = [column for column in required if column not in columns]
            if missing:
                raise SandboxError(f"{path.name}, line 1: no column {', '.join(missing)}")
            for values in reader:
                line = reader.line_num
                if not values:
                    continue
                row = Row(path.name, line, columns, values)
                if len(values) != len(header):
                    raise row.error(f"{len(values)} cells, the header has {len(header)}")
                yield row
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise SandboxError(f"{path.name}, after line {line}: {error}") from error
