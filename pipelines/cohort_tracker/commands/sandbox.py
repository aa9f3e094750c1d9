"""`sandbox`: an invented cohort, served until somebody stops it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..runtime.printing import say, say_table
from ..sandbox import Faults, SandboxError, SandboxServer, World, open_world, serve
from ..sandbox import faults as known_faults


def run_sandbox(
    *,
    port: int,
    data_dir: Path | None,
    write_roster: Path | None,
    write_mentors: Path | None,
    write_schedule: Path | None,
    faults: tuple[str, ...],
    list_faults: bool,
    **shape: Any,
) -> None:
    """Serve until interrupted. Raises ConfigError for a bad option, data file or port."""
    if list_faults:
        say_description(known_faults.__doc__ or "")
        return
    try:
        world: World = open_world(data=data_dir, **shape)
        if write_roster:
            say(f"{world.write_roster(write_roster):,} roster lines in {write_roster}")
        if write_mentors:
            say(f"{world.write_mentors(write_mentors):,} mentors in {write_mentors}")
        if write_schedule:
            say(f"{world.write_schedule(write_schedule):,} schedule lines in {write_schedule}")
        serve(SandboxServer(world, port=port, faults=Faults.parse(list(faults))), say)
    except SandboxError as error:
        raise ConfigError(str(error)) from error


def say_description(text: str) -> None:
    """Print Markdown of paragraphs and tables."""
    for block in text.strip().split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith("|"):
            headings, _, *rows = (_cells(line) for line in lines)
            say_table(rows, headings=headings)
        else:
            say(" ".join(lines))
        say()


def _cells(line: str) -> list[str]:
    cells = re.split(r"(?<!\\)\|", line.strip("|"))
    return [cell.strip().replace("\\|", "|") for cell in cells]
