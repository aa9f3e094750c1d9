"""An answer of the tables, in batches, so that its size does not matter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyarrow import RecordBatchReader

BATCH = 10_000

Kind = Literal["boolean", "number", "real", "moment", "text"]
"""What a cell is to a program that knows few types; a real number may be none or infinite."""

_KINDS: dict[str, Kind] = {
    "BOOLEAN": "boolean",
    "BIGINT": "number",
    "DATE": "moment",
    "DOUBLE": "real",
    "HUGEINT": "number",
    "INTEGER": "number",
    "TIMESTAMP": "moment",
}


class Answer:
    """What a question was answered with, to be read once.

    Args:
        found: the cursor that `Reader.answer` gives.
    """

    def __init__(self, found: DuckDBPyConnection) -> None:
        self._found = found
        self.columns = [column[0] for column in found.description]
        self.types = [str(column[1]) for column in found.description]

    @property
    def kinds(self) -> list[Kind]:
        """What the cells of each column are."""
        return [_KINDS.get(type_, "text") for type_ in self.types]

    def batches(self) -> Iterator[list[tuple[Any, ...]]]:
        """The rows, with the values as Python has them."""
        while rows := self._found.fetchmany(BATCH):
            yield rows

    def arrow(self) -> RecordBatchReader:
        """The rows as Arrow has them."""
        return self._found.to_arrow_reader(BATCH)
