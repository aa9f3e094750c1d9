"""The sandbox for a person at a shell: makes a world and serves it until interrupted."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from .cohort import DEFAULT_TIMEZONE, generate
from .replay import load_data_dir
from .server import SandboxServer
from .world import World

_LISTED = 20


def open_world(
    *,
    data: Path | None = None,
    as_of: datetime | None = None,
    seed: int = 1,
    classes: int = 2,
    students: int | None = None,
    weeks: int = 13,
    timezone: str = DEFAULT_TIMEZONE,
) -> World:
    """Return the world of a data folder, or a generated one when there is none.

    `as_of` (aware) is the world's present; None means all of the folder, or the clock's now for a
    generated world. See `load_data_dir` and `generate` for the rest. Raises SandboxError.
    """
    if data is not None:
        return load_data_dir(data, as_of=as_of)
    return generate(
        seed, classes, students, end=as_of or datetime.now(UTC), weeks=weeks, timezone=timezone
    )


def describe(server: SandboxServer) -> list[str]:
    """Return what a person needs to know of a running server, as lines of text."""
    lines = [
        f"OpenClass sandbox at {server.url}",
        f"e-mail    {server.desk.email}",
        f"password  {server.desk.password}",
        "classes",
    ]
    rooms = server.world.state()["classes"]
    for room in rooms[:_LISTED]:
        counts = ", ".join(
            f"{room[part]} {part}" for part in ("students", "assignments", "progressions")
        )
        lines.append(f"  {room['friendly_id']}  {room['name']} ({room['id']}): {counts}")
    if len(rooms) > _LISTED:
        lines.append(f"  and {len(rooms) - _LISTED} more")
    lines.append(f"move time on: curl -X POST '{server.url}/sandbox/grow?days=7'")
    return lines


def serve(
    server: SandboxServer, announce: Callable[[str], None], stop: threading.Event | None = None
) -> None:
    """Start the server, announce it line by line, and serve until interrupted or `stop` is set.

    Returns after Ctrl-C as well. Raises SandboxError when the address cannot be used.
    """
    ended = stop or threading.Event()
    with server:
        for line in describe(server):
            announce(line)
        try:
            ended.wait()
        except KeyboardInterrupt:
            announce("sandbox stopped")
