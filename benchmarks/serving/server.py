"""The invented class, and `serve` on it in a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import requests

from ..environment import clean_environment

CLASS = "data-m1"
HEALTH = f"/api/v1/classes/{CLASS}/metrics/student-health"
PAGE = f"/classes/{CLASS}"
_MANY = 100_000  # requests a minute


@dataclass(frozen=True)
class Running:
    """A server that answers: its address, its process, and how long it took to start."""

    url: str
    pid: int
    started_in: float
    is_strict: bool

    @property
    def rss_mb(self) -> float:
        """Resident memory now."""
        told = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", told)
        assert found
        return int(found[1]) / 1024

    def open_files(self, directory: Path) -> int:
        """How many files of tables it has open, those without a name too."""
        links = []
        for handle in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                links.append(str(handle.readlink()))
            except OSError:
                continue
        return sum(link.startswith(str(directory)) and "duckdb" in link for link in links)


@dataclass(frozen=True)
class Site:
    """A data directory, and the key of a lead."""

    data: Path
    key: str
    class_id: str

    @property
    def warehouse(self) -> Path:
        """The published file."""
        return self.data / "warehouse.duckdb"

    @contextmanager
    def serving(self, requests_per_minute: int = _MANY) -> Iterator[Running]:
        """A server on a free port, ended afterwards."""
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "cohort_tracker", "serve", "--port", "0"],
            env=_environment(
                self.data, COHORT_TRACKER_SERVE_REQUESTS_PER_MINUTE=str(requests_per_minute)
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        try:
            [url] = re.findall(r"http://\S+:\d+", next(process.stdout))
            while not _is_well(url):
                time.sleep(0.01)
            taken = time.monotonic() - began
            yield Running(url, process.pid, taken, requests_per_minute < _MANY)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            process.stdout.close()

    def ask(self, running: Running) -> requests.Response:
        """One answer."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return requests.get(running.url + HEALTH, headers=headers, timeout=30)

    def logged_in(self, running: Running) -> str:
        """The cookie of a browser that has logged in with the key."""
        answer = requests.post(
            f"{running.url}/login",
            data={"key": self.key},
            headers={"Origin": running.url, "Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
            timeout=30,
        )
        return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())

    def publish(self, number: int) -> None:
        """Put a file of another build in the place of the published one, as a sync does."""
        fresh = self.data / "fresh.duckdb"
        fresh.write_bytes(self.warehouse.read_bytes())
        fresh.chmod(0o600)
        with closing(duckdb.connect(str(fresh))) as connection:
            connection.execute("UPDATE core.build SET id = ?", [f"build {number}"])
        fresh.replace(self.warehouse)


def made_in(work: Path) -> Site:
    """The tables of the demo and a key."""
    data = work / "demo" / "data"
    _run(data, "demo", "--dir", str(data.parent))
    told = _run(data, "access", "add", "--lead", "Load")
    [key] = re.findall(r"ct_[a-z0-9]{8}_[A-Za-z0-9_-]{43}", told)
    with closing(duckdb.connect(str(data / "warehouse.duckdb"), read_only=True)) as connection:
        found = connection.execute("SELECT id FROM core.classes WHERE friendly_id = ?", [CLASS])
        [(class_id,)] = found.fetchall()
    return Site(data, key, class_id)


def _run(data: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "cohort_tracker", *arguments],
        env=_environment(data),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def _environment(data: Path, **more: str) -> dict[str, str]:
    return clean_environment(data.parent, COHORT_TRACKER_DATA_DIR=str(data), **more)


def _is_well(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).status_code == requests.codes.ok
    except requests.ConnectionError:
        return False
