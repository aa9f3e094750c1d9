"""The conditions under which the container runs, and what the Dockerfile counts on."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from cohort_tracker import __version__
from cohort_tracker.sandbox import SandboxServer
from contained import contained, require_namespaces

PROJECT = Path(__file__).resolve().parents[2]
DOCKERFILE = (PROJECT / "Dockerfile").read_text()


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A directory for the data; skips where the kernel grants no namespaces."""
    place = (tmp_path / "volume").resolve()
    place.mkdir(mode=0o700)
    require_namespaces(place)
    return place


def test_sync_runs_as_anybody_without_a_home_and_writes_only_its_data(
    volume: Path, server: SandboxServer
):
    environment = {
        "PYTHONPATH": str(PROJECT / "pipelines"),
        "COHORT_TRACKER_EMAIL": server.desk.email,
        "COHORT_TRACKER_PASSWORD": str(server.desk.password),
        "COHORT_TRACKER_API_BASE": server.url,
        "COHORT_TRACKER_PAGE_DELAY": "0",
        "COHORT_TRACKER_DATA_DIR": str(volume),
    }
    command = sys.executable, "-m", "cohort_tracker"
    synced = contained(volume, *command, "sync", "--json", **environment)
    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert json.loads(synced.stdout)["warehouse"]["published"]
    status = contained(volume, *command, "status", "--max-age", "1h", **environment)
    assert status.returncode == 0, status.stdout + status.stderr
    assert "from the environment" in status.stdout
    init = contained(volume, *command, "init", **environment)
    assert init.returncode == 2
    assert "no home directory" in init.stderr and "--config" in init.stderr


def copied_into_the_build() -> list[str]:
    """The files and folders that the Dockerfile copies from the checkout."""
    lines = re.findall(r"^COPY ((?!--).+) (\S+)$", DOCKERFILE, re.MULTILINE)
    return [source for sources, _ in lines for source in sources.split()]


def test_the_wheel_can_be_made_of_what_the_dockerfile_copies(tmp_path: Path):
    allowed = (PROJECT / ".dockerignore").read_text().splitlines()
    checkout = tmp_path / "src"
    checkout.mkdir()
    for source in copied_into_the_build():
        assert f"!{source.split('/')[0]}" in allowed, source
        if (PROJECT / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(PROJECT / source, checkout / source, ignore=ignored)
        else:
            shutil.copy(PROJECT / source, checkout / source)
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    with zipfile.ZipFile(tmp_path / f"cohort_tracker-{__version__}-py3-none-any.whl") as wheel:
        inside = set(wheel.namelist())
    expected = {
        f"cohort_tracker/dbt/{path.relative_to(PROJECT)}"
        for folder in ("models", "macros", "analyses", "tests/sql")
        for path in (PROJECT / folder).rglob("*")
        if path.suffix in {".sql", ".yml", ".md"}
    }
    assert expected <= inside
    web = PROJECT / "pipelines/cohort_tracker/web"
    parts = [path for path in web.rglob("*") if path.suffix in {".j2", ".css", ".js"}]
    assert len(parts) > 5
    assert {f"cohort_tracker/web/{path.relative_to(web)}" for path in parts} <= inside
    assert "cohort_tracker/dbt/dbt_project.yml" in inside


def test_the_image_runs_the_newest_supported_python_as_somebody_who_is_not_root():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    supported = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    newest = max(supported, key=lambda version: int(version.split(".")[1]))
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {f"python:{newest}-slim"}
    assert re.findall(r"^USER (\d+):\d+$", DOCKERFILE, re.MULTILINE)[-1] != "0"
    assert 'ENTRYPOINT ["cohort-tracker"]\nCMD ["sync"]\n' in DOCKERFILE
    assert "cohort-tracker" in project["scripts"]
