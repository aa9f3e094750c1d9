"""The command line: what can be typed; each command calls one function of its own module."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from . import __version__
from .errors import CohortTrackerError, unexpected
from .runtime.lock import require_supported_system
from .runtime.printing import open_streams, printable, say, say_error, say_json, say_traceback

_STARTED = time.monotonic()
EXIT_CODES = """\b
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 authentication,
4 class not found, 5 API unreachable, 6 another sync or notify is running,
7 stale."""


def _say_help(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        for line in ctx.get_help().splitlines():
            say(line)
        ctx.exit()


def _say_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        say(f"cohort-tracker, version {__version__}")
        ctx.exit()


class _Command(click.Command):
    """Prints its help as everything is printed: safely, wherever it goes."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback = _say_help
        return option


class _Group(_Command, click.Group):
    """Shows commands in the order of use."""

    command_class = _Command

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


class _Commands(_Group):
    """All commands: turns errors into a line and an exit code."""

    group_class = _Group

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run what was typed and end with its exit code."""
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except click.ClickException as error:
            if "--json" in sys.argv:
                say_json({"status": "failed", "error": printable(error.format_message())})
            shown = io.StringIO()
            error.show(shown)
            for line in shown.getvalue().splitlines():
                say(line, err=True)
            sys.exit(error.exit_code)
        except click.Abort:
            say("Aborted!", err=True)
            sys.exit(1)
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as caught:
            if ctx.params.get("debug"):
                say_traceback()
            error = caught if isinstance(caught, CohortTrackerError) else unexpected(caught)
            say_error(error)
            sys.exit(error.exit_code)


@click.group(cls=_Commands, epilog=EXIT_CODES, context_settings={"max_content_width": 100})
@click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="COHORT_TRACKER_CONFIG",
    help="Settings file.  [default: ~/.cohort-tracker.toml]",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_say_version,
    help="Show the version and exit.",
)
@click.pass_context
def main(ctx: click.Context, config_path: Path | None, debug: bool) -> None:
    """Track OpenClass cohorts: who needs help, where the class gets stuck, how it moves.

    \b
    First `init`, then `sync` (by hand or by cron); `report` says whom to reach
    out to, `status` what is there.
    The tables are in warehouse.duckdb in the data directory; `status` shows it.
    """
    open_streams()
    require_supported_system()
    os.umask(0o077)  # student data: everything written is for its owner only
    ctx.obj = config_path


@main.command()
@click.option("--email", help="E-mail of the OpenClass account.")
@click.option("--password", help="Password. Shows in the shell's history: better leave it out.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option(
    "--class-id", "class_ids", multiple=True, help="Class id or friendly id; may be repeated."
)
@click.option("--api-base", help="Address of the API.")
@click.option("--origin", help="Origin header of your school's site.")
@click.option("--app-id", help="X-OpenClass-App-Id header of your school.")
@click.option("--data-dir", type=click.Path(file_okay=False), help="Where the data goes.")
@click.option("--timezone", help="Time zone of the class, like America/New_York.")
@click.option("--roster", type=click.Path(dir_okay=False), help="CSV file of who is enrolled.")
@click.option("--mentors", type=click.Path(dir_okay=False), help="CSV file of nights and mentors.")
@click.option(
    "--exclude", multiple=True, help="E-mail, @domain or name to leave out; may be repeated."
)
@click.option("--schedule", type=click.Path(dir_okay=False), help="CSV file of what is due when.")
@click.option("--no-verify", is_flag=True, help="Write the settings without logging in.")
@click.pass_context
def init(ctx: click.Context, /, **options: Any) -> None:
    """Set up: log in, choose classes, write the settings file.

    Asks for what is not given. Running it again keeps everything it is not told to change.
    """
    from .commands.init import run_init

    run_init(ctx.obj, **options)


@main.command()
@click.option("--full", is_flag=True, help="Read every page, whatever is stored.")
@click.option(
    "--class", "only", multiple=True, metavar="ID", help="Only this class (id or friendly id)."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@click.option("--no-build", is_flag=True, help="Fetch only; leave the tables as they are.")
@click.pass_context
def sync(
    ctx: click.Context, full: bool, only: tuple[str, ...], as_json: bool, no_build: bool
) -> None:
    """Fetch what is new and rebuild the tables."""
    from .commands.sync import run_sync_command

    debug = ctx.find_root().params["debug"]
    code = run_sync_command(
        ctx.obj,
        full=full,
        only=only,
        as_json=as_json,
        build=not no_build,
        debug=debug,
        since=_STARTED,
    )
    sys.exit(code)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@click.option("--max-age", metavar="AGE", help="Exit 7 when the tables are older, like 24h or 3d.")
@click.pass_context
def status(ctx: click.Context, as_json: bool, max_age: str | None) -> None:
    """Show what is stored, how fresh it is, and what failed last."""
    from .commands.status import run_status

    run_status(ctx.obj, as_json=as_json, max_age=max_age)


@main.command()
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="ID",
    help="Only this class (id or friendly id), also one that is over; may be repeated.",
)
@click.option("--night", metavar="NIGHT", help="Only the students of this night.")
@click.option("--mentor", metavar="EMAIL", help="Only the nights of this mentor.")
@click.option("--all", "everybody", is_flag=True, help="Everybody, however long the lists are.")
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a page instead, of one class or night.",
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in the browser.")
@click.option(
    "--each-night",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a page for each class and each night.",
)
@click.option("--hide-names", is_flag=True, help="An alias instead of each name.")
@click.option("--max-age", metavar="AGE", help="Exit 7 when the data is older, like 24h or 3d.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@click.pass_context
def report(ctx: click.Context, /, as_json: bool, **options: Any) -> None:
    """Show whom to reach out to, why, and where to start."""
    from .commands.report import ReportOptions, run_report

    run_report(ctx.obj, ReportOptions(**options), as_json=as_json)


@main.command()
@click.argument("table", required=False)
@click.option(
    "--class", "classes", multiple=True, metavar="ID", help="Only this class (id or friendly id)."
)
@click.option("--night", help="Only the students of this night.")
@click.option("--mentor", metavar="EMAIL", help="Only the students of this mentor's nights.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["csv", "xlsx", "json", "parquet"]),
    help="[default: as the file's name says, else csv]",
)
@click.option("--hide-names", is_flag=True, help="Write aliases instead of names.")
@click.option("-o", "--output", metavar="FILE", help="Where to; `-` is standard output.")
@click.option("--list", "list_all", is_flag=True, help="List the tables and questions, and end.")
@click.option(
    "--raw",
    "raw_folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Bring all of raw.db into DIR as Parquet: everybody, for another engine.",
)
@click.option("--tenant", metavar="NAME", help="With --raw: whose rows these are.  [default]")
@click.option("--json", "as_json", is_flag=True, help="With --list or --raw: print one object.")
@click.pass_context
def export(
    ctx: click.Context,
    /,
    table: str | None,
    list_all: bool,
    raw_folder: Path | None,
    tenant: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Write a table as CSV, Excel, JSON or Parquet, or the answer to a ready question.

    TABLE is one of those that `export --list` shows.
    """
    from .commands.export import run_export
    from .commands.export_list import run_export_list

    if raw_folder is not None:
        from .commands.export_raw import run_export_raw

        if table is not None or list_all or any(options.values()):
            raise click.UsageError(
                "--raw is everything of everybody: only --tenant and --json go with it."
            )
        run_export_raw(ctx.obj, raw_folder, tenant, as_json=as_json)
        return
    if tenant is not None:
        raise click.UsageError("--tenant is for --raw.")
    if list_all == (table is not None):
        raise click.UsageError("Name a TABLE, or use --list.")
    if as_json and not list_all:
        raise click.UsageError("--json is for --list and --raw; a table as JSON is --format json.")
    if table is not None:
        run_export(ctx.obj, table, **options)
    else:
        for unused in ("format_name", "output"):
            options.pop(unused)
        run_export_list(ctx.obj, as_json=as_json, **options)


@main.command()
@click.option(
    "--digest",
    type=click.Choice(["day", "week"]),
    help="Send the day's or the week's digest now, once a day.",
)
@click.option("--dry-run", is_flag=True, help="Print what would go where; send and note nothing.")
@click.option("--test", is_flag=True, help="Send one line to each channel.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@click.pass_context
def notify(ctx: click.Context, /, **options: Any) -> None:
    """Send what is news to the channels of the settings.

    To be run after each sync, whether it went well or not: `sync; notify`.
    """
    from .commands.notify import run_notify

    debug = ctx.find_root().params["debug"]
    sys.exit(run_notify(ctx.obj, debug=debug, **options))


@main.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.pass_context
def restore(ctx: click.Context, file: Path | None) -> None:
    """Put the newest backup of raw.db back, or FILE; the present file is kept aside."""
    from .commands.restore import run_restore

    run_restore(ctx.obj, file)


@main.group()
def contact() -> None:
    """Write down whom you called, show it, take it back.

    It is kept in raw.db and its backups, and is in the tables from the next sync on.
    """


@contact.command("add")
@click.argument("student")
@click.option(
    "--how", type=click.Choice(["call", "mail", "chat", "meeting"]), required=True, help="How."
)
@click.option("--by", metavar="NAME", help="Who reached out.")
@click.option("--note", metavar="TEXT", help="What is worth knowing.")
@click.option("--on", default="today", metavar="DATE", help="2026-03-01, today or yesterday.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@click.pass_context
def contact_add(ctx: click.Context, /, student: str, as_json: bool, **options: Any) -> None:
    """Write down whom somebody reached out to.

    STUDENT is an id, an e-mail address or a full name. It works while a sync runs, too.
    """
    from .commands.contact import run_add

    debug = ctx.find_root().params["debug"]
    sys.exit(run_add(ctx.obj, student, **options, as_json=as_json, debug=debug))


@contact.command("list")
@click.option("--student", help="Only with this student.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@click.pass_context
def contact_list(ctx: click.Context, student: str | None, as_json: bool) -> None:
    """Show the contacts, the newest first."""
    from .commands.contact import run_list

    debug = ctx.find_root().params["debug"]
    sys.exit(run_list(ctx.obj, student, as_json=as_json, debug=debug))


@contact.command("withdraw")
@click.argument("contact_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@click.pass_context
def contact_withdraw(ctx: click.Context, contact_id: str, as_json: bool) -> None:
    """Take a contact back.

    ID is what `contact add` and `contact list` show.
    """
    from .commands.contact import run_withdraw

    debug = ctx.find_root().params["debug"]
    sys.exit(run_withdraw(ctx.obj, contact_id, as_json=as_json, debug=debug))


@main.command()
@click.argument("student")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@click.pass_context
def forget(ctx: click.Context, student: str, yes: bool, as_json: bool) -> None:
    """Erase a person for good, from raw.db, its backups and the tables.

    STUDENT is an account id, an e-mail address or a full name. A later sync does not store them
    again.
    """
    from .commands.forget import run_forget

    debug = ctx.find_root().params["debug"]
    sys.exit(run_forget(ctx.obj, student, yes=yes, as_json=as_json, debug=debug))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8350, show_default=True)
@click.option(
    "--behind-proxy", is_flag=True, help="A proxy with TLS stands before it (docs/serve.md)."
)
@click.pass_context
def serve(ctx: click.Context, host: str, port: int, behind_proxy: bool) -> None:
    """Serve the tables to people who have a key: pages and REST API.

    On this machine only, unless a proxy encrypts. Prints a link that logs you in.
    """
    from .commands.serve import run_serve

    run_serve(ctx.obj, host=host, port=port, behind_proxy=behind_proxy)


@main.group()
def access() -> None:
    """Give out and take back keys for what `serve` shows."""


@access.command("add")
@click.option("--mentor", metavar="EMAIL", help="Sees the own nights, by the mentors file.")
@click.option("--lead", metavar="NAME", help="Sees everybody.")
@click.option("--program", metavar="NAME", help="Sees figures of classes, and nobody by name.")
@click.option(
    "--class", "classes", multiple=True, metavar="ID", help="Only this class; may be repeated."
)
@click.option(
    "--night",
    "nights",
    multiple=True,
    metavar="NIGHT",
    help="This night of a mentor instead of those of the mentors file; may be repeated.",
)
@click.option(
    "--expires", metavar="AGE", default="90d", show_default=True, help="How long the key is good."
)
@click.option("--hide-names", is_flag=True, help="Show aliases instead of names.")
@click.pass_context
def access_add(ctx: click.Context, /, **options: Any) -> None:
    """Make a key and show it, this once."""
    from .commands.access import run_access_add

    run_access_add(ctx.obj, **options)


@access.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
@click.pass_context
def access_list(ctx: click.Context, as_json: bool) -> None:
    """Show who may see what, and until when."""
    from .commands.access import run_access_list

    run_access_list(ctx.obj, as_json=as_json)


@access.command("revoke")
@click.argument("grant_id", metavar="ID")
@click.pass_context
def access_revoke(ctx: click.Context, grant_id: str) -> None:
    """Take a key back; the next request with it is refused."""
    from .commands.access import run_access_revoke

    run_access_revoke(ctx.obj, grant_id)


def sandbox_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that shape the sandbox's world."""
    for option in (
        click.option("--seed", type=int, default=7, show_default=True, help="Seed of the cohort."),
        click.option("--classes", type=click.IntRange(1, 50), default=2, show_default=True),
        click.option("--students", type=click.IntRange(1, 2000), help="Per class.  [40-60]"),
    ):
        command = option(command)
    return command


@main.command()
@sandbox_options
@click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo"),
    show_default=True,
    help="Where the demo keeps its settings and data.",
)
def demo(**options: Any) -> None:
    """Show it all on an invented cohort: server, init, sync, status, report."""
    from .commands.demo import run_demo

    run_demo(**options)


@main.command()
@sandbox_options
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True)
@click.option(
    "--data",
    "data_dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Serve the records of CSV files instead of an invented cohort.",
)
@click.option(
    "--write-roster",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the roster of the cohort as CSV.",
)
@click.option(
    "--write-mentors",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the mentors of the cohort as CSV.",
)
@click.option(
    "--write-schedule",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the schedule of the cohort as CSV.",
)
@click.option("--fault", "faults", multiple=True, metavar="NAME[=VALUE]", help="Misbehave.")
@click.option("--list-faults", is_flag=True, help="List what --fault can do, and end.")
def sandbox(**options: Any) -> None:
    """Serve an invented cohort as OpenClass would, on this machine only."""
    from .commands.sandbox import run_sandbox

    run_sandbox(**options)
