"""What dbt parsed is kept for the next data directory, and nothing depends on its being there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cohort_tracker.project import project_dir
from cohort_tracker.warehouse.parsed_project import ParsedProject
from support import Bench

PARSED = bytes(range(256))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache directory of the test's own; where the copies are in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cohort-tracker" / "parsed"


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Bench]:
    """A served class, and a data directory that is not there yet."""
    (tmp_path / "newcomer").mkdir()
    with Bench(tmp_path / "newcomer") as started:
        yield started


def project(target: Path, **variables: Any) -> ParsedProject:
    return ParsedProject(project_dir(), variables, target)


def keep(target: Path, content: bytes, **variables: Any) -> None:
    """Have a copy made of what dbt would have parsed into `target`."""
    parsed_project = project(target, **variables)
    parsed_project.take()
    target.mkdir(exist_ok=True)
    (target / "partial_parse.msgpack").write_bytes(content)
    parsed_project.keep()


def taken(target: Path, **variables: Any) -> bytes | None:
    """What dbt finds in a target path that was not there before."""
    project(target, **variables).take()
    found = target / "partial_parse.msgpack"
    return found.read_bytes() if found.exists() else None


def sync(bench: Bench) -> int:
    """How many files dbt parsed in a sync that must go well and say nothing unusual."""
    done = bench.command("sync", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["warehouse"]["published"]
    assert "cache" not in done.stderr
    found: int = json.loads((bench.data / "dbt" / "perf_info.json").read_text())[
        "parsed_path_count"
    ]
    return found


def test_second_data_directory_has_nothing_to_parse(cache: Path, bench: Bench, newcomer: Bench):
    assert sync(bench) > 300
    [copy] = cache.iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert cache.stat().st_mode & 0o777 == 0o700
    before = copy.stat().st_mtime_ns
    assert sync(newcomer) == 0
    assert copy.stat().st_mtime_ns == before


def test_what_is_copied_holds_nothing_of_the_data(built_data: Path):
    content = (built_data / "dbt" / "partial_parse.msgpack").read_bytes()
    assert b"student_health" in content
    with closing(sqlite3.connect(built_data / "raw.db")) as db:
        rows = db.execute("SELECT user_id, user_email, record_id, run_id FROM progressions")
        private = {str(value) for row in rows for value in row}
    private |= {str(built_data), "127.0.0.1", "sandbox-password"}
    assert len(private) > 5
    assert [value for value in private if value.encode() in content] == []


def test_copy_that_dbt_cannot_read_is_replaced(cache: Path, tmp_path: Path, newcomer: Bench):
    keep(tmp_path / "other", b"not what dbt writes")
    assert taken(tmp_path / "another") == b"not what dbt writes"
    assert sync(newcomer) > 300
    own = (newcomer.data / "dbt" / "partial_parse.msgpack").read_bytes()
    assert taken(tmp_path / "third") == own


def test_sync_needs_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, newcomer: Bench):
    place = tmp_path / "a file"
    place.write_text("no directory")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    assert sync(newcomer) > 300
    assert place.read_text() == "no directory"


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty"])
def test_damaged_copy_is_not_taken_and_made_anew(cache: Path, tmp_path: Path, damage: str):
    keep(tmp_path / "first", PARSED)
    [copy] = cache.iterdir()
    content = copy.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    copy.write_bytes({"flipped": flipped, "cut": content[:-1], "empty": b""}[damage])
    assert taken(tmp_path / "second") is None
    warm = project(tmp_path / "first")
    warm.take()
    warm.keep()
    assert taken(tmp_path / "third") == PARSED


def test_what_was_parsed_anew_replaces_the_copy(cache: Path, tmp_path: Path):
    keep(tmp_path / "first", b"old models")
    keep(tmp_path / "second", b"new models")
    assert taken(tmp_path / "third") == b"new models"


def test_own_file_of_a_data_directory_stays(cache: Path, tmp_path: Path):
    keep(tmp_path / "first", b"first")
    own = tmp_path / "second"
    own.mkdir()
    (own / "partial_parse.msgpack").write_bytes(b"own")
    assert taken(own) == b"own"
    warm = project(own)
    warm.take()
    warm.keep()
    assert taken(tmp_path / "third") == b"first"


def test_other_variables_have_a_copy_of_their_own(cache: Path, tmp_path: Path):
    keep(tmp_path / "first", b"ten days", stuck_days=10)
    assert taken(tmp_path / "second") is None
    assert taken(tmp_path / "third", stuck_days=11) is None
    assert taken(tmp_path / "fourth", stuck_days=10) == b"ten days"


def test_folder_in_which_others_could_plant_files_is_not_used(cache: Path, tmp_path: Path):
    keep(tmp_path / "first", b"first")
    for mode in (0o720, 0o702):
        cache.chmod(mode)
        assert taken(tmp_path / f"to {mode:o}") is None
        keep(tmp_path / f"from {mode:o}", b"newer")
    cache.chmod(0o700)
    assert taken(tmp_path / "second") == b"first"


def test_eight_copies_are_kept(cache: Path, tmp_path: Path):
    for days in range(10):
        keep(tmp_path / str(days), b"copy", stuck_days=days)
    assert len(list(cache.iterdir())) == 8
    assert taken(tmp_path / "old", stuck_days=1) is None
    assert taken(tmp_path / "young", stuck_days=2) == b"copy"


def test_without_an_absolute_cache_directory_the_home_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        monkeypatch.setenv("HOME", str(tmp_path / f"home of {value}"))
        keep(tmp_path / f"data of {value}", b"copy")
        assert (tmp_path / f"home of {value}" / ".cache" / "cohort-tracker" / "parsed").is_dir()
