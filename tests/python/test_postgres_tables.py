"""What arrives in PostgreSQL: every row, with types, comments and keys."""

from __future__ import annotations

import re
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]

from cohort_tracker.errors import PublishError
from cohort_tracker.warehouse.postgres.note import published_copy
from cohort_tracker.warehouse.postgres.run import publish
from page_cohort import Cohort
from postgres_server import Database
from published_tables import (
    ask,
    rows_here,
    rows_there,
    settings_for,
    tables_of,
    write_tables,
)
from reading_fixture import built_cohort

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="session")
def hostile_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of people with hostile names."""
    return built_cohort(tmp_path_factory.mktemp("hostile"), seed=11).warehouse


def data_with(warehouse: Path, home: Path) -> Path:
    """A data directory that has published the file."""
    data = home / "data"
    (data / "logs").mkdir(parents=True)
    shutil.copy(warehouse, data / "warehouse.duckdb")
    return data


@pytest.mark.parametrize("which", ["cohort", "hostile"])
def test_every_row_of_every_table_arrives(
    which: str,
    cohort: Cohort,
    hostile_warehouse: Path,
    database: Database,
    tmp_path: Path,
):
    warehouse = cohort.settings.warehouse_path if which == "cohort" else hostile_warehouse
    data = data_with(warehouse, tmp_path)
    tables = tables_of(warehouse)
    found = publish(settings_for(data, database.url()))
    assert (found.is_new, found.tables) == (True, len(tables))
    assert found.rows == sum(ask(warehouse, f"SELECT count(*) FROM {t}")[0][0] for t in tables)
    there = database.rows(
        "select table_schema || '.' || table_name from information_schema.tables"
        " where table_schema in ('core', 'marts') order by 1"
    )
    assert [name for [name] in there] == sorted([*tables, "core.published_tables"])
    assert len(tables) > 60
    for table, columns in tables.items():
        assert rows_there(database, table, columns) == rows_here(warehouse, table, columns), table
    if which == "cohort":
        return
    # And again into tables that are full.
    database.sql("update core.published_tables set build_id = 'another'")
    assert publish(settings_for(data, database.url())).is_new
    for table, columns in tables.items():
        assert rows_there(database, table, columns) == rows_here(warehouse, table, columns), table


def test_columns_have_postgres_own_types(cohort: Cohort, database: Database, tmp_path: Path):
    data = data_with(cohort.settings.warehouse_path, tmp_path)
    publish(settings_for(data, database.url()))
    natural = {
        "BIGINT": "bigint",
        "BOOLEAN": "boolean",
        "DATE": "date",
        "DOUBLE": "double precision",
        "TIMESTAMP": "timestamp with time zone",
        "VARCHAR": "text",
    }
    wanted = [
        [table, name, natural[type_]]
        for table, columns in tables_of(data / "warehouse.duckdb").items()
        for name, type_ in columns
    ]
    there = database.rows(
        "select table_schema || '.' || table_name, column_name, data_type"
        " from information_schema.columns where table_schema in ('core', 'marts')"
        " and table_name <> 'published_tables'"
    )
    assert sorted(map(str, there)) == sorted(map(str, wanted))


def test_types_that_no_table_has_yet_arrive_too(database: Database, tmp_path: Path):
    write_tables(
        tmp_path / "data",
        "b1",
        "CREATE TYPE core.mood AS ENUM ('glad', 'it''s sad')",
        """CREATE TABLE core.odd AS SELECT
            1::TINYINT AS tiny, 70000::UINTEGER AS unsigned, 18446744073709551615::UBIGINT AS big,
            12345678901234567890123456789012345678::HUGEINT AS huge, 1.250::DECIMAL(9, 3) AS money,
            0.5::FLOAT AS half, DATE '0001-01-01' AS first_day, TIME '23:59:59.5' AS at_,
            TIMESTAMPTZ '2026-03-01 12:00:00+02' AS moment, TIMESTAMP '2026-03-01 23:30:00' AS utc,
            'it''s sad'::core.mood AS mood, ['a', NULL, '"'] AS list, {'a': 1, 'b': 'x'} AS pair,
            MAP {'k': 2} AS map, 'NaN'::DOUBLE AS nan, chr(0) || 'n' AS nul, '\\N' AS back
        """,
        "INSERT INTO core.odd (tiny) VALUES (NULL)",
    )
    publish(settings_for(tmp_path / "data", database.url()))
    full, empty = database.rows("select * from core.odd order by tiny")
    assert full == [
        *("1", "70000", "18446744073709551615", "12345678901234567890123456789012345678"),
        *("1.250", "0.5", "0001-01-01", "23:59:59.5"),
        *("2026-03-01 10:00:00+00", "2026-03-01 23:30:00+00"),
        *("it's sad", '["a", null, "\\""]', '{"a": 1, "b": "x"}', '{"k": 2}', "NaN"),
        *("\N{REPLACEMENT CHARACTER}n", "\\N"),
    ]
    assert empty == [None] * len(full)


def test_tables_bring_their_comments_and_keys(cohort: Cohort, database: Database, tmp_path: Path):
    data = data_with(cohort.settings.warehouse_path, tmp_path)
    publish(settings_for(data, database.url()))
    warehouse = data / "warehouse.duckdb"
    said = ask(
        warehouse,
        "SELECT schema_name || '.' || table_name, '', comment FROM duckdb_tables()"
        " WHERE schema_name IN ('core', 'marts') UNION ALL"
        " SELECT schema_name || '.' || table_name, column_name, comment FROM duckdb_columns()"
        " WHERE schema_name IN ('core', 'marts')",
    )
    assert all(comment for *_, comment in said)
    there = database.rows(
        "select c.oid::regclass::text, coalesce(a.attname, ''), d.description"
        " from pg_description as d join pg_class as c on c.oid = d.objoid"
        " left join pg_attribute as a on a.attrelid = c.oid and a.attnum = d.objsubid"
        " and d.objsubid > 0 where d.classoid = 'pg_class'::regclass"
        " and c.relnamespace in ('core'::regnamespace, 'marts'::regnamespace)"
        " and c.relname <> 'published_tables'"
    )
    assert {tuple(row) for row in there} == set(said)

    keys = database.rows(
        "select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint"
        " where contype = 'p' and conrelid <> 'core.published_tables'::regclass"
        " and connamespace in ('core'::regnamespace, 'marts'::regnamespace) order by 1"
    )
    assert keys == [[table, declared_key(table)] for table in sorted(tables_of(warehouse))]


def declared_key(table: str) -> str:
    """The key that the contract of a table declares, as PostgreSQL writes it."""
    schema, name = table.split(".")
    text = (MODELS / schema / f"{name}.yml").read_text("utf-8")
    [model] = yaml.safe_load(text)["models"]
    [key] = [one["columns"] for one in model["constraints"] if one["type"] == "primary_key"]
    return f"PRIMARY KEY ({', '.join(key)})"


def test_two_schools_in_one_database_do_not_meet(database: Database, tmp_path: Path):
    for name in ("one", "two"):
        write_tables(tmp_path / name, f"build {name}")
        publish(settings_for(tmp_path / name, database.url(), publish_prefix=f"{name}_"))
    for name in ("one", "two"):
        assert database.sql(f"select id from {name}_core.build") == f"build {name}"
        settings = settings_for(tmp_path / name, database.url(), publish_prefix=f"{name}_")
        assert not publish(settings).is_new


def test_database_that_cannot_hold_every_name_is_refused(database: Database, tmp_path: Path):
    database.sql("create database latin encoding 'LATIN1' locale 'C' template template0")
    write_tables(tmp_path / "data", "b1")
    latin = Database(database.server, "latin")
    with pytest.raises(PublishError, match="the database is in LATIN1"):
        publish(settings_for(tmp_path / "data", latin.url("admin")))
    assert latin.rows("select 1 from pg_namespace where nspname = 'core'") == []


WRONG: dict[str, tuple[Callable[[Database], str], str, str]] = {
    "password": (lambda d: d.url(password="no"), "password authentication failed", "`publish`"),
    "port": (lambda d: f"postgresql://school:pw@127.0.0.1:9/{d.name}", "refused", "`publish`"),
    "host": (lambda d: "postgresql://a@h.invalid/d?sslmode=require", "h.invalid", "`publish`"),
    "database": (lambda d: d.url().replace(d.name, "nowhere"), '"nowhere" does not', "`publish`"),
    "option": (lambda d: d.url(query="?nonsense=1"), "invalid URI query parameter", "`publish`"),
    "encryption": (lambda d: d.url(query="?sslmode=require"), "does not support SSL", "`publish`"),
    "rights": (lambda d: d.url("stranger"), "permission denied for database", "which rights"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_in_a_line(what: str, database: Database, tmp_path: Path):
    address, words, advice = WRONG[what]
    if what == "rights":
        database.add_user("stranger")
    write_tables(tmp_path / "data", "b1")
    settings = settings_for(tmp_path / "data", address(database))
    with pytest.raises(PublishError, match=re.escape(words)) as raised:
        publish(settings)
    assert "\n" not in raised.value.message
    assert advice in (raised.value.hint or "")
    noted = published_copy(settings)
    assert noted is not None
    assert (noted.error, noted.build_id) == (raised.value.message, None)


def test_server_that_says_nothing_is_given_up(database: Database, tmp_path: Path):
    write_tables(tmp_path / "data", "b1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        address = f"postgresql://a:pw@127.0.0.1:{port}/d?connect_timeout=2"
        started = time.monotonic()
        with pytest.raises(PublishError, match="timeout expired"):
            publish(settings_for(tmp_path / "data", address))
        assert time.monotonic() - started < 20
