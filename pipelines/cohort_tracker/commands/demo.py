"""`demo`: the whole way on an invented cohort, with real commands over real HTTP."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ..errors import CohortTrackerError, ConfigError
from ..project import project_dir
from ..reading.published import opened
from ..reading.scope import all_groups
from ..runtime.printing import say
from ..sandbox import SandboxServer, open_world
from .typed import short_path, typed_lines

_DEMO_MARK = "demo.toml"


def run_demo(*, directory: Path, seed: int, classes: int, students: int | None) -> None:
    """Serve an invented cohort and run `init`, `sync`, `status`, `report` against it.

    Everything is kept below `directory`, which the demo makes anew each time. Raises
    CohortTrackerError when a command fails or the directory is not one of the demo's.
    """
    directory = directory.absolute()
    try:
        _make_anew(directory)
    except OSError as error:
        hint = "Name another folder with --dir."
        raise ConfigError(f"{directory}: {error.strerror}", hint) from error
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
    group = _first_group(data)
    page = directory / "report.html"
    _run(config, "report", *group)
    _run(config, "report", *group, "--html", str(page))
    say("Open it in a browser: it is the page that a mentor gets. All of them at once:")
    say(f"cohort-tracker --config {short_path(config)} report --each-night pages", indent=2)
    say()
    say("What to type next", style="bold")
    say("cohort-tracker init        # with your own OpenClass account", indent=2)
    if project_dir() == Path.cwd():
        say(
            f"COHORT_TRACKER_DATA_DIR={short_path(data)} dbt show --select who_to_call_tonight",
            indent=2,
        )


def _first_group(data: Path) -> list[str]:
    """The options for the first night of a class, or for a class without nights."""
    with opened(data / "warehouse.duckdb") as connection:
        groups = all_groups(connection)
    group = next((group for group in groups if group.night), groups[0])
    night = ["--night", group.night] if group.night else []
    return ["--class", group.shown, *night]


def _make_anew(directory: Path) -> None:
    """Make the demo's folder without what an earlier demo left. Raises ConfigError or OSError."""
    if directory.exists() and any(directory.iterdir()) and not (directory / _DEMO_MARK).exists():
        raise ConfigError(f"{directory} is not empty and was not made by the demo", "Use --dir.")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)


def _run(config: Path, command: str, *options: str, stdin: str | None = None) -> None:
    words = ["cohort-tracker", "--config", short_path(config), command, *map(short_path, options)]
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
