"""Running a command as a whole process and measuring it: wall, processor time, memory.

The harness itself stays small and imports nothing big: Linux counts the memory of the process that
starts another one towards the peak of the started one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024
_SAMPLE_S = 0.1
_LOOK_FOR_CHILDREN_S = 0.5
_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Measured:
    """A finished process with all processes that it started and waited for.

    cpu_s: user and system. peak_mb: of the largest process of the tree. tree_mb: the largest sum
    over the tree that was met by looking every 0.1 s, None where the system does not tell.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    tree_mb: float | None
    exit_code: int
    stdout: str
    stderr: str


def together(*parts: Measured) -> Measured:
    """Processes that ran one after the other, as one."""
    trees = [part.tree_mb for part in parts if part.tree_mb is not None]
    return Measured(
        wall_s=sum(part.wall_s for part in parts),
        cpu_s=sum(part.cpu_s for part in parts),
        peak_mb=max(part.peak_mb for part in parts),
        tree_mb=max(trees, default=None),
        exit_code=parts[-1].exit_code,
        stdout=parts[-1].stdout,
        stderr=parts[-1].stderr,
    )


class RunFailed(RuntimeError):
    """A measured command did not do what it should have done; its numbers mean nothing."""


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    expect: int | None = 0,
) -> Measured:
    """Run `command` to its end. Raises RunFailed for another exit code than `expect`."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=cwd
        )
        watch = _TreeWatch(process.pid)
        watch.start()
        end = threading.Timer(_TIMEOUT_S, process.kill)
        end.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        end.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.stop()
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    if expect is not None and process.returncode != expect:
        shown = " ".join(map(str, command[:4]))
        raise RunFailed(f"{shown} … ended with {process.returncode}:\n{texts[1][-3000:]}")
    peak = usage.ru_maxrss * _RSS_UNIT / 1e6
    return Measured(
        wall_s=wall,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_mb=peak,
        tree_mb=max(watch.peak_mb, peak) if watch.peak_mb else None,
        exit_code=process.returncode,
        stdout=texts[0],
        stderr=texts[1],
    )


class _TreeWatch(threading.Thread):
    """Adds up the memory of a process and its descendants now and then (Linux only)."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self._ended = threading.Event()
        self.peak_mb = 0.0

    def run(self) -> None:
        """Look until `stop`."""
        if not Path("/proc/self/statm").exists():
            return
        page = os.sysconf("SC_PAGE_SIZE") / 1e6
        tree = {self._pid}
        look = 0.0
        while not self._ended.wait(_SAMPLE_S):
            if (now := time.monotonic()) >= look:
                tree = _descendants(self._pid)
                look = now + _LOOK_FOR_CHILDREN_S
            self.peak_mb = max(self.peak_mb, sum(map(_resident_pages, tree)) * page)

    def stop(self) -> None:
        """End the looking."""
        self._ended.set()
        self.join()


def _descendants(pid: int) -> set[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    tree = {pid}
    while more := {child for child, parent in parents.items() if parent in tree} - tree:
        tree |= more
    return tree


def _resident_pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
