"""The one way to the terminal: all that the commands print goes through here.

Text is made safe: no name from outside can move the cursor, change colours or turn the reading
direction. Lines fit the terminal; what is piped has neither colour nor control characters. rich
draws tables and the progress bar, and is imported only when there is something to draw.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import traceback
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from ..errors import CohortTrackerError, StoreError

if TYPE_CHECKING:
    from rich.console import Console

_NARROWEST, _NARROWEST_TABLE, _WIDEST = 20, 60, 100
_PIPED = 80
_WITHOUT_WIDTH = frozenset({"Mn", "Me", "Cf"})
_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Part of how Persian, Hindi and others are written, and of many emoji.
_JOINERS = frozenset("\u200c\u200d")


def printable(text: str | None, instead: str = "?") -> str:
    """Text in one line, with a question mark for each character that steers what shows it."""
    if not text or text.isprintable():
        return text or ""
    return "".join(_harmless(character, instead) for character in text)


def _harmless(character: str, instead: str) -> str:
    if character.isspace():
        return " "
    steers = unicodedata.category(character) in _STEERING and character not in _JOINERS
    return instead if steers else character


def say(
    text: str = "",
    *,
    style: str = "",
    indent: int = 0,
    hang: int = 0,
    fit: bool = False,
    err: bool = False,
) -> None:
    """Print one line, on standard error if `err`.

    At a terminal it is wrapped between words and has the style (as rich writes it: `bold red`);
    the lines that follow stand `hang` further in. A word longer than the line, like a path, stays
    whole. Elsewhere a line stays a line, unless it shall `fit` into 80 columns there, too.
    """
    stream = _stream(err)
    line = _writable(text, stream)
    if not stream.isatty():
        width = _PIPED if fit else None
        _put(stream, "".join(f"{part}\n" for part in _wrapped(line, width, indent, hang)))
        return
    from rich.text import Text

    console = _console(stream)
    width = max(_NARROWEST, min(console.width, _WIDEST))
    for part in _wrapped(line, width, indent, hang):
        console.print(Text(part, style), soft_wrap=True)


def say_error(error: CohortTrackerError, class_name: str | None = None) -> None:
    """Print what happened, to which class, and what to do next on standard error."""
    say(f"Error: {error.message}", style="red", err=True)
    hints = [f"Class {class_name}." if class_name else None, error.hint]
    if any(hints):
        say(" ".join(filter(None, hints)), err=True)


def say_traceback() -> None:
    """Print on standard error where the error that is being handled came from."""
    for line in traceback.format_exc().splitlines():
        say(line, err=True)


def say_warning(text: str) -> None:
    """Print on standard error what is worth knowing though nothing failed."""
    say(f"Warning: {text}", style="yellow", err=True)


def say_json(value: dict[str, Any]) -> None:
    """Print one JSON object, in ASCII, on standard output."""
    _put(_stream(err=False), json.dumps(value, indent=2) + "\n")


def say_bytes(parts: Iterable[bytes]) -> None:
    """Write bytes to standard output as they come, until they end or the reader leaves.

    At a terminal they are taken for lines of UTF-8 and made safe. Raises StoreError where they
    cannot be written.
    """
    stream = _stream(err=False)
    out = getattr(stream, "buffer", None)
    try:
        for part in parts:
            if out is None or stream.isatty():
                lines = part.decode("utf-8").removeprefix("\ufeff").split("\n")
                stream.write("\n".join(_writable(line.rstrip("\r"), stream) for line in lines))
            else:
                out.write(part)
        stream.flush()
    except BrokenPipeError:
        _lead_nowhere(stream)
    except OSError as error:
        _lead_nowhere(stream)
        raise StoreError(
            f"Standard output cannot be written: {error.strerror}", "Check the disk's space."
        ) from error


def is_terminal() -> bool:
    """Whether standard output leads to a terminal."""
    return _stream(err=False).isatty()


def say_table(
    rows: Iterable[Sequence[str]],
    *,
    headings: Sequence[str],
    numbers: Sequence[int] = (),
    err: bool = False,
) -> None:
    """Print rows below their headings; the columns in `numbers` are aligned to the right.

    Names belong into the last column, which is wrapped where it is too long. So no script that
    is written from the right and no character of doubtful width moves what stands beside it.
    """
    from rich.table import Table
    from rich.text import Text

    stream = _stream(err)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.show_header = any(headings)
    for place, heading in enumerate(headings):
        is_last = place == len(headings) - 1
        justify = "right" if place in numbers else "left"
        table.add_column(heading, justify=justify, no_wrap=not is_last, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(Text(_writable(cell, stream)) for cell in row))
    console = _console(stream)
    # Narrower than that, numbers would be cut short, and lie.
    console.width = max(_NARROWEST_TABLE, min(console.width, _WIDEST))
    with console.capture() as drawn:
        console.print(table)
    _put(stream, "".join(line.rstrip() + "\n" for line in drawn.get().splitlines()))


def ask(
    question: str, *, default: str | None = None, hide: bool = False, optional: bool = False
) -> str:
    """Ask at the terminal and return the answer; asks on standard error.

    `optional`: an empty answer is one, too.
    """
    shown = printable(default)
    answer: str = click.prompt(
        printable(question),
        default=shown or ("" if optional else None),
        show_default=bool(shown),
        hide_input=hide,
        err=True,
    )
    return answer.strip() if not hide else answer


def can_ask() -> bool:
    """Whether somebody sits at a terminal and can answer."""
    return sys.stdin is not None and sys.stdin.isatty()  # Python has none where it was closed


def can_draw(*, err: bool = False) -> bool:
    """Whether the stream leads to a terminal that can do more than print line after line."""
    return _stream(err).isatty() and os.environ.get("TERM", "dumb") not in {"dumb", "unknown"}


class Bar:
    """A line on standard error that is redrawn: bar, words, name."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn
        from rich.table import Column

        self._stream = _stream(err=True)
        self._progress = Progress(
            BarColumn(12),
            TextColumn("{task.fields[words]} ", markup=False, table_column=Column(no_wrap=True)),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
            ),
            console=_console(self._stream),
            expand=True,
            transient=True,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=None, words="")

    def show(self, words: str, name: str = "", share: float | None = None) -> None:
        """Show `words` and `name` beside a bar filled to `share`, or one without a measure."""
        self._progress.update(
            self._task,
            description=_writable(name, self._stream),
            words=_writable(words, self._stream),
            total=None if share is None else 1.0,
            completed=share or 0.0,
        )

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        from rich.text import Text

        self._progress.console.print(Text(_writable(text, self._stream)))

    @contextmanager
    def drawn(self) -> Iterator[Bar]:
        """Draw the bar meanwhile and leave nothing of it behind."""
        with self._progress:
            yield self


def open_streams() -> None:
    """Let standard streams that were closed lead nowhere.

    Else the next file that is opened, a store perhaps, would take the place of one.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _stream(err: bool) -> TextIO:
    stream = sys.stderr if err else sys.stdout
    return stream or io.StringIO()  # Python has none where it was closed


def _put(stream: TextIO, text: str) -> None:
    """Write and flush; what cannot be written is lost, for nothing stored depends on it."""
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        _lead_nowhere(stream)  # the reader left, or the disk is full


def _lead_nowhere(stream: TextIO) -> None:
    """Let a stream that cannot be written end: what is buffered must not be tried again at exit."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class _Unfailing:
    """A stream for rich, which would end the program where nobody reads."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written."""
        _put(self._stream, text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: `write` did."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _writable(text: str | None, stream: TextIO) -> str:
    """Printable text, with question marks for what the stream's encoding does not have."""
    encoding = stream.encoding or "utf-8"
    return printable(text).encode(encoding, "replace").decode(encoding)


def _wrapped(line: str, width: int | None, indent: int, hang: int) -> list[str]:
    """The line in lines of at most `width` cells; in one without a width."""
    first, *words = line.split(" ")
    lines = [" " * indent + first]
    for word in words:
        longer = f"{lines[-1]} {word}"
        if width is None or _cells(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(" " * (indent + hang) + word)
    return lines


def _cells(text: str) -> int:
    """The cells that a text takes at a terminal, at most: emoji may be joined to fewer."""
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.category(character) in _WITHOUT_WIDTH
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def _console(stream: TextIO) -> Console:
    """A rich console on the stream; plain where colours are unknown or unwanted."""
    from rich.console import Console

    draws = can_draw(err=stream is sys.stderr)
    return Console(
        file=cast("TextIO", _Unfailing(stream)),
        force_terminal=draws,
        force_interactive=draws,
        color_system="auto" if draws and not os.environ.get("NO_COLOR") else None,
        markup=False,
        emoji=False,
        highlight=False,
    )


def count(value: int | None) -> str:
    """A count with thousands separators; a dash when nothing was built yet."""
    return "-" if value is None else f"{value:,}"


def records(number: int) -> str:
    """A number of records in words."""
    return f"{number:,} record{'s' if number != 1 else ''}"


def when(moment: datetime | None, now: datetime) -> str:
    """A moment in local time with its distance."""
    if moment is None:
        return "never"
    return f"{moment.astimezone():%Y-%m-%d %H:%M} ({ago(moment, now)})"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that says something."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = int(seconds // size)
            return f"{number} {unit}{'s' if number != 1 else ''} ago"
    return "just now"
