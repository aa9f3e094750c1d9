"""Shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from cohort_tracker.openclass import transport
from support import Bench


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
    copytree(built_data, tmp_path / "data")
    with Bench(tmp_path) as started:
        yield started
