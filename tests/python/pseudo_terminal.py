"""A terminal of a given width, and how wide what it shows is."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import unicodedata
from pathlib import Path
from typing import Protocol


class Place(Protocol):
    """Where a command is run, and with which environment."""

    @property
    def home(self) -> Path: ...

    def process_environment(self) -> dict[str, str]: ...


def at_terminal(
    place: Place,
    *arguments: str,
    columns: int = 80,
    interrupt_at: bytes | None = None,
    **environment: str,
) -> str:
    """What a command writes to a terminal of that width; Ctrl-C once `interrupt_at` was written."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = place.process_environment()
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        inherited.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, "-m", "cohort_tracker", *arguments],
        env={**inherited, "TERM": "xterm-256color", **environment},
        cwd=place.home,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    output = b""
    while True:
        try:
            chunk = os.read(ours, 65_536)
        except OSError:  # the other side is closed
            break
        if not chunk:
            break
        output += chunk
        if interrupt_at and interrupt_at in output:
            process.send_signal(signal.SIGINT)
            interrupt_at = None
    os.close(ours)
    process.wait(timeout=60)
    return output.decode()


def width(text: str) -> int:
    """The cells that a terminal needs, by Python's own tables."""
    return sum(
        0
        if unicodedata.category(c) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def lines_of(output: str) -> list[str]:
    """The lines as they are seen, each redrawing of a line by itself."""
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output))
