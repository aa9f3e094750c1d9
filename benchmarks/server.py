"""The sandbox in a process of its own, and the handle by which the harness asks it what it saw.

The process answers one JSON object per line on its standard input with one on standard output.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

from .environment import ROOT, clean_environment
from .measure import RunFailed


@dataclass(frozen=True)
class World:
    """What is served, and in which of the API's shapes.

    `real` envelope, `oid` ids: what public clients meet. `plain` and `plain`: the shape that a
    stock client reads without glue, used side by side with the peers. `granted`: the most records
    on a page.
    """

    classes: int
    records_per_class: int
    envelope: str = "real"
    id_style: str = "oid"
    login_shape: str = "result"
    gzip: bool = False
    granted: int = 200

    @property
    def records(self) -> int:
        """All records of all classes."""
        return self.classes * self.records_per_class


@dataclass(frozen=True)
class Seen:
    """What the server saw since the last look.

    `min_gap_s` is the shortest time between the starts of two requests; `cpu_s` the server's own.
    """

    requests: int
    progressions: int
    min_gap_s: float | None
    cpu_s: float

    def require_pace(self, delay: float) -> None:
        """Raise RunFailed if two requests were closer than `delay`, a little jitter apart."""
        if self.min_gap_s is not None and self.min_gap_s < delay * 0.98 - 0.005:
            raise RunFailed(f"two requests were only {self.min_gap_s:.3f} s apart")


class Served:
    """A running server: `url`, `classes` (ids), `email`, `password`."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __enter__(self) -> Self:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server", json.dumps(asdict(self.world))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=clean_environment(),
        )
        hello = self._read()
        self.url: str = hello["url"]
        self.email: str = hello["email"]
        self.password: str = hello["password"]
        self.classes: list[str] = hello["classes"]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def seen(self) -> Seen:
        """What it saw since the last call, or since its start."""
        return Seen(**self._ask({"do": "seen"}))

    def shift(self, class_id: str, count: int) -> None:
        """Let `count` newer records of the class appear."""
        self._ask({"do": "shift", "class_id": class_id, "count": count})

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server ended with exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


def _serve(world: World) -> None:
    from cohort_tracker.sandbox import SandboxServer, bulk_world

    source = bulk_world(world.classes, world.records_per_class)
    # The annotations of the sandbox name its shapes one by one; the harness passes them on.
    shapes: dict[str, Any] = {
        "envelope": world.envelope,
        "id_style": world.id_style,
        "login_shape": world.login_shape,
        "max_page_size": world.granted,
    }
    with SandboxServer(source, gzip=world.gzip, **shapes) as server:
        hello = {
            "url": server.url,
            "email": server.desk.email,
            "password": server.desk.password,
            "classes": [room["id"] for room in source.state()["classes"]],
        }
        print(json.dumps(hello), flush=True)
        spent = time.process_time()
        for line in sys.stdin:
            question = json.loads(line)
            answer: dict[str, Any] = {}
            if question["do"] == "shift":
                source.shift(question["class_id"], question["count"])
            else:
                starts = [entry.started for entry in server.requests.entries()]
                gaps = [later - earlier for earlier, later in pairwise(starts)]
                now = time.process_time()
                answer = {
                    "requests": server.requests.count,
                    "progressions": len(server.requests.entries("/progressions")),
                    "min_gap_s": min(gaps, default=None),
                    "cpu_s": now - spent,
                }
                server.requests.clear()
                spent = time.process_time()
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _serve(World(**json.loads(sys.argv[1])))
