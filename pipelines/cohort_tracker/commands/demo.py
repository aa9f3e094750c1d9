"""`demo` and `sandbox`: the whole way on an invented cohort, with real commands over real HTTP."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from ..errors import CohortTrackerError, ConfigError
from ..sandbox import Faults, SandboxError, SandboxServer, World, open_world, serve
from ..warehouse.build import project_dir

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
    with SandboxServer(world) as server:
        click.echo(f"An invented cohort is served at {server.url}\n")
        account = ["--email", server.desk.email, "--password-stdin", "--api-base", server.url]
        places = ["--data-dir", str(data), "--roster", str(directory / "roster.csv")]
        places += ["--mentors", str(directory / "mentors.csv")]
        _run(config, "init", *account, *places, stdin=server.desk.password)
        _run(config, "sync")
        _run(config, "status")
    _show_worst(data)
    here = _short(config)
    click.secho("\nWhat to type next", bold=True)
    click.echo(f"  cohort-tracker --config {here} status")
    if project_dir() == Path.cwd():
        click.echo(
            f"  COHORT_TRACKER_DATA_DIR={_short(data)} dbt show --select who_to_call_tonight"
        )
    click.echo("  cohort-tracker init        # with your own OpenClass account")


def _run(config: Path, command: str, *options: str, stdin: str | None = None) -> None:
    shown = ["cohort-tracker", "--config", _short(config), command, *map(_short, options)]
    click.secho("$ " + shlex.join(shown), bold=True)
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("COHORT_TRACKER_")
    }
    environment["COHORT_TRACKER_PAGE_DELAY"] = "0.1"  # courtesy to a server of one's own
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "cohort_tracker", "--config", str(config), command, *options],
        input=stdin,
        text=True,
        env=environment,
        check=False,
    )
    click.echo()
    if done.returncode != 0:
        raise CohortTrackerError(f"`{command}` ended with exit code {done.returncode}")


def _show_worst(data: Path) -> None:
    from ..warehouse.status import query
    from .printing import printable

    click.secho("Who needs help now, worst first", bold=True)
    rows = query(data / "warehouse.duckdb", _WORST_FIRST)
    for name, night, tier, score, reasons in rows:
        click.echo(f"{printable(name):<26} {night or '-':<10} {tier:<9} {score:>5.1f} of 100")
        for line in _wrapped(printable(reasons)):
            click.echo(f"    {line}")
    if not rows:
        click.echo("Nobody: every student is in the medium or low tier.")


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 74)


def _short(value: str | Path) -> str:
    """A path as it is typed from here."""
    path = Path(value)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return str(value)


def run_sandbox_command(
    *,
    port: int,
    data_dir: Path | None,
    write_roster: Path | None,
    write_mentors: Path | None,
    faults: tuple[str, ...],
    list_faults: bool,
    **shape: Any,
) -> None:
    """Serve until interrupted. Raises ConfigError for a bad option, data file or port."""
    if list_faults:
        from ..sandbox import faults as module

        click.echo(module.__doc__)
        return
    try:
        world: World = open_world(data=data_dir, **shape)
        if write_roster:
            click.echo(f"{world.write_roster(write_roster):,} roster lines in {write_roster}")
        if write_mentors:
            click.echo(f"{world.write_mentors(write_mentors):,} mentors in {write_mentors}")
        serve(SandboxServer(world, port=port, faults=Faults.parse(list(faults))), click.echo)
    except SandboxError as error:
        raise ConfigError(str(error)) from error
