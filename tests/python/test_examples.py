"""The examples of the documentation, run as they are pasted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cohort_tracker.config import write_config
from support import SOURCE_ROOT, Bench

CRONTAB = Path(__file__).parents[2] / "docs" / "examples" / "crontab"


def cron_commands() -> list[str]:
    """What the crontab's lines have cron hand to sh."""
    lines = [line for line in CRONTAB.read_text().splitlines() if line and line[0] != "#"]
    found = [re.fullmatch(r"(?:\S+ ){5}(.*)", line) for line in lines]
    commands = [match[1] for match in found if match is not None]
    assert len(commands) == len(lines) == 3
    assert not [command for command in commands if "%" in command], "cron makes lines of them"
    return commands


@pytest.fixture
def new_machine(bench: Bench) -> Path:
    """A home right after the installation and `init`."""
    home = bench.home / "somebody's home"
    program = home / ".local" / "bin" / "cohort-tracker"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cohort_tracker "$@"\n')
    program.chmod(0o755)
    account = {"email": bench.server.desk.email, "password": bench.server.desk.password}
    write_config(
        home / ".cohort-tracker.toml",
        {**account, "api_base": bench.server.url, "page_delay": 0, "max_attempts": 1},
    )
    return home


def as_cron(command: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run a line as cron does: hardly any environment."""
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=home,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(SOURCE_ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_crontab_works_as_pasted_on_a_new_machine(bench: Bench, new_machine: Path):
    sync, age, pages = cron_commands()
    before = as_cron(age, new_machine)
    assert before.returncode == 7 and before.stderr
    done = as_cron(sync, new_machine)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), "no mail"
    data = new_machine / ".cohort-tracker"
    assert (data / "warehouse.duckdb").is_file()
    log = data / "logs" / "cron.log"
    assert "Tables rebuilt and checked." in log.read_text()
    assert not [path for path in (data, log.parent, log) if path.stat().st_mode & 0o077]
    after = as_cron(age, new_machine)
    assert (after.returncode, after.stdout, after.stderr) == (0, "", "")
    made = as_cron(pages, new_machine)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", ""), "no mail"
    [page] = (new_machine / "cohort-pages").iterdir()
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert not page.stat().st_mode & 0o077


def test_crontab_mails_what_failed_on_a_new_machine(bench: Bench, new_machine: Path):
    bench.misbehave("lockout,on=/login")
    done = as_cron(cron_commands()[0], new_machine)
    assert "Authentication failed" in done.stdout
