"""docs/postgres.md and its example: the SQL as it stands there, and what it lets people see."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from cohort_tracker.config import Settings
from cohort_tracker.warehouse.postgres.run import publish
from hostile_cohort import Person
from postgres_server import Database, Postgres
from published_tables import settings_for, tables_of
from reading_fixture import Read, built_cohort

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "postgres-mentors.sql"
PAGE = (DOCS / "postgres.md").read_text("utf-8")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Tables of people with hostile names, each with words of their own."""
    return built_cohort(tmp_path_factory.mktemp("hostile"), seed=5)


def publish_again(settings: Settings, database: Database) -> None:
    database.sql("update core.published_tables set build_id = 'another'")
    assert publish(settings).is_new


def settings_of(hostile: Read, home: Path, address: str) -> Settings:
    (home / "data" / "logs").mkdir(parents=True)
    shutil.copy(hostile.warehouse, home / "data" / "warehouse.duckdb")
    return settings_for(home / "data", address)


def rows_of(database: Database, table: str, user: str) -> list[str] | None:
    """What somebody sees of a table, as texts; None where they may not look."""
    done = database.try_sql(f"select t::text from {table} as t", user=user)
    if done.returncode:
        assert b"permission denied" in done.stderr, done.stderr
        return None
    return done.stdout.decode().splitlines()


def test_mentor_sees_the_own_nights_and_nobody_else(
    hostile: Read, database: Database, tmp_path: Path
):
    settings = settings_of(hostile, tmp_path, database.url())
    publish(settings)
    for _ in range(2):  # it can be repeated
        done = database.try_sql(file=EXAMPLE)
        assert done.returncode == 0, done.stderr.decode()
    logins = {f"mentor_{number}": who for number, who in enumerate(hostile.cohort.mentors)}
    for number, login in enumerate(logins):
        email = hostile.cohort.tables["mentors"][number]["email"].upper()
        database.add_user(login)
        database.sql(
            f"insert into school.mentor_logins values ('{login}', '{email}')",
            f"grant mentors to {login}",
        )
    for name, role in (("lead", "leads"), ("guest", "mentors")):
        database.add_user(name)
        database.sql(f"grant {role} to {name}")
    publish_again(settings, database)  # what the example set up stays

    tables = tables_of(settings.warehouse_path)
    for login, mentor in logins.items():
        check_what_is_seen(hostile, database, tables, login, mentor)
    with_a_night = [table for table in tables if rows_of(database, table, "guest") is not None]
    assert len(with_a_night) >= 12
    for table in with_a_night:
        assert rows_of(database, table, "guest") == []  # a mentor of no night
        assert rows_of(database, table, "lead") == rows_of(database, table, "admin")
    assert rows_of(database, "school.mentor_logins", "guest") is None


def check_what_is_seen(
    hostile: Read, database: Database, tables: Iterable[str], login: str, mentor: Person
) -> None:
    own = {(class_id, (night or "").lower()) for class_id, night in mentor.groups}
    seen = ""
    for table in tables:
        rows = rows_of(database, table, login)
        if rows is None:
            continue
        pairs = database.rows(f"select distinct class_id, lower(night) from {table}", user=login)
        assert {tuple(pair) for pair in pairs} <= own, table
        seen += "\n".join(rows)
    mine = [who for who in hostile.cohort.students if who.groups & mentor.groups]
    assert mine
    others = [who for who in hostile.cohort.students if who not in mine]
    assert all(any(word in seen for word in who.words) for who in mine)
    assert not [word for who in others for word in who.words if word in seen]
    assert not [word for word in hostile.cohort.of_the_lead if word in seen]


def test_statements_of_the_page_do_what_it_says(hostile: Read, postgres: Postgres, tmp_path: Path):
    setup, readers = re.findall(r"^```sql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    Database(postgres, "postgres").sql(*statements(setup.replace("choose-one", postgres.password)))
    cohorts = Database(postgres, "cohorts")
    settings = settings_of(hostile, tmp_path, cohorts.url("cohort_tracker"))
    publish(settings)
    make_role, *grants = statements(readers)
    cohorts.sql(make_role)
    cohorts.sql(*grants, user="cohort_tracker")
    tool = next(word for word in re.findall(r"`(CREATE ROLE metabase[^`]*)`", PAGE))
    cohorts.sql(*statements(tool.replace("…", postgres.password)))
    counted = "select count(*) from marts.student_health"
    assert cohorts.sql(counted, user="metabase") == cohorts.sql(counted) != "0"
    [built_at] = re.findall(r"`(select built_at from [^`]*)`", PAGE)
    assert cohorts.sql(built_at, user="metabase")
    # A table that comes later can be read, too.
    cohorts.sql("drop table marts.student_health", user="cohort_tracker")
    publish(settings)
    assert cohorts.sql(counted, user="metabase") == cohorts.sql(counted) != "0"


def statements(sql: str) -> list[str]:
    return [one for one in re.sub(r"--.*", "", sql).split(";") if one.strip()]
