"""A real `cohort-tracker serve` in a process of its own, and clients that do as they like."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from cohort_tracker.access.grants import Grant
from cohort_tracker.access.keys import new_id, new_key
from cohort_tracker.access.store import AccessStore
from fixed_moment import OF_ANY_AGE
from support import SOURCE_ROOT

ME = "/api/v1/me"
COOKIE = "cohort-tracker"
PUBLIC_URL = "https://cohorts.example.org"
PUBLIC = {"Host": "cohorts.example.org"}


@dataclass
class Place:
    """A data directory, and the processes that are run on it."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    def copied(cls, served_data: Path, to: Path, **serve: object) -> Place:
        """A place of its own with the same tables and no access.db."""
        shutil.copytree(served_data, to, ignore=shutil.ignore_patterns("warehouse.duckdb"))
        # It is replaced, never written to; contacts are written into raw.db.
        (to / "warehouse.duckdb").hardlink_to(served_data / "warehouse.duckdb")
        settings = {f"COHORT_TRACKER_SERVE_{key.upper()}": str(v) for key, v in serve.items()}
        return cls(to, settings)

    @property
    def store(self) -> AccessStore:
        return AccessStore(self.data / "access.db")

    def grant(self, role: Any = "lead", name: str = "Ada", **fields: Any) -> tuple[Grant, str]:
        """A new grant and its key."""
        self.store.create()
        now = datetime.now(UTC).replace(microsecond=0)
        times = {"created_at": now, "expires_at": now + timedelta(days=1)}
        grant = Grant(**{"id": new_id(), "role": role, "name": name, **times, **fields})
        key = new_key(grant.id)
        self.store.add(grant, key)
        return grant, key

    def process_environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("COHORT_TRACKER_")}
        own = {"data_dir": self.data, **OF_ANY_AGE}
        settings = {f"COHORT_TRACKER_{key.upper()}": str(value) for key, value in own.items()}
        path = {"PYTHONPATH": str(SOURCE_ROOT)}
        return {**inherited, **path, **settings, **self.environment}

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a real `cohort-tracker` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "cohort_tracker", *arguments],
            env={**self.process_environment(), **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    @contextmanager
    def serving(self, *options: str) -> Iterator[Served]:
        """A server on a free port, ended afterwards."""
        log = self.data.parent / "serve.log"
        with log.open("a") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "cohort_tracker", "serve", "--port", "0", *options],
                env=self.process_environment(),
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        with ended_afterwards(process, log) as served:
            yield served


class Served:
    """A running server, by what it prints."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        assert process.stdout is not None
        self.process = process
        self._log = log
        self.said = ""
        for line in process.stdout:
            self.said += line
            if "End with Ctrl-C" in line:
                break
        found = re.search(r"http://(\S+:\d+)\n", self.said)
        assert found, self.said + log.read_text()
        self.url = f"http://{found[1]}"
        self.port = int(urlsplit(self.url).port or 0)

    @property
    def log(self) -> str:
        """What the server has logged."""
        return self._log.read_text()

    @property
    def owner_token(self) -> str:
        """What stands behind the # of the link for the owner."""
        found = re.search(r"/login#(once_\S+)", self.said)
        assert found, self.said
        return found[1]

    def get(self, path: str = ME, key: str | None = None, **headers: str) -> requests.Response:
        return self.ask("GET", path, key, **headers)

    def ask(
        self, method: str, path: str, key: str | None = None, data: Any = None, **headers: str
    ) -> requests.Response:
        """One request on a connection of its own; `_` in names of headers stands for `-`."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            given["Authorization"] = f"Bearer {key}"
        return requests.request(
            method,
            self.url + path,
            headers=given,
            data=data,
            allow_redirects=False,
            timeout=30,
        )

    def log_in(self, key: str, **headers: str) -> requests.Response:
        """Send the login form as a browser does from our own page."""
        own = {"Origin": self.url, "Sec_Fetch_Site": "same-origin", **headers}
        return self.ask("POST", "/login", data={"key": key}, **own)

    def session(self, key: str) -> str:
        """The cookie of a new session."""
        answer = self.log_in(key)
        assert answer.status_code == 303, answer.text
        return answer.cookies[COOKIE]

    def with_cookie(self, cookie: str, name: str = COOKIE) -> requests.Response:
        return self.get(Cookie=f"{name}={cookie}")

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=40)

    def raw(self, request: bytes) -> bytes:
        """What is answered to these bytes, until the server closes."""
        with self.connect() as connection:
            connection.sendall(request)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        return answer


@contextmanager
def ended_afterwards(process: subprocess.Popen[str], log: Path) -> Iterator[Served]:
    """A server that was started, killed at the end."""
    try:
        yield Served(process, log)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def status(answer: bytes) -> int:
    """The status of a raw answer."""
    return int(answer.split(b" ", 2)[1])
