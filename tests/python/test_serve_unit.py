"""`serve` as the unit of systemd runs it, and as the container does: all read-only but the data."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from cohort_tracker.raw.contacts import current_contacts
from contained import command, environment, require_namespaces
from served import PUBLIC_URL, Place, Served, ended_afterwards
from site_pages import PAGE
from support import SOURCE_ROOT

UNIT = Path(__file__).parents[2] / "docs" / "examples" / "cohort-tracker.service"
HOME = "/home/cohorts"


@pytest.fixture(scope="module")
def service() -> dict[str, str]:
    """What the unit says of the service; of what it says twice, the last."""
    unit = ConfigParser(strict=False, delimiters=("=",), interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT.read_text())
    return dict(unit["Service"])


@pytest.fixture
def place(served_data: Path, tmp_path: Path) -> Place:
    place = Place.copied(
        served_data, tmp_path / "data", public_url=PUBLIC_URL, trusted_proxies="127.0.0.1"
    )
    require_namespaces(place.data)
    return place


@contextmanager
def running(place: Place, arguments: list[str]) -> Iterator[Served]:
    """`cohort-tracker` with these arguments, to which nothing is writable but the data."""
    log = place.data.parent / "serve.log"
    settings = {
        **place.environment,
        "PYTHONPATH": str(SOURCE_ROOT),
        "COHORT_TRACKER_DATA_DIR": str(place.data),
    }
    with log.open("a") as stderr:
        process = subprocess.Popen(
            command(place.data, sys.executable, "-m", "cohort_tracker", *arguments),
            env=environment(place.data, **settings),
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            umask=0o077,
        )
    with ended_afterwards(process, log) as served:
        yield served


def by_proxy(served: Served, method: str, path: str, key: str, **fields: str) -> requests.Response:
    """A request as a proxy hands it on, of a page that was opened there."""
    headers = {"Host": "cohorts.example.org", "Origin": PUBLIC_URL, "Sec-Fetch-Site": "same-origin"}
    login = served.ask("POST", "/login", None, {"key": key}, **headers)
    assert login.status_code == 303, login.text
    session = login.headers["Set-Cookie"].partition(";")[0]
    return served.ask(method, path, None, fields or None, Cookie=session, **headers, **PAGE)


def test_the_unit_runs_serve_with_nothing_writable_but_the_data(
    place: Place, service: dict[str, str]
):
    executable, *arguments = shlex.split(service["ExecStart"])
    assert executable == f"{HOME}/.local/bin/cohort-tracker"
    assert service["ReadWritePaths"] == f"{HOME}/.cohort-tracker"
    assert (service["ProtectSystem"], service["ProtectHome"]) == ("strict", "read-only")
    assert int(service["UMask"], 8) == 0o077
    _, key = place.grant("lead", "Grace")
    with running(place, [*arguments, "--port", "0"]) as served:
        health = served.get("/health", Host="cohorts.example.org")
        assert (health.status_code, [*health.json()]) == (200, ["status"])
        page = by_proxy(served, "GET", "/", key)
        assert page.status_code == 200 and "All classes" in page.text
        [student] = re.findall(r'href="(/classes/[^"/]+)"', page.text)[:1]
        of_class = by_proxy(served, "GET", student, key).text
        [form, *_] = re.findall(r'action="([^"]+/contacts)"', of_class)
        today = re.findall(r'max="([0-9-]+)"', of_class)[0]
        answer = by_proxy(served, "POST", form, key, how="call", on=today, note="by the unit")
        assert answer.status_code == 303
        assert [c.note for c in current_contacts(place.data / "raw.db")] == ["by the unit"]
        modes = {path.name: path.stat().st_mode & 0o777 for path in place.data.glob("access.db*")}
        assert modes == {"access.db": 0o600}
        served.process.send_signal(getattr(signal, service.get("KillSignal", "SIGTERM")))
        # As systemd would: what still runs after that is killed.
        assert served.process.wait(float(service["TimeoutStopSec"])) == 0


def test_the_container_runs_serve_with_nothing_writable_but_the_volume(place: Place):
    text = (UNIT.parents[1] / "serve.md").read_text()
    [written] = re.findall(r"^  cohort-tracker (serve .+)$", text, re.MULTILINE)
    _, key = place.grant("lead", "Grace")
    with running(place, [*shlex.split(written), "--port", "0"]) as served:
        served.url = served.url.replace("0.0.0.0", "127.0.0.1")
        assert by_proxy(served, "GET", "/", key).status_code == 200
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(20) == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path):
    """Of what it says nothing is unknown to systemd, or misspelt: it would only warn of that."""
    unit = tmp_path / UNIT.name
    executable = f"{HOME}/.local/bin/cohort-tracker"
    assert UNIT.read_text().count(executable) == 1
    unit.write_text(UNIT.read_text().replace(executable, "/bin/true"))
    analyze = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(analyze, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    unit.write_text(unit.read_text().replace("NoNewPrivileges", "NoMorePrivileges"))
    done = subprocess.run(analyze, capture_output=True, text=True, check=False)
    assert "NoMorePrivileges" in done.stderr
