"""Lines of the mentors and schedule files that do not count, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from operator import attrgetter
from typing import NamedTuple

from ..config import Settings

_TOLD_PER_FILE = 5


class FileProblem(NamedTuple):
    """A row of `core.file_problems`. `file_name` is also the name of the setting."""

    file_name: str
    line: int
    named: str | None
    problem: str


def in_words(settings: Settings, problems: Iterable[FileProblem]) -> Iterator[str]:
    """A line of text for each problem, of each file the first few; `problems` come file by file."""
    for name, of_file in groupby(problems, attrgetter("file_name")):
        path = getattr(settings, name) or name
        for item in islice(of_file, _TOLD_PER_FILE):
            named = f": {item.named}" if item.named else ""
            yield f"{path}: line {item.line} does not count: {item.problem}{named}"
        more = sum(1 for _ in of_file)
        if more:
            yield f"{path}: {more:,} more lines do not count; core.file_problems says why"
