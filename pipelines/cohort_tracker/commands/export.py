"""`export`: a table, or the answer to a ready question, as a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import Settings
from ..errors import ConfigError
from ..export.answer import Answer
from ..export.parquet import write_parquet
from ..export.sheet import require_sheet, write_sheet
from ..export.text import csv_parts, json_parts
from ..reading.published import opened
from ..reading.questions import Asker, questions
from ..reading.reader import Reader
from ..reading.scope import viewer_for
from ..runtime.printing import is_terminal, say, say_bytes
from ..runtime.whole_file import whole_file
from .places import require_outside
from .settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

FORMATS = ("csv", "xlsx", "json", "parquet")
_TEXTS = {"csv": csv_parts, "json": json_parts}
_CHUNK = 1 << 20


@contextmanager
def open_reader(
    settings: Settings,
    *,
    classes: Sequence[str],
    night: str | None,
    mentor: str | None,
    hide_names: bool,
) -> Iterator[Reader]:
    """A reader for who asks with these options."""
    with opened(settings.warehouse_path) as connection:
        viewer = viewer_for(
            connection, classes=classes, night=night, mentor=mentor, hide_names=hide_names
        )
        yield Reader(connection, viewer, settings.raw_path)


def run_export(
    config_path: Path | None,
    name: str,
    *,
    classes: Sequence[str],
    night: str | None,
    mentor: str | None,
    hide_names: bool,
    format_name: str | None,
    output: str | None,
) -> None:
    """Write a table or an answer to a file, or to standard output.

    Raises ConfigError for what is not there or not the viewer's, StoreError where it cannot be read
    or written.
    """
    settings = settings_of(config_path)
    file = None if output is None or output == "-" else Path(output)
    format_name = format_name or _format_of(file)
    if file is None and format_name not in _TEXTS and is_terminal():
        raise ConfigError(
            f"A terminal cannot show {format_name}", f"Add `-o {name}.{format_name}`."
        )
    if file is not None:
        require_outside(file, settings)
    with open_reader(
        settings, classes=classes, night=night, mentor=mentor, hide_names=hide_names
    ) as reader:
        title, sql = _sql_of(name, reader)
        with reader.answer(f"SELECT count(*) FROM ({sql})") as found:  # noqa: S608
            [rows] = found.fetchone() or [0]
        if format_name == "xlsx":
            require_sheet(rows)
        with reader.answer(sql) as found:
            _write(Answer(found), format_name, title, file)
    if file is not None:
        say(f"{file}: {rows:,} row{'s' if rows != 1 else ''} of {title}", err=True)
    if hide_names:
        say("Names are hidden. Scores and dates can still tell who somebody is.", err=True)


def _format_of(file: Path | None) -> str:
    """The format that a file's name asks for; CSV without one."""
    if file is None:
        return "csv"
    suffix = file.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise ConfigError(
            f"{file}: which format that should be is not known",
            f"Let the name end in .{', .'.join(FORMATS)}, or add --format.",
        )
    return suffix


def _sql_of(name: str, reader: Reader) -> tuple[str, str]:
    """What is exported, by its full name, and SQL for it."""
    tables = (name,) if "." in name else (f"marts.{name}", f"core.{name}")
    known = questions()
    for table in tables:
        if table in reader.tables:
            return table, reader.query(table)
    if name in known:
        return name, Asker(reader).sql(known[name])
    reader.table(name)  # says that there is none
    raise AssertionError(name)


def _write(answer: Answer, format_name: str, title: str, file: Path | None) -> None:
    if file is None and format_name in _TEXTS:
        say_bytes(_TEXTS[format_name](answer))
    elif file is None:
        # Without a name, so that nothing is left of it whatever happens.
        with tempfile.TemporaryFile() as whole:
            _write_to(whole, answer, format_name, title)
            whole.seek(0)
            say_bytes(iter(lambda: whole.read(_CHUNK), b""))
    else:
        with whole_file(file) as whole:
            _write_to(whole, answer, format_name, title)


def _write_to(file: BinaryIO, answer: Answer, format_name: str, title: str) -> None:
    if format_name == "xlsx":
        write_sheet(answer, file, title)
    elif format_name == "parquet":
        write_parquet(answer, file)
    else:
        file.writelines(_TEXTS[format_name](answer))
