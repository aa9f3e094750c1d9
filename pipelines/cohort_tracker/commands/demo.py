"""`demo`: the whole way on an invented cohort, with real commands over real HTTP."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path
from textwrap import wrap

from ..errors import CohortTrackerError, ConfigError
from ..project import project_dir
from ..runtime.printing import say
from ..sandbox import SandboxServer, open_world

# The first of each list in turn, so that none hides the others.
_TO_CALL = """
    with called as (
        select *, row_number() over (partition by call_list order by risk_rank, student_id) as place
        from marts.student_health
        where call_list is not null
    ),
    first_ones as (
        select *
        from called
        order by place, call_list desc
        limit 8
    ),
    reasons as (
        select class_id, student_id, list(sentence order by reason_rank) as sentences
        from marts.student_reasons
        where reason_rank <= 2
        group by class_id, student_id
    )
    select call_list, first_name || ' ' || last_name, night, sentences, start_assignment_name
    from first_ones
    left join reasons using (class_id, student_id)
    order by call_list desc, risk_rank, student_id
"""
_LISTS = {
    "slipping": "Slipping, can be reached in class",
    "never_started": "Never started",
    "gone_quiet": "Gone quiet, must be written to",
}
_WIDTH = 80
_DEMO_MARK = "demo.toml"


def run_demo(*, directory: Path, seed: int, classes: int, students: int | None) -> None:
    """Serve an invented cohort and run `init`, `sync`, `status` against it.

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
    show_whom_to_call(data)
    say()
    say("What to type next", style="bold")
    say(f"cohort-tracker --config {_short(config)} status", indent=2)
    if project_dir() == Path.cwd():
        say(
            f"COHORT_TRACKER_DATA_DIR={_short(data)} dbt show --select who_to_call_tonight",
            indent=2,
        )
    say("cohort-tracker init        # with your own OpenClass account", indent=2)


def _make_anew(directory: Path) -> None:
    """Make the demo's folder without what an earlier demo left. Raises ConfigError or OSError."""
    if directory.exists() and any(directory.iterdir()) and not (directory / _DEMO_MARK).exists():
        raise ConfigError(f"{directory} is not empty and was not made by the demo", "Use --dir.")
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)


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


def show_whom_to_call(data: Path) -> None:
    """Print at most eight people from the lists, with the first reasons and where to start."""
    from ..warehouse.query import query

    say("Who needs help now", style="bold")
    rows = query(data / "warehouse.duckdb", _TO_CALL)
    for call_list, people in groupby(rows, key=lambda row: row[0]):
        say(_LISTS[call_list])
        for _, name, night, sentences, start in people:
            _say_within(f"{name}, {night or 'no night'}", indent=2)
            for sentence in sentences or []:
                _say_within(f"{sentence}.", indent=4)
            if start:
                _say_within(f"Start at: {start}", indent=4)
    if not rows:
        say("Nobody is on a call list.")


def _say_within(text: str, *, indent: int) -> None:
    """Print in lines of at most 80 characters, also where the output is no terminal."""
    for line in wrap(text, _WIDTH - indent):
        say(line, indent=indent)


def _short(value: str | Path) -> str:
    """A path as it is typed from here."""
    path = Path(value)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return str(value)
