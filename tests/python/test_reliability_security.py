"""Who can read what is stored, where credentials go, and names that try to be more than names."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from cohort_tracker.errors import CohortTrackerError, ConfigError
from support import Bench, Classes, at_night, processes_about, record, wait_for

SECRETS = (b"sandbox-password", b"sandbox-token")


def modes(place: Path) -> dict[str, str]:
    """What others could do with any file below `place`."""
    found = {}
    for path in [place, *place.rglob("*")]:
        mode = stat.S_IMODE(path.lstat().st_mode)
        if mode & 0o077:
            found[str(path)] = oct(mode)
    return found


@contextmanager
def deaf_proxy() -> Iterator[tuple[dict[str, str], list[bytes]]]:
    """An environment in which all but the API is behind a proxy, and what that proxy hears."""
    heard: list[bytes] = []
    stop = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(0.2)

        def listen() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    continue
                with connection:
                    heard.append(connection.recv(200))

        thread = threading.Thread(target=listen)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        names = ("http_proxy", "https_proxy", "all_proxy")
        proxies = {name: address for lower in names for name in (lower, lower.upper())}
        try:
            yield {**proxies, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}, heard
            time.sleep(0.3)
        finally:
            stop.set()
            thread.join()


def test_everything_written_is_private_and_nothing_is_told_to_anybody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "true")
    monkeypatch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "true")
    with deaf_proxy() as (proxies, heard):
        for name, value in proxies.items():
            monkeypatch.setenv(name, value)
        whole_way_in_private(bench)
    assert heard == []
    assert not (bench.home / ".dlt").exists() and not (bench.home / ".dbt").exists()


def whole_way_in_private(bench: Bench) -> None:
    """`init` and `sync` under the most open umask."""
    before = os.umask(0)
    try:
        config = bench.home / "settings.toml"
        options = ("--email", bench.server.desk.email, "--password-stdin", "--class-id", "c1")
        done = subprocess.run(
            [sys.executable, "-m", "cohort_tracker", "--config", str(config), "init", *options],
            env=bench.process_environment(password=""),
            input="sandbox-password\n",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        bench.misbehave("hang=2,page=2")
        process = bench.start("--config", str(config), "sync", password="sandbox-password")
        wait_for(lambda: [e for e in bench.server.requests if e.query.get("page") == "2"])
        assert modes(bench.data) == {}, "while it runs"
        for pid in processes_about(bench.data):
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            assert not any(secret in words for secret in SECRETS)
            if b"_worker" in words:
                environment = Path(f"/proc/{pid}/environ").read_bytes()
                assert not any(secret in environment for secret in SECRETS)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert modes(bench.data) == {}, "when it has ended"
        assert stat.S_IMODE(config.stat().st_mode) == 0o600
        for path in bench.data.rglob("*"):
            if path.is_file():
                assert not any(secret in path.read_bytes() for secret in SECRETS), path
        assert "sandbox-token" not in out + err and "sandbox-password" not in out + err
    finally:
        os.umask(before)


def test_file_that_others_could_read_is_closed_to_them(bench: Bench):
    bench.data.mkdir()
    bench.raw.touch(mode=0o666)
    bench.raw.chmod(0o666)
    bench.sync()
    assert stat.S_IMODE(bench.raw.stat().st_mode) == 0o600


@pytest.mark.parametrize("fault", ["lockout", at_night("status=500"), "redirect=http://x.invalid"])
def test_no_secret_in_any_error(bench: Bench, fault: str):
    for path in ("/progressions", "/login"):
        bench.misbehave(f"{fault},times=always,on={path}")
        done = bench.command("--debug", "sync", "--no-build", max_attempts=1)
        assert done.returncode != 0
        assert "sandbox-password" not in done.stdout + done.stderr
        assert "sandbox-token" not in done.stdout + done.stderr
        for place in bench.data.rglob("*"):
            if place.is_file():
                assert not any(secret in place.read_bytes() for secret in SECRETS), place


NAMES = [
    at_night("with space"),
    "quo'te\"s",
    at_night("ünïcode 学"),
    "hash#&=;",
    "per%20cent %s",
    at_night("$HOME {{ x }} [g]*"),
]


@pytest.mark.parametrize("name", NAMES)
def test_data_directory_of_any_name(tmp_path: Path, name: str):
    place = tmp_path / "place" / name
    place.mkdir(parents=True)
    with Bench(place) as bench:
        for _ in range(2):
            assert bench.sync().exit_code == 0
        assert bench.in_force() == bench.expected()
        assert {path.name for path in bench.data.iterdir()} == {
            "raw.db",
            "sync.lock",
            "backups",
            "logs",
            "last_sync.json",
        }
    assert [path.name for path in place.parent.iterdir()] == [name]


def test_data_directory_of_the_oddest_name_is_built_too(tmp_path: Path):
    place = tmp_path / "o'd d\"#%41ü;{{ x }}[1]"
    place.mkdir()
    with Bench(place) as bench:
        report = bench.sync(build=True)
        assert report.exit_code == 0, report.errors
        assert bench.core("SELECT count(*) FROM core.progressions") == [(45,)]


def test_data_directory_that_is_a_file_or_beyond_reach_is_one_clear_line(bench: Bench):
    (bench.home / "file").write_text("")
    nowhere = Path("/proc/nowhere")
    for place in (bench.home / "file", bench.home / "file" / "x", nowhere, bench.home / "q?"):
        done = bench.command("sync", data_dir=place)
        assert done.returncode == 1
        assert done.stderr.startswith("Error: ") and str(place) in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_data_directory_where_everybody_may_write_is_refused(bench: Bench, mode: int):
    bench.data.mkdir()
    bench.data.chmod(mode)
    done = bench.command("sync", "--no-build")
    assert done.returncode == 2
    message = " ".join(done.stderr.split())
    assert f"{bench.data}: every user of this machine may write there" in message
    assert list(bench.data.iterdir()) == []
    subprocess.run(["sh", "-c", message.split("`")[1]], check=True)
    assert bench.sync().exit_code == 0, "the command that it names helps"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_data_directory_of_another_user_is_refused(bench: Bench):
    bench.data.mkdir(mode=0o700)
    os.chown(bench.data, 12345, 12345)
    with pytest.raises(ConfigError, match=r"belongs to another user \(uid 12345\)"):
        bench.sync()
    assert list(bench.data.iterdir()) == []
    os.chown(bench.data, 0, 12345)
    bench.data.chmod(0o2770)  # as a volume of a container for a group
    assert bench.sync().exit_code == 0


ODD_KINDS: dict[str, Callable[[Path], object]] = {
    "a named pipe": os.mkfifo,
    "a directory": Path.mkdir,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", ODD_KINDS)
def test_settings_that_are_no_file_are_one_clear_line(command, tmp_path: Path, kind: str):
    path = tmp_path / "settings.toml"
    ODD_KINDS[kind](path)
    for words in (("status",), ("sync", "--no-build"), ("init", "--no-verify", "--email", "a@b.c")):
        done = command(*words, COHORT_TRACKER_CONFIG=str(path), COHORT_TRACKER_PASSWORD="p")
        assert done.returncode == 2, done.stderr
        assert "settings.toml" in done.stderr and "Traceback" not in done.stderr
        assert kind.split()[-1] in done.stderr


@pytest.mark.parametrize("name", ["sync.lock", "raw.db", "warehouse.duckdb"])
@pytest.mark.parametrize("kind", ["a named pipe", at_night("a directory"), at_night("a device")])
def test_store_or_lock_that_is_no_file_is_one_clear_line(bench: Bench, name: str, kind: str):
    bench.data.mkdir(mode=0o700)
    ODD_KINDS[kind](bench.data / name)
    for words in (("status",), ("sync", "--no-build")):
        done = bench.command(*words)
        assert done.returncode == 2, done.stderr
        assert f"{name} is {kind}, not a file" in " ".join(done.stderr.split())


def test_relative_data_directory_is_below_the_current_one(bench: Bench):
    done = bench.command("sync", "--no-build", data_dir="rel/dir")
    assert done.returncode == 0, done.stderr
    assert (bench.home / "rel" / "dir" / "raw.db").is_file()


def test_symbolic_links_lead_to_no_foreign_file(built: Bench):
    precious = built.home / "precious"
    precious.write_text("do not touch")
    lock = built.data / "sync.lock"
    lock.unlink()
    lock.symlink_to(precious)
    with pytest.raises(CohortTrackerError) as caught:
        built.sync()
    assert str(lock) in caught.value.message
    lock.unlink()
    built.warehouse.unlink()
    built.warehouse.symlink_to(precious)
    (built.data / "logs" / "build.log").unlink()
    (built.data / "logs" / "build.log").symlink_to(precious)
    (built.data / "load").symlink_to(built.home)
    (built.data / "build").symlink_to(built.home)
    before = stat.S_IMODE(precious.stat().st_mode)
    built.sync(build=True)
    assert precious.read_text() == "do not touch"
    assert stat.S_IMODE(precious.stat().st_mode) == before
    assert built.home.is_dir() and (built.home / "data").is_dir()


def test_symbolic_link_for_the_raw_store_is_followed_to_a_store_only(bench: Bench):
    bench.data.mkdir()
    elsewhere = bench.home / "big disk"
    elsewhere.mkdir()
    bench.raw.symlink_to(elsewhere / "raw.db")
    assert bench.sync().exit_code == 0
    assert bench.raw.is_symlink() and (elsewhere / "raw.db").stat().st_size > 0
    bench.raw.unlink()
    precious = bench.home / "precious"
    precious.write_text("do not touch")
    bench.raw.symlink_to(precious)
    assert bench.sync().exit_code == 1
    assert precious.read_text() == "do not touch"
    assert bench.in_force() == bench.expected()


def test_plain_http_to_another_host_needs_a_setting(bench: Bench):
    with pytest.raises(ConfigError, match="unencrypted"):
        bench.settings(api_base="http://openclass.example")
    for base in ("http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"):
        bench.settings(api_base=base)
    assert bench.settings(api_base="http://openclass.example", allow_http="true").allow_http


def test_names_are_never_taken_for_sql(tmp_path: Path):
    evil = "x'); DROP TABLE progressions; --"
    source = Classes(**{evil: [record(1, user={"id": evil, "first_name": evil}, _id=evil)]})
    with Bench(tmp_path, source) as bench:
        for _ in range(2):
            assert bench.sync(full=True).exit_code == 0
        assert bench.in_force(evil) == bench.expected(evil)
        source.classes[evil].clear()
        assert bench.sync(full=True).exit_code == 0
        assert bench.in_force(evil) == {}
