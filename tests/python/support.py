"""What the tests of the sync share: a class behind real HTTP, a data directory, real commands."""

from __future__ import annotations

import copy
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import cohort_tracker
from cohort_tracker.config import Settings, load_settings
from cohort_tracker.sandbox import Faults, Growth, Incident, SandboxServer
from cohort_tracker.sandbox.encoding import escape
from cohort_tracker.sync import SyncReport, run_sync

SOURCE_ROOT = Path(cohort_tracker.__file__).parents[1]
DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(microsecond=0)


def at_night(*values: Any) -> Any:
    """A case that is left to the nightly run."""
    return pytest.param(*values, marks=pytest.mark.nightly)


def stamp(moment: datetime | None) -> str | None:
    """A time as the API sends it."""
    return (
        None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
    )


def record(number: int, *, days_ago: float | None = None, **fields: Any) -> dict[str, Any]:
    """A progression as the API sends it; without `days_ago` it is work in progress."""
    completed = None if days_ago is None else NOW - timedelta(days=days_ago)
    return {
        "_id": {"$oid": f"{number:024x}"},
        "user": {
            "id": f"student-{number % 11}",
            "first_name": "Ada",
            "last_name": f"Nr {number % 11}",
            "email": f"s{number % 11}@example.org",
        },
        "assignment": {"id": f"task-{number % 7}", "name": f"Task {number % 7}", "type": "lesson"},
        "grade": None if completed is None else (number % 10) / 10,
        "started_assignment_at": stamp((completed or NOW) - DAY),
        "completed_assignment_at": stamp(completed),
        "reviewed_at": None,
        **fields,
    }


def record_id(raw: Any) -> str:
    """The id of a record as the API sends it."""
    return raw["_id"]["$oid"] if isinstance(raw["_id"], dict) else raw["_id"]


class _Texts:
    def __init__(self, texts: list[bytes]) -> None:
        self.texts = texts

    def __len__(self) -> int:
        return len(self.texts)

    def text(self, start: int, stop: int, *, escaped: bool) -> bytes:
        joined = b",".join(self.texts[start:stop])
        return escape(joined) if escaped else joined


class Classes:
    """Classes of raw records for the sandbox to serve: whatever JSON can say, in any number."""

    def __init__(self, **classes: list[dict[str, Any]]) -> None:
        self.classes = classes or {"c1": []}
        self.units: list[Any] = []

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of the first class."""
        return next(iter(self.classes.values()))

    def class_list(self, style: Any) -> list[dict[str, Any]]:
        return [self.class_detail(class_id, style) for class_id in self.classes]

    def class_detail(self, class_id: str, style: Any) -> dict[str, Any]:
        return {
            "_id": class_id,
            "id": class_id,
            "friendly_id": f"friendly-{class_id}",
            "name": f"Class {class_id}",
            "is_published": True,
            "school": "School",
            "assignments": [],
            "units": copy.deepcopy(self.units),
        }

    def resolve(self, key: str) -> str | None:
        key = key.removeprefix("friendly-")
        return key if key in self.classes else None

    def view(self, class_id: str, order: str, style: Any) -> _Texts:
        records = list(self.classes[class_id])
        if order != "id":
            done = [r for r in records if r.get("completed_assignment_at")]
            still_open = [r for r in records if not r.get("completed_assignment_at")]
            done.sort(key=lambda r: r["completed_assignment_at"], reverse=True)
            records = still_open + done if order == "nulls_first" else done + still_open
        return _Texts([json.dumps(r, ensure_ascii=False).encode() for r in records])

    def grow(self, days: float) -> Growth:
        raise NotImplementedError

    def shift(self, class_id: str, count: int) -> None:
        """New records come in first, or the newest vanish."""
        records = self.classes[class_id]
        if count < 0:
            newest = sorted(records, key=lambda r: r.get("completed_assignment_at") or "")
            for gone in newest[count:]:
                records.remove(gone)
        for number in range(count):
            serial = 100_000 + len(records) + number
            moment = NOW + timedelta(seconds=serial)
            records.append(record(serial, completed_assignment_at=stamp(moment)))

    def state(self) -> dict[str, Any]:
        return {"classes": []}


def classes(count: int = 45, still_open: int = 4) -> Classes:
    """One class, three days between two completions."""
    done = [record(number, days_ago=number * 3 + 1) for number in range(count - still_open)]
    return Classes(c1=done + [record(90_000 + number) for number in range(still_open)])


@dataclass
class Bench:
    """A server and a data directory of its own; `sync()` is the real thing without the build."""

    home: Path
    source: Any = field(default_factory=classes)
    server: SandboxServer = field(init=False)
    options: dict[str, Any] = field(default_factory=dict)
    server_options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server = SandboxServer(
            self.source, **{"max_page_size": 10, "envelope": "plain", **self.server_options}
        )

    def __enter__(self) -> Bench:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def raw(self) -> Path:
        return self.data / "raw.db"

    @property
    def warehouse(self) -> Path:
        return self.data / "warehouse.duckdb"

    def environment(self, **options: Any) -> dict[str, str]:
        given = {
            "email": self.server.desk.email,
            "password": "sandbox-password",
            "api_base": self.server.url,
            "data_dir": str(self.data),
            "page_delay": 0,
            "page_size": 200,  # "auto" is for the tests of it: it asks more than once
            **self.options,
            **options,
        }
        return {f"COHORT_TRACKER_{key.upper()}": str(value) for key, value in given.items()}

    def settings(self, **options: Any) -> Settings:
        return load_settings(environ=self.environment(**options), no_file=True)

    def misbehave(self, *faults: str) -> None:
        """Replace the server's faults, written as on the sandbox's command line."""
        self.server.faults = Faults.parse(list(faults))

    def incident(self, name: str, value: Any = None, **options: Any) -> None:
        self.server.faults.incidents.append(Incident(name, value, **options))

    def sync(
        self, *, full: bool = False, only: tuple[str, ...] = (), build: bool = False, **options: Any
    ) -> SyncReport:
        return run_sync(self.settings(**options), full=full, only=only, build=build)

    def pages(self) -> list[Any]:
        """The requests for progressions since the last call."""
        found = self.server.requests.entries("/progressions")
        self.server.requests.clear()
        return found

    def command(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a real `cohort-tracker` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "cohort_tracker", *arguments],
            env=self.process_environment(**options),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a real `cohort-tracker`."""
        return subprocess.Popen(
            [sys.executable, "-m", "cohort_tracker", *arguments],
            env=self.process_environment(**options),
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def process_environment(self, **options: Any) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("COHORT_TRACKER_")}
        return {
            **inherited,
            "HOME": str(self.home),
            "PYTHONPATH": str(SOURCE_ROOT),
            **self.environment(**options),
        }

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the raw store."""
        with closing(sqlite3.connect(self.raw)) as connection:
            return connection.execute(sql, parameters).fetchall()

    def core(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the published warehouse."""
        from cohort_tracker.warehouse.query import query

        return query(self.warehouse, sql)

    def in_force(self, class_id: str = "c1") -> dict[str, tuple[Any, ...]]:
        """What the raw store holds as the class's state now."""
        newest: dict[str, tuple[Any, ...] | None] = {}
        for key, removed, *content in self.query(
            "SELECT record_id, is_removed, user_id, user_first_name, user_last_name, user_email,"
            " assignment_id, assignment_name, assignment_type, grade, started_at, completed_at,"
            " reviewed_at FROM progressions WHERE class_id = ? ORDER BY version_no",
            class_id,
        ):
            newest[key] = None if removed else tuple(content)
        return {key: content for key, content in newest.items() if content is not None}

    def expected(self, class_id: str = "c1") -> dict[str, tuple[Any, ...]]:
        """What the server's records are as rows of the raw store."""
        return {record_id(raw): _row(raw) for raw in self.source.classes[class_id]}


def _row(raw: dict[str, Any]) -> tuple[Any, ...]:
    user, assignment = raw["user"], raw["assignment"]
    times = (
        raw.get(key) for key in ("started_assignment_at", "completed_assignment_at", "reviewed_at")
    )
    return (
        *(user.get(key) for key in ("id", "first_name", "last_name", "email")),
        *(assignment.get(key) for key in ("id", "name", "type")),
        raw.get("grade"),
        *(moment and stored_time(moment) for moment in times),
    )


def stored_time(text: str) -> str:
    """A time of the API as SQLite holds it."""
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat(" ", timespec="microseconds")


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The condition's first true value; fails when there is none in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def keeps_its_distance(
    tmp_path: Path, ask: Callable[[Bench], None], seconds: float, **bench: Any
) -> bool:
    """Whether all requests arrive so far apart, in one of three runs.

    A busy machine holds a request up now and then, and the next one seems early; who asks too soon
    does so in every run.
    """
    for turn in range(3):
        home = tmp_path / str(turn)
        home.mkdir()
        with Bench(home, **bench) as running:
            ask(running)
            starts = [entry.started for entry in running.server.requests]
        if min(b - a for a, b in pairwise(starts)) >= seconds:
            return True
    return False


def processes_about(path: Path) -> list[int]:
    """Ids of living processes whose command line names `path`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(path).encode() in words:
                found.append(int(entry.name))
    return found


@contextmanager
def holding(path: Path, statement: str, seconds: float = 60.0) -> Iterator[subprocess.Popen[str]]:
    """Another process that has run `statement` on the SQLite file and holds on to it."""
    code = (
        "import sqlite3, sys, time\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN'); c.execute(sys.argv[2]).fetchone() if 'SELECT' in sys.argv[2]"
        " else (c.rollback(), c.execute(sys.argv[2]))\n"
        "print('held', flush=True); time.sleep(float(sys.argv[3]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path), statement, str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
