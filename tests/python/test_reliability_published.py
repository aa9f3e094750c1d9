"""The published file: who may read it, and that nobody else's writing becomes part of it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cohort_tracker.config import load_settings
from cohort_tracker.errors import ConfigError
from support import Bench, record

SHELL = """
import duckdb, sys
shell = duckdb.connect(sys.argv[1])
shell.execute("SET checkpoint_threshold = '1TB'; PRAGMA disable_checkpoint_on_shutdown")
print("open", flush=True)
for line in sys.stdin:
    shell.execute(line)
    print("done", flush=True)
"""


class Shell:
    """A DuckDB shell that somebody opened for writing."""

    def __init__(self, warehouse: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SHELL, str(warehouse)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._heard("open\n")

    def _heard(self, expected: str) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == expected

    def type(self, sql: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(sql + "\n")
        self.process.stdin.flush()
        self._heard("done\n")


@contextmanager
def shell(warehouse: Path) -> Iterator[Shell]:
    opened = Shell(warehouse)
    try:
        yield opened
    finally:
        opened.process.send_signal(signal.SIGKILL)
        opened.process.communicate()


def mode(bench: Bench) -> int:
    return stat.S_IMODE(bench.warehouse.stat().st_mode)


def test_published_file_is_for_reading_by_whom_the_setting_names(built: Bench):
    assert built.sync(build=True).exit_code == 0  # a copied file is another one
    assert mode(built) == 0o400
    if os.geteuid() != 0:
        with pytest.raises(OSError):
            built.warehouse.open("r+b")
    inode = built.warehouse.stat().st_ino
    report = built.sync(build=True, warehouse_mode="0444")
    assert report.warehouse and report.warehouse.skipped
    assert (mode(built), built.warehouse.stat().st_ino) == (0o444, inode), "without a new build"
    built.source.records.append(record(700, days_ago=0.1))
    assert built.sync(build=True, warehouse_mode="440").exit_code == 0
    assert mode(built) == 0o440 and built.warehouse.stat().st_ino != inode
    assert stat.S_IMODE(built.raw.stat().st_mode) == 0o600


@pytest.mark.parametrize("value", ["0600", "0644", "0", "0000", "rw-r-----", "true", "256"])
def test_any_other_mode_is_refused_with_the_choices(value: str):
    with pytest.raises(ConfigError) as caught:
        load_settings(environ={"COHORT_TRACKER_WAREHOUSE_MODE": value}, no_file=True)
    assert "COHORT_TRACKER_WAREHOUSE_MODE: must be one of" in caught.value.message
    assert all(choice in caught.value.message for choice in ('"0400"', '"0440"', '"0444"'))


def test_what_a_shell_left_beside_a_new_file_is_set_aside_and_no_part_of_it(built: Bench):
    log = built.warehouse.with_name("warehouse.duckdb.wal")
    built.warehouse.chmod(0o600)
    with shell(built.warehouse) as opened:
        built.source.records.append(record(701, days_ago=0.1))
        assert built.sync(build=True).exit_code == 0, "while it is open"
        published = built.warehouse.stat()
        opened.type(
            "CREATE TABLE core.mine AS SELECT 1 AS n; UPDATE core.progressions SET grade = 0"
        )
    assert log.exists()
    left = log.read_bytes()
    told = built.command("status")
    assert told.returncode == 1 and f"{log} is there: another program wrote" in told.stderr
    done = built.command("sync", "--json")
    assert done.returncode == 0, done.stderr
    (aside,) = built.data.glob("warehouse.duckdb.wal.not-ours-*")
    assert f"{log} was left by another program" in done.stderr and aside.name in done.stderr
    assert aside.read_bytes() == left and not log.exists()
    assert json.loads(done.stdout)["warehouse"]["skipped"], "the file itself was not changed"
    assert built.warehouse.stat().st_ino == published.st_ino
    assert built.core("SELECT count(*), max(grade) > 0 FROM core.progressions") == [(46, True)]
    assert built.command("status").returncode == 0


def test_file_that_a_shell_wrote_into_is_built_again(built: Bench):
    assert built.sync(build=True).exit_code == 0
    built.warehouse.chmod(0o600)
    with shell(built.warehouse) as opened:
        opened.type("UPDATE core.progressions SET grade = 0; CHECKPOINT")
        opened.type("CREATE TABLE core.mine AS SELECT 1 AS n")
    assert built.warehouse.with_name("warehouse.duckdb.wal").exists()
    report = built.sync(build=True)
    assert report.exit_code == 0
    assert report.warehouse and report.warehouse.published and not report.warehouse.skipped
    assert len(list(built.data.glob("warehouse.duckdb.wal.not-ours-*"))) == 1
    assert built.core("SELECT count(*), max(grade) > 0 FROM core.progressions") == [(45, True)]
    assert built.core("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'mine'") == [(0,)]
