"""Commands as a container, or a service of systemd, would run them.

No container engine is needed: namespaces of the kernel give what one would give.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

# $1 stays writable; /proc and /dev are the container's own. Then a user nobody knows takes over.
READ_ONLY = """
set -e
mount --bind "$1" "$1"
awk '{print $5}' /proc/self/mountinfo | while read -r place; do
    case "$place" in "$1" | /proc* | /dev*) ;; *) mount -o remount,bind,ro "$place" || true ;; esac
done
shift
exec unshare --user --map-user=12345 --map-group=12345 "$@"
"""


def command(volume: Path, *arguments: str) -> list[str]:
    """A command for an unknown user, to whom nothing is writable but the volume."""
    return [
        *("unshare", "--user", "--map-root-user", "--mount"),
        *("sh", "-c", READ_ONLY, "sh", str(volume), *arguments),
    ]


def environment(volume: Path, **more: str) -> dict[str, str]:
    """All that such a command finds in its environment; no HOME."""
    return {"PATH": os.defpath, "TMPDIR": str(volume), **more}


def contained(volume: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command(volume, *arguments),
        env=environment(volume, **more),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def require_namespaces(volume: Path) -> None:
    """Skip where the kernel grants none."""
    probe = "test ! -w / && test ! -w /tmp && test -w . && test $(id -u) = 12345 && echo ready"
    done = contained(volume, "sh", "-c", f'cd "{volume}" && {probe}')
    if done.stdout != "ready\n":
        pytest.skip(f"no namespaces here: {done.stderr.strip()}")
