"""A sync that publishes to PostgreSQL: what it says, what fails, and what becomes of it."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import time
from pathlib import Path

from postgres_server import Database
from support import Bench


def build_of(database: Database) -> str:
    return database.sql("select id from core.build")


def everything(done: subprocess.CompletedProcess[str], data: Path) -> str:
    """All that a command said, and all that it left in files of text."""
    files = [*(data / "logs").iterdir(), *data.glob("*.json")]
    return done.stdout + done.stderr + "".join(f.read_text("utf-8", "replace") for f in files)


def test_sync_publishes_what_is_new_and_says_so(built: Bench, database: Database):
    address = database.url()
    first = built.command("sync", publish=address)
    assert first.returncode == 0, first.stderr
    name = f"school@127.0.0.1/{database.name}"
    assert re.search(
        rf"Published to PostgreSQL: \d\d tables, [\d,]+ rows \({name}\)\.", first.stdout
    )
    [[build_id]] = built.core("SELECT id FROM core.build")
    assert build_of(database) == build_id
    assert database.sql("select count(*) from core.progressions") == "45"

    again = json.loads(built.command("sync", "--json", publish=address).stdout)
    assert again["postgres"] == {"build_id": build_id, "replaced": False, "error": None}
    assert again["timings"]["postgres"] > 0

    shown = built.command("status", publish=address)
    assert f"to {name}, build {build_id}" in shown.stdout
    told = json.loads(built.command("status", "--json", publish=address).stdout)["postgres"]
    assert (told["address"], told["build_id"], told["error"]) == (name, build_id, None)
    assert told["published_at"] < told["confirmed_at"]
    elsewhere = built.command("status", publish=f"{address}_other")
    assert f"nothing published yet to {name}_other" in elsewhere.stdout
    assert "PostgreSQL" not in built.command("status").stdout


def test_failing_publish_is_one_line_and_never_the_password(built: Bench, database: Database):
    address = database.url(password="s3cret-wrong")
    done = built.command("--debug", "sync", publish=address)
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert f"The tables could not be published to school@127.0.0.1/{database.name}: " in line
    assert 'password authentication failed for user "school"' in line
    assert "Traceback" not in done.stderr
    shown = built.command("status", publish=address)
    assert "The tables could not be published to" in shown.stdout
    told = everything(done, built.data) + shown.stdout + shown.stderr
    for secret in ("s3cret", database.server.password, "p%40ss"):
        assert secret not in told


def test_next_sync_publishes_though_nothing_is_new(built: Bench, database: Database):
    built.source.shift("c1", 2)
    done = built.command("sync", "--json", publish=database.url(password="wrong"))
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["status"] == "failed"
    assert told["warehouse"]["published"]
    assert "could not be published" in told["postgres"]["error"]
    assert told["error"] == told["postgres"]["error"]
    assert built.core("SELECT count(*) FROM core.progressions") == [(47,)]
    status = json.loads(
        built.command("status", "--json", publish=database.url(password="wrong")).stdout
    )
    assert status["failed_build"] is None
    assert status["postgres"]["failed_since"]

    done = built.command("sync", publish=database.url())
    assert done.returncode == 0, done.stderr
    assert "Tables left as they are" in done.stdout
    assert database.sql("select count(*) from core.progressions") == "47"
    # A database that was put back to an earlier state is found out, too.
    database.sql("drop schema core cascade", "drop schema marts cascade")
    assert built.command("sync", publish=database.url()).returncode == 0
    assert database.sql("select count(*) from core.progressions") == "47"


def test_nobody_who_was_forgotten_stays_in_postgres(built: Bench, database: Database):
    address = database.url()
    assert built.command("sync", publish=address).returncode == 0
    person = "select count(*) from core.students where id = 'student-3'"
    assert database.sql(person) == "1"
    done = built.command("forget", "student-3", "--yes", publish=address)
    assert done.returncode == 0, done.stderr
    assert database.sql(person) == "0"
    found = database.rows(
        "select table_schema, table_name from information_schema.tables"
        " where table_schema in ('core', 'marts')"
    )
    for schema, table in found:
        count = f"select count(*) from {schema}.\"{table}\" as t where t::text like '%student-3%'"
        assert database.sql(count) == "0", table


def test_forget_that_cannot_reach_postgres_says_so(built: Bench, database: Database):
    assert built.command("sync", publish=database.url()).returncode == 0
    done = built.command("forget", "student-3", "--yes", publish=database.url(password="wrong"))
    assert done.returncode == 1
    assert "The tables could not be published to" in done.stderr
    assert built.command("sync", publish=database.url()).returncode == 0
    assert database.sql("select count(*) from core.students where id = 'student-3'") == "0"


def test_no_process_shows_the_password(built: Bench, database: Database):
    sync = built.start("sync", publish=database.url())
    seen: set[str] = set()
    while sync.poll() is None:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = entry.read_bytes().decode("utf-8", "replace")
                seen |= {words} if str(built.data) in words else set()
        time.sleep(0.01)
    _, err = sync.communicate()
    assert sync.returncode == 0, err
    assert any("warehouse.postgres.worker" in words for words in seen)
    assert database.server.password not in "".join(seen)
    assert "p%40ss" not in "".join(seen)
