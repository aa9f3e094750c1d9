"""A real PostgreSQL for the tests: Debian's, in a folder of its own, on loopback."""

from __future__ import annotations

import csv
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from support import wait_for

REQUIRED = "COHORT_TRACKER_TESTS_NEED_POSTGRES"
"""Set where a machine without PostgreSQL is a failure, as in CI, and not a reason to skip."""

NULL = "\x01null\x01"
"""How psql is told to write null: no text can be mistaken for it."""


def binaries() -> Path:
    """Where PostgreSQL's programs are; skips the test, or fails it in CI, where there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    other = shutil.which("initdb")
    if other:
        found.append(Path(other).resolve())
    if not found:
        reason = "No PostgreSQL is installed (Debian's package is postgresql)"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    return found[-1].parent


@dataclass(frozen=True)
class Postgres:
    """A running server. Its superuser is `admin`; `password` is everybody's."""

    programs: Path
    folder: Path
    port: int
    password: str = "p@ss/wo:rd?#%41 ü"

    def new_database(self) -> Database:
        """An empty database, and a user `school` who may make schemas in it and nothing else."""
        name = f"db_{secrets.token_hex(4)}"
        database = Database(self, name)
        Database(self, "postgres").sql(f"create database {name}")
        database.sql(
            "do $$ begin if not exists (select from pg_roles where rolname = 'school') then"
            f" create role school login password {_literal(self.password)}; end if; end $$",
            f"grant create on database {name} to school",
        )
        return database


@dataclass(frozen=True)
class Database:
    """A database of the server."""

    server: Postgres
    name: str

    def url(self, user: str = "school", *, password: str | None = None, query: str = "") -> str:
        """The address as it stands in the settings."""
        secret = quote(self.server.password if password is None else password, safe="")
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.server.port}/{self.name}{query}"

    def add_user(self, name: str) -> None:
        """Somebody who may log in."""
        self.sql(f"create role {name} login password {_literal(self.server.password)}")

    def sql(self, *statements: str, user: str = "admin") -> str:
        """Run statements, each its own transaction; returns the rows as CSV without heading."""
        done = self.try_sql(*statements, user=user)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().removesuffix("\n")

    def try_sql(
        self, *statements: str, user: str = "admin", file: Path | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """The same, whatever becomes of it."""
        given = [part for statement in statements for part in ("-c", statement)]
        given += ["-f", str(file)] if file else []
        return subprocess.run(
            self._psql(user) + given,
            env=self._environment(),
            capture_output=True,  # as bytes: a name may hold any end of a line
            timeout=60,
            check=False,
        )

    def rows(self, query: str, user: str = "admin") -> list[list[str | None]]:
        """The rows of a query as texts."""
        out = self.sql(query, user=user)
        lines = (f"{line}\n" for line in out.split("\n"))  # a value may hold some
        found = csv.reader(lines if out else [], strict=True)
        return [[None if cell == NULL else cell for cell in row] for row in found]

    @contextmanager
    def session(self, *statements: str, user: str = "admin") -> Iterator[Callable[..., list[str]]]:
        """Somebody who has run the statements and now sits there, until the end of the block.

        Gives what asks them for more: a statement, of which it returns the rows as CSV.
        """
        process = subprocess.Popen(
            self._psql(user),
            env=self._environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        assert process.stdin and process.stdout
        stdin, stdout = process.stdin, process.stdout

        def run(*statements: str) -> list[str]:
            stdin.write("".join(f"{one};\n" for one in statements) + "\\echo done\n")
            stdin.flush()
            lines: list[str] = []
            while (line := stdout.readline()) != "done\n":
                assert line, "the session ended"
                lines.append(line.rstrip("\n"))
            return lines

        run(*statements)
        try:
            yield run
        finally:
            process.communicate("\\q\n", timeout=60)

    def _psql(self, user: str) -> list[str]:
        words = ["-X", "-q", "-t", "--csv", "-v", "ON_ERROR_STOP=1", "-P", f"null={NULL}"]
        place = ["-h", "127.0.0.1", "-p", str(self.server.port), "-U", user, "-d", self.name]
        return [str(self.server.programs / "psql"), *words, *place]

    def _environment(self) -> dict[str, str]:
        return {"PGPASSWORD": self.server.password, "PGTZ": "UTC", "PGCLIENTENCODING": "UTF8"}


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A new server, gone with its folder at the end."""
    programs = binaries()
    folder = Path(tempfile.mkdtemp(prefix="cohort-tracker-pg-"))
    server = Postgres(programs, folder, _free_port())
    account = _unprivileged()
    who: dict[str, str | int | list[int]] = {}
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
        who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    secret = folder / "secret"
    secret.write_text(server.password, "utf-8")
    if account is not None:
        os.chown(secret, account.pw_uid, account.pw_gid)
    data = folder / "data"
    made = [programs / "initdb", "-D", data, "-U", "admin", f"--pwfile={secret}", "-N"]
    made += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run(made, check=True, capture_output=True, cwd=folder, **who)  # type: ignore[call-overload]
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": server.port,
        "unix_socket_directories": folder,
        "fsync": "off",
        "autovacuum_naptime": "5s",
    }
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # type: ignore[call-overload]
            [programs / "postgres", "-D", data, *options], stdout=log, stderr=log, cwd=folder, **who
        )
    try:
        wait_for(lambda: Database(server, "postgres").try_sql("select 1").returncode == 0)
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # fast: who is still connected is sent away
        process.wait(60)
        shutil.rmtree(folder)


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom the server runs as where we are root, which it refuses."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
