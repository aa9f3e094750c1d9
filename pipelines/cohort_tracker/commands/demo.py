"""`demo`: the whole way on an invented cohort, with real commands over real HTTP."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from ..errors import CohortTrackerError, ConfigError
from ..project import project_dir
from ..runtime.printing import say
from ..sandbox import SandboxServer, open_world

_WORST_FIRST = """
    select first_name || ' ' || last_name, night, tier, score, reasons
    from marts.student_health
    where tier in ('critical', 'high')
    order by score, last_name, first_name
    limit 8
"""
_DEMO_MARK = "demo.toml"


def run_demo(*, directory: Path, seed: int, classes: int, students: int | None) -> None:
    """Serve an invented cohort and run `init`, `sync`, `status` against it.

    Everything is kept below `directory`, which the demo makes anew each time. Raises
    CohortTrackerError when a command fails or the directory is not one of the demo's.
    """
    directory = directory.absolute()
    if directory.exists() and any(directory.iterdir()) and not (directory / _DEMO_MARK).exists():
        raise ConfigError(f"{directory} is not empty and was not made by the demo", "Use --dir.")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    config = directory / _DEMO_MARK
    data = directory / "data"
    world = open_world(seed=seed, classes=classes, students=students)
    world.write_roster(directory / "roster.csv")
    world.write_mentors(directory / "mentors.csv")
    world.write_schedule(directory / "schedule.csv")
    with SandboxServer(world) as server:
        say(f"An invented cohort is served at {server.url}")
        say()
        account = ["--email", server.desk.email, "--password-stdin", "--api-base", server.url]
        places = ["--data-dir", str(data), "--roster", str(directory / "roster.csv")]
        places += ["--mentors", str(directory / "mentors.csv")]
        places += ["--schedule", str(directory / "schedule.csv")]
        _run(config, "init", *account, *places, stdin=server.desk.password)
        _run(config, "sync")
        _run(config, "status")
    _show_worst(data)
    say()
    say("What to type next", style="bold")
    say(f"cohort-tracker --config {_short(config)} status", indent=2)
    if project_dir() == Path.cwd():
        say(
            f"COHORT_TRACKER_DATA_DIR={_short(data)} dbt show --select who_to_call_tonight",
            indent=2,
        )
    say("cohort-tracker init        # with your own OpenClass account", indent=2)


def _run(config: Path, command: str, *options: str, stdin: str | None = None) -> None:
    words = ["cohort-tracker", "--config", _short(config), command, *map(_short, options)]
    for line in typed_lines(words):
        say(line, style="bold")
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("COHORT_TRACKER_")
    }
    environment["COHORT_TRACKER_PAGE_DELAY"] = "0.1"  # courtesy to a server of one's own
    done = subprocess.run(  # noqa: S603
        # -P: no file of the folder that one happens to be in takes the place of a module.
        [sys.executable, "-P", "-m", "cohort_tracker", "--config", str(config), command, *options],
        input=stdin,
        text=True,
        env=environment,
        check=False,
    )
    say()
    if done.returncode != 0:
        raise CohortTrackerError(f"`{command}` ended with exit code {done.returncode}")


def typed_lines(words: list[str]) -> list[str]:
    """A command as it can be copied to a shell, in lines of at most 76 characters if it can be.

    A long one goes on below, behind a backslash, with the next option.
    """
    lines = ["$"]
    for place, word in enumerate(words):
        with_value = shlex.join(words[place : place + 2])
        if word.startswith("--") and len(lines[-1]) + len(with_value) > 74:
            lines[-1] += " \\"
            lines.append("   ")
        lines[-1] += " " + shlex.quote(word)
    return lines


def _show_worst(data: Path) -> None:
    from ..warehouse.query import query

    say("Who needs help now, worst first", style="bold")
    rows = query(data / "warehouse.duckdb", _WORST_FIRST)
    for name, night, tier, score, reasons in rows:
        say(f"{tier:<9} {score:>5.1f} of 100  {night or '-':<10} {name}")
        say(reasons, indent=4)
    if not rows:
        say("Nobody: every student is in the medium or low tier.")


def _short(value: str | Path) -> str:
    """A path as it is typed from here."""
    path = Path(value)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return str(value)
