"""Commands as they can be typed, or copied from a terminal."""

from __future__ import annotations

import shlex
from pathlib import Path


def typed_lines(words: list[str], start: str = "$ ") -> list[str]:
    """A command as it can be copied to a shell, in lines of at most 76 characters if it can be.

    A long one goes on below, behind a backslash, with the next option.
    """
    lines = [start + shlex.quote(words[0])]
    for place, word in enumerate(words[1:], start=1):
        with_value = shlex.join(words[place : place + 2])
        if word.startswith("--") and len(lines[-1]) + len(with_value) > 74:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] += " " + shlex.quote(word)
    return lines


def typed_command(config_path: Path | None, *words: str) -> list[str]:
    """The words of a command where these settings are meant."""
    settings = ["--config", short_path(config_path)] if config_path else []
    return ["cohort-tracker", *settings, *words]


def short_path(value: str | Path) -> str:
    """A path as it is typed from here."""
    path = Path(value)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return str(value)
