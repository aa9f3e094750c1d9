"""The commands as a user runs them, against the sandbox over real HTTP."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from cohort_tracker import __version__
from cohort_tracker.config import load_settings
from cohort_tracker.sandbox import Faults, SandboxServer, World

CLASS_KEYS = {
    "class_id",
    "mode",
    "pages",
    "fetched",
    "new",
    "changed",
    "removed",
    "reported_total",
    "stored_total",
    "verified",
    "error",
}


def init(command, server: SandboxServer, *options: str, password: str | None = None):
    return command(
        "init",
        "--email",
        server.desk.email,
        "--password-stdin",
        "--api-base",
        server.url,
        *options,
        stdin=f"{server.desk.password if password is None else password}\n",
    )


def config_file() -> Path:
    return Path("~/.cohort-tracker.toml").expanduser()


def data_dir() -> Path:
    return Path("~/.cohort-tracker").expanduser()


def first_class(world: World):
    return world.classes[0]


def test_help_reads_well_and_fits_80_columns(command):
    commands = ["init", "sync", "status", "report", "notify", "demo", "sandbox", "contact"]
    for arguments in ([], *([name] for name in commands), ["contact", "add"]):
        done = command(*arguments, "--help", COLUMNS="80")
        assert done.returncode == 0
        assert max(map(len, done.stdout.splitlines())) <= 80
        assert "Usage: cohort-tracker" in done.stdout
    assert __version__ in command("--version").stdout


@pytest.mark.parametrize("arguments", [["--help"], ["status"]])
def test_help_and_status_import_neither_dlt_nor_dbt(command, arguments):
    done = command(*arguments, PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "click" in imported
    assert not {name for name in imported if name.split(".")[0] in {"dlt", "dbt", "pyarrow"}}


def test_init_sync_status(command, server):
    done = init(command, server, "--class-id", first_class(server.world).friendly_id)
    assert done.returncode == 0, done.stderr
    assert config_file().stat().st_mode & 0o777 == 0o600

    done = command("sync", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    (synced,) = report["classes"]
    total = len(server.world.progressions(first_class(server.world).id))
    assert synced.keys() >= CLASS_KEYS
    assert synced["class_id"] == first_class(server.world).id
    assert synced["mode"] == "full" and synced["verified"] is True
    assert synced["new"] == synced["stored_total"] == synced["reported_total"] == total
    assert report["status"] == "ok" and report["duration_s"] > 0
    assert report["warehouse"]["published"] is True
    assert report["warehouse"]["models"] > 10
    assert report["warehouse"]["tests"] > 10
    assert report["warehouse"]["failures"] == []

    done = command("status", "--json")
    shown = json.loads(done.stdout)
    assert shown["config_path"] == str(config_file())
    assert shown["data_dir"] == str(data_dir())
    assert shown["progressions"] == total
    assert shown["stale"] is False
    (only,) = shown["classes"]
    assert only["friendly_id"] == first_class(server.world).friendly_id
    assert only["last_status"] == "ok" and only["last_sync_at"].endswith("Z")
    assert (only["students"], only["assignments"]) == (shown["students"], shown["assignments"])

    done = command("status", COLUMNS="80")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert f"{total:,}" in done.stdout
    assert command("status", "--max-age", "1h").returncode == 0
    done = command("status", "--max-age", "0s")
    assert done.returncode == 7
    assert done.stderr.startswith("Error: ")

    # Every relation opens without the raw store.
    (data_dir() / "raw.db").unlink()
    with duckdb.connect(str(data_dir() / "warehouse.duckdb"), read_only=True) as warehouse:
        relations = warehouse.execute(
            "select table_schema, table_name from information_schema.tables"
        ).fetchall()
        assert {schema for schema, _ in relations} == {"staging", "core", "marts"}
        for schema, table in relations:
            warehouse.execute(f'select * from {schema}."{table}" limit 1')


def test_sync_by_environment_alone_of_all_classes(command, server, tmp_path):
    done = command(
        "sync",
        "--no-build",
        "--json",
        COHORT_TRACKER_EMAIL=server.desk.email,
        COHORT_TRACKER_PASSWORD=server.desk.password,
        COHORT_TRACKER_API_BASE=server.url,
        COHORT_TRACKER_DATA_DIR=str(tmp_path / "data"),
    )
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["classes"]) == 2
    assert not config_file().exists()
    assert server.desk.password not in done.stdout + done.stderr


def test_second_sync_is_incremental_and_sees_growth(command, small_world):
    from cohort_tracker.sandbox import generate
    from conftest import END

    world = generate(seed=5, classes=1, students=10, end=END)
    with SandboxServer(world) as server:
        init(command, server)
        assert command("sync", "--no-build").returncode == 0
        again = json.loads(command("sync", "--no-build", "--json").stdout)["classes"][0]
        assert (again["mode"], again["new"], again["changed"]) == ("incremental", 0, 0)
        growth = world.grow(3)
        grown = json.loads(command("sync", "--no-build", "--json").stdout)["classes"][0]
        assert grown["verified"] and grown["new"] > 0
        assert grown["stored_total"] == len(world.progressions(world.classes[0].id))
        assert growth is not None
        only = command("sync", "--class", world.classes[0].friendly_id, "--full", "--json")
        assert json.loads(only.stdout)["classes"][0]["mode"] == "full"


def test_authentication_failure(command, server):
    done = init(command, server, password="wrong")
    assert done.returncode == 3
    assert done.stderr.startswith("Error: Authentication failed: 401\n")
    assert not config_file().exists()
    assert "Traceback" not in done.stderr

    init(command, server)
    done = command("sync", "--json", COHORT_TRACKER_PASSWORD="wrong-word")
    assert done.returncode == 3
    assert "Error: Authentication failed: 401" in done.stderr
    assert json.loads(done.stdout)["status"] == "failed"
    assert "wrong-word" not in done.stdout + done.stderr


def test_unknown_class(command, server):
    done = init(command, server, "--class-id", "no-such-class")
    assert done.returncode == 4
    assert "no-such-class" in done.stderr
    assert not config_file().exists()

    init(command, server)
    done = command("sync", "--class", "no-such-class")
    assert done.returncode == 4
    assert "Error: Failed to fetch progressions: 404" in done.stderr


def test_one_failing_class_does_not_stop_the_other(command, server):
    good = first_class(server.world).id
    init(command, server, "--no-verify", "--class-id", "gone-class", "--class-id", good)
    done = command("sync", "--json", "--no-build")
    assert done.returncode == 4
    gone, kept = json.loads(done.stdout)["classes"]
    assert gone["error"] == "Failed to fetch progressions: 404"
    assert kept["verified"] is True
    status = json.loads(command("status", "--json").stdout)
    assert {item["id"]: item["last_status"] for item in status["classes"]} == {
        "gone-class": "failed",
        good: "ok",
    }


WITHOUT_FCNTL = """
import sys
sys.modules["fcntl"] = None  # as on Windows: importing it fails
sys.argv[0] = "cohort-tracker"
from cohort_tracker.cli import main
main()
"""


@pytest.mark.parametrize("arguments", [["status"], ["sync"], ["init"], ["sandbox"]])
def test_system_without_file_locks_is_told_in_one_line(arguments):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FCNTL, *arguments],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "pipelines")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: Cohort Tracker runs on Linux")
    assert "WSL" in done.stderr and len(done.stderr.splitlines()) == 2


def test_unreachable_api(command):
    done = command(
        "sync",
        COHORT_TRACKER_EMAIL="a@example.org",
        COHORT_TRACKER_PASSWORD="p",
        COHORT_TRACKER_API_BASE="http://127.0.0.1:1",
        COHORT_TRACKER_MAX_ATTEMPTS="2",
    )
    assert done.returncode == 5
    assert re.search(r"Error: .*connection refused \(tried 2 times in \d+ s\)", done.stderr)
    assert "Traceback" not in done.stderr


def test_configuration_errors(command):
    done = command("sync")
    assert done.returncode == 2
    assert "email and password missing" in done.stderr
    config_file().write_text('emial = "x"\n')
    done = command("status")
    assert done.returncode == 2
    assert "emial" in done.stderr and "Did you mean 'email'" in done.stderr
    assert command("sync", "--nonsense").returncode == 2
    assert command("status", "--max-age", "soon").returncode == 2


def test_init_keeps_what_it_is_not_told_to_change(command, server):
    first, second = (room.id for room in server.world.classes)
    init(command, server, "--class-id", first, "--timezone", "America/New_York")
    done = command("init", "--class-id", second, "--origin", "https://school.example.org")
    assert done.returncode == 0, done.stderr
    text = config_file().read_text()
    assert second in text and first not in text
    assert 'timezone = "America/New_York"' in text
    assert server.desk.email in text and "school.example.org" in text


def test_init_password_on_the_command_line_works_and_warns(command, server):
    done = command(
        "init",
        "--email",
        server.desk.email,
        "--password",
        server.desk.password,
        "--class-id",
        first_class(server.world).id,
        "--api-base",
        server.url,
    )
    assert done.returncode == 0
    assert "history" in done.stderr


def test_init_at_a_terminal_asks_and_lets_choose(command, server):
    arguments = [sys.executable, "-m", "cohort_tracker", "init", "--api-base", server.url]
    output = talk(
        arguments,
        command.cwd,
        [
            (b"E-mail", server.desk.email),
            (b"Password", server.desk.password),
            (b"Which?", "9"),
            (b"No such class", "2"),
            *NOTHING_MORE,
        ],
    )
    assert server.desk.password not in output
    assert f'class_ids = ["{server.world.classes[1].id}"]' in config_file().read_text()


def test_init_at_a_terminal_asks_again_after_a_wrong_password(command, server):
    arguments = [sys.executable, "-m", "cohort_tracker", "init", "--api-base", server.url]
    output = talk(
        arguments,
        command.cwd,
        [
            (b"E-mail", "nobody@example.org"),
            (b"Password", "mistyped-one"),
            (b"E-mail [nobody@example.org]", server.desk.email),
            (b"Password", "mistyped-two"),
            (f"E-mail [{server.desk.email}]".encode(), ""),
            (b"Password", server.desk.password),
            (b"Which?", "all"),
            *NOTHING_MORE,
        ],
    )
    assert output.count("Authentication failed: 401") == 2
    assert "mistyped" not in output and server.desk.password not in output
    text = config_file().read_text()
    assert server.desk.email in text and server.desk.password in text


def test_init_at_a_terminal_gives_up_after_asking_again_three_times(command, server):
    arguments = [sys.executable, "-m", "cohort_tracker", "init", "--api-base", server.url]
    asked = [(b"E-mail", server.desk.email), (b"Password", "wrong")]
    output = talk(arguments, command.cwd, asked * 4, exit_code=3)
    assert output.count("Authentication failed: 401") == 4
    assert len(server.requests.entries("/login")) == 4
    assert not config_file().exists()


def test_init_does_not_ask_again_for_a_password_that_was_given(command, server):
    arguments = [sys.executable, "-m", "cohort_tracker", "init", "--api-base", server.url]
    arguments += ["--email", server.desk.email, "--password", "wrong"]
    output = talk(arguments, command.cwd, [], exit_code=3)
    assert output.count("Authentication failed: 401") == 1


def test_init_at_a_terminal_asks_for_what_it_could_do_without(command, server, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    roster = command.cwd / "people.csv"
    roster.write_text("class,email\nc1,a@example.org\n")
    wrong = command.cwd / "wrong.csv"
    wrong.write_text("no,roster\n")
    arguments = [sys.executable, "-m", "cohort_tracker", "init", "--api-base", server.url]
    arguments += ["--email", server.desk.email, "--password", server.desk.password]
    arguments += ["--class-id", server.world.classes[0].friendly_id]
    talk(
        arguments,
        command.cwd,
        [
            (b"Time zone of your classes [Asia/Tokyo]", "Berlin"),
            (b"'Europe/Berlin'", "Europe/Berlin"),
            (b"Roster, a CSV file of who is enrolled", "nowhere.csv"),
            (b"such file", str(wrong)),
            (b"'class'", "people.csv"),
            (b"Mentors, a CSV file of nights and who takes them:", ""),
            (b"Staff and test accounts to leave out", "*"),
            (b"everybody", "me@school.org, Course Team,"),
        ],
    )
    settings = load_settings()
    assert settings.timezone == "Europe/Berlin" and settings.roster == roster
    assert settings.mentors is None
    assert settings.exclude == ("me@school.org", "Course Team")
    again = [
        (b"of your classes [Europe/Berlin]", ""),
        (f"(- for none) [{roster}]".encode(), "-"),
        (b"Mentors", ""),
        (b"(- for none) [me@school.org, Course Team]", ""),
    ]
    talk(arguments, command.cwd, again)
    assert load_settings().roster is None and load_settings().exclude == settings.exclude
    monkeypatch.setenv("COHORT_TRACKER_MENTORS", "mentors.csv")
    arguments += ["--timezone", "UTC", "--roster", "people.csv", "--exclude", "Test *"]
    arguments += ["--exclude", "@school.org"]
    talk(arguments, command.cwd, [])
    monkeypatch.delenv("COHORT_TRACKER_MENTORS")
    assert load_settings().roster == roster and load_settings().timezone == "UTC"
    assert load_settings().exclude == ("Test *", "@school.org")


@pytest.mark.parametrize("zone", ["localtime", "No/Where", ""])
def test_init_offers_a_time_zone_that_can_be_set(command, server, monkeypatch, zone: str):
    monkeypatch.setenv("TZ", zone)
    arguments = [sys.executable, "-m", "cohort_tracker", "init", "--no-verify", "--email", "a@b.c"]
    talk([*arguments, "--password", "secret"], command.cwd, list(NOTHING_MORE))
    assert load_settings().timezone in {zone, "UTC", machine_zone()} - {"localtime", "No/Where", ""}


def machine_zone() -> str:
    """Where /etc/localtime leads to, as far as it has a name."""
    return str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2].removeprefix("/")


NOTHING_MORE = (
    (b"Time zone of your classes", ""),
    (b"Roster", ""),
    (b"Mentors", ""),
    (b"Staff and test accounts", ""),
)


def talk(
    arguments: list[str], cwd: Path, dialogue: list[tuple[bytes, str]], exit_code: int = 0
) -> str:
    """Run a command at a terminal; wait for each prompt and type the answer."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(cwd)
        os.environ["PYTHONPATH"] = str(Path(__file__).parents[2] / "pipelines")
        os.execv(arguments[0], arguments)
    output = b""
    searched = 0
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                output += os.read(terminal, 4096)
            except OSError:
                break
        if dialogue and (found := output.find(dialogue[0][0], searched)) >= 0:
            searched = found + len(dialogue[0][0])
            os.write(terminal, dialogue.pop(0)[1].encode() + b"\n")
    else:
        os.kill(child, signal.SIGKILL)  # it waits for an answer that nobody gives
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == exit_code, output.decode()
    return output.decode()


def test_failed_build_leaves_the_published_warehouse(command, server):
    init(command, server)
    assert command("sync").returncode == 0
    before = (data_dir() / "warehouse.duckdb").stat().st_ino
    with closing(sqlite3.connect(data_dir() / "raw.db")) as raw:
        raw.execute("ALTER TABLE class_units RENAME COLUMN section_position TO place")
        raw.commit()
    done = command("sync", COHORT_TRACKER_TIMEZONE="Europe/Berlin")
    assert done.returncode == 1
    assert "tables of the last good build are still there" in done.stderr
    assert (data_dir() / "warehouse.duckdb").stat().st_ino == before
    assert command("status").returncode == 0


def test_build_is_skipped_until_something_moves(command, server):
    init(command, server)

    def warehouse(**environment: str):
        return json.loads(command("sync", "--json", **environment).stdout)["warehouse"]

    first = warehouse()
    assert first["skipped"] is None
    again = warehouse()
    assert again == {**first, "skipped": "nothing new since the last build"}
    (data_dir() / "warehouse.duckdb").unlink()
    assert warehouse()["skipped"] is None
    assert warehouse(COHORT_TRACKER_TIMEZONE="Asia/Tokyo")["skipped"] is None


def test_rejected_records_are_counted_and_kept(command, server, tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"_id": "bad-1", "user": null}\n"not an object"\n')
    server.faults = Faults.parse([f"bad_records={bad}"])
    init(command, server, "--class-id", first_class(server.world).id)
    done = command("sync", "--no-build")
    assert done.returncode == 0, done.stderr
    assert "2 records rejected" in done.stdout
    with closing(sqlite3.connect(data_dir() / "raw.db")) as raw:
        reasons = dict(raw.execute("SELECT record_json, reason FROM rejected_records").fetchall())
    assert sorted(reasons.values()) == [
        "record: text 'not an object' where an object is expected",
        "user: missing",
    ]
    assert "2 records rejected" in command("status").stdout
