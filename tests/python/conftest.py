"""Shared by all tests: a sandbox over real HTTP and the real command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cohort_tracker.sandbox import SandboxServer, World, generate
from cohort_tracker.sources import transport
from notify_school import Office, build_school
from notify_school import office as open_office
from page_cohort import Cohort, made_in
from postgres_server import Database, Postgres, running_postgres
from report_cohorts import ReportData, build_report_data
from support import Bench

if TYPE_CHECKING:
    from api_server import ApiServer

PACKAGE_ROOT = Path(__file__).parents[2] / "pipelines"
END = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONGEST_TEST = timedelta(minutes=2)


@pytest.fixture(scope="session", autouse=True)
def _project_is_parsed_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The tests share a cache, in which what dbt parsed is kept: the first that builds parses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests see neither the user's settings nor the user's home."""
    for name in [key for key in os.environ if key.startswith("COHORT_TRACKER_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture(autouse=True)
def today() -> date:
    """The day (UTC), which does not end during a test: shortly before midnight a test waits."""
    now = datetime.now(UTC)
    left = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC) - now
    if left < LONGEST_TEST:
        time.sleep(left.total_seconds() + 1)
    return datetime.now(UTC).date()


@pytest.fixture(scope="session")
def small_world() -> World:
    """Two classes of a dozen students; not to be changed."""
    return generate(seed=3, classes=2, students=12, end=END)


@pytest.fixture
def server(small_world: World) -> Iterator[SandboxServer]:
    """A sandbox that serves the small world."""
    with SandboxServer(small_world) as running:
        yield running


class Command:
    """Runs `cohort-tracker` as a user would, in a process of its own."""

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd

    def __call__(
        self, *arguments: str | Path, stdin: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cohort_tracker", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.cwd,
            env={
                **os.environ,
                "PYTHONPATH": str(PACKAGE_ROOT),
                "COHORT_TRACKER_PAGE_DELAY": "0",
                **environment,
            },
            timeout=120,
            check=False,
        )


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The command, run in an empty directory."""
    cwd = tmp_path / "elsewhere"
    cwd.mkdir()
    return Command(cwd)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries in this process wait a fortieth of the time."""
    monkeypatch.setattr(transport, "BACKOFF_SECONDS", transport.BACKOFF_SECONDS / 40)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A served class of 45 records on pages of 10, and an empty data directory."""
    with Bench(tmp_path) as started:
        yield started


@pytest.fixture(scope="session")
def built_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory after one sync with its build."""
    with Bench(tmp_path_factory.mktemp("built")) as started:
        report = started.sync(build=True)
        assert report.exit_code == 0, report.errors
        return started.data


@pytest.fixture
def built(tmp_path: Path, built_data: Path) -> Iterator[Bench]:
    """As `bench`, after one sync with its build."""
    shutil.copytree(built_data, tmp_path / "data")
    with Bench(tmp_path) as started:
        yield started


@pytest.fixture(scope="session")
def report_data(tmp_path_factory: pytest.TempPathFactory) -> ReportData:
    """The tables of small classes with something to say about each; not to be changed."""
    return build_report_data(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="session")
def school_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with news for mentors in it; not to be changed."""
    return build_school(tmp_path_factory.mktemp("school"))


@pytest.fixture
def office(tmp_path: Path, school_data: Path) -> Iterator[Office]:
    """A copy of the school's data, a receiver on loopback, and the real command."""
    with open_office(tmp_path, school_data) as opened:
        yield opened


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Two classes of 50 with nights, as a sync published them; not to be changed."""
    return made_in(tmp_path_factory.mktemp("cohort"))


@pytest.fixture(scope="session")
def api(cohort: Cohort) -> Iterator[ApiServer]:
    """The API of the cohort; not to be changed."""
    from api_server import ApiServer  # with all that a server needs, which few tests do

    with ApiServer(cohort.settings.data_dir) as running:
        yield running


@pytest.fixture(scope="session")
def student_id(api: ApiServer) -> str:
    """Somebody of the mentor's night who has a row in every table."""
    from api_server import CLASS, NIGHT, query

    [row] = query(
        api.data,
        "select student_id from marts.student_events join marts.student_reasons"
        " using (class_id, student_id, night) join core.classes c on class_id = c.id"
        " where c.friendly_id = ? and night = ? order by student_id limit 1",
        *(CLASS, NIGHT),
    )
    return str(row["student_id"])


@pytest.fixture(scope="session")
def served_data(cohort: Cohort) -> Path:
    """The data directory of `cohort`."""
    return cohort.settings.data_dir


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost and 127.0.0.1 with its key, made for this run."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "localhost.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(path), "-out", str(path.with_suffix(".crt"))),
        ],
        check=True,
        capture_output=True,
    )
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of the file's own: users belong to a server, not to a database."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def database(postgres: Postgres) -> Database:
    """An empty database of its own, and a user `school` who may make schemas in it."""
    return postgres.new_database()
