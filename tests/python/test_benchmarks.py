"""The benchmark harness still works: our side of it, at a tiny size."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import PACKAGE_ROOT

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_tiny_run_measures_judges_and_writes_the_page(tmp_path):
    page = tmp_path / "performance.md"
    options = ["--size", "tiny", "--results", str(tmp_path), "--work", str(tmp_path)]
    done = run("benchmarks", *options, "--only", "throughput,marts", "--document", str(page))
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "tiny.json").read_text())
    assert list(found["goals"]) == ["throughput", "marts"]
    load = found["goals"]["throughput"]["scenarios"][0]
    assert load["median"]["records_per_s"] > 0
    assert load["median"]["server_cpu_s"] > 0
    assert load["median"]["peak_mb"] > 20
    verdicts = found["goals"]["marts"]["verdicts"]
    assert verdicts and all(isinstance(verdict["met"], bool) for verdict in verdicts)
    assert "records/s" in done.stdout
    text = page.read_text()
    assert "## Goals" in text and "## serve: API and pages" in text
    for private in (str(tmp_path), str(ROOT), "127.0.0.1"):
        assert private not in text + json.dumps(found)


@pytest.mark.skipif(shutil.which("hey") is None, reason="hey is not installed")
def test_a_short_load_measures_and_judges(tmp_path):
    results = tmp_path / "results.json"
    options = ["--requests", "96", "--files", "3", "--rounds", "1", "--burst", "80"]
    done = run("benchmarks.serving", *options, "--work", str(tmp_path), "--results", str(results))
    assert done.returncode == 0, done.stderr
    found = json.loads(results.read_text())
    for part in ("answers", "known", "refused", "pages", "files_under_load", "silent", "peer"):
        assert found[part]["per_s"] > 0
        assert found[part].get("errors", 0) == 0
    under = found["files_under_load"]
    assert under["requests"] == 96
    assert under["last_build_is_seen"] and under["open_files"] == 1
    assert under["peak_rss_mb"] > 50
    assert "peak_rss_mb" in done.stdout
    assert str(tmp_path) not in json.dumps(found)


def test_an_unknown_goal_is_refused(tmp_path):
    done = run("benchmarks", "--only", "nonsense", "--results", str(tmp_path))
    assert done.returncode == 2
    assert "nonsense" in done.stderr
