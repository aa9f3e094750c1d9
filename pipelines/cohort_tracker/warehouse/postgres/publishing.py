"""One publish: a transaction in which all tables become those of the build."""

from __future__ import annotations

import contextlib
import zlib
from typing import TYPE_CHECKING, Any

import duckdb

from .shape import Changes, catalog_query, changes, found_tables, literal
from .tables import SCHEMAS, WAREHOUSE, Table, identifier

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LOCK_SECONDS = 10
"""How long to wait for another publish, or for whoever holds a table that is to be altered."""

REGISTER = "published_tables"
REGISTER_COLUMNS = (
    "(table_name text PRIMARY KEY, build_id text NOT NULL, published_at timestamptz NOT NULL)"
)
REGISTER_COMMENT = (
    "The tables that Cohort Tracker brought here, with the build that their rows are of. It deletes"
    " and drops no others."
)

_LIMITS = f"""
    SET LOCAL search_path = pg_catalog;
    SET LOCAL lock_timeout = '{LOCK_SECONDS}s';
    SET LOCAL statement_timeout = '30min';
    SET LOCAL idle_in_transaction_session_timeout = '5min';
    SET LOCAL tcp_keepalives_idle = 60;
    SET LOCAL tcp_keepalives_interval = 10;
    SET LOCAL tcp_keepalives_count = 6;
    SET LOCAL row_security = off
"""
# With row security on, a policy that was forced on the owner would hide rows from the DELETE.


class Refused(Exception):
    """PostgreSQL holds something that is not ours to change: message and hint."""


class Publishing:
    """Brings tables of the attached `warehouse` to the attached PostgreSQL database `pg`.

    Rows are replaced by DELETE and INSERT: readers go on seeing the old ones until the end and wait
    for nothing; grants, policies and views of others stay.

    Args:
        db: where both are attached.
        tables: all that is to be there.
        prefix: what the names of the schemas begin with.
        build_id: the build that the tables are of.
    """

    def __init__(
        self, db: DuckDBPyConnection, tables: list[Table], prefix: str, build_id: str
    ) -> None:
        self._db = db
        self._tables = tables
        self._prefix = prefix
        self._build_id = build_id
        self._schemas = [prefix + schema for schema in SCHEMAS]
        self._register = identifier(prefix + SCHEMAS[0], REGISTER)
        self._altered: list[str] = []

    def run(self) -> dict[str, Any]:
        """Publish, unless PostgreSQL has this build. Raises duckdb.Error or Refused."""
        self._db.begin()
        try:
            outcome = self._publish()
            self._db.commit()
        except BaseException:
            with contextlib.suppress(duckdb.Error):  # the connection may be gone
                self._db.rollback()
            raise
        return outcome

    def _publish(self) -> dict[str, Any]:
        self._execute(_LIMITS)
        key = zlib.crc32(f"cohort-tracker {self._prefix}".encode())
        self._execute(f"SELECT pg_advisory_xact_lock({key})")
        self._require_utf8()
        there = found_tables(self._ask(catalog_query(self._schemas)))
        known = self._known(there)
        todo = [(table, self._changes(table, there, known)) for table in self._tables]
        names = {self._name(table) for table in self._tables}
        if known == dict.fromkeys(names, self._build_id) and not any(found for _, found in todo):
            return {"build_id": self._build_id, "is_new": False, "tables": len(names)}
        self._make_schemas()
        self._change(*(found.before for _, found in todo if not found.alters))
        # What readers would have to wait for comes last, so that they wait for little.
        todo.sort(key=lambda item: item[1].alters)
        rows = sum(self._replace(table, found) for table, found in todo)
        for name in sorted(known.keys() - names):
            schema, plain = name.split(".", 1)
            if (schema, plain) in there:
                self._execute(f"DROP TABLE {identifier(schema, plain)}")
                self._altered.append(f"{name} is gone")
        self._note(names)
        return {
            "build_id": self._build_id,
            "is_new": True,
            "tables": len(names),
            "rows": rows,
            "altered": self._altered,
        }

    def _require_utf8(self) -> None:
        [(encoding,)] = self._ask("SELECT current_setting('server_encoding')")
        if encoding != "UTF8":
            raise Refused(
                f"the database is in {encoding}, which cannot hold every name",
                "Make one in UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.",
            )

    def _known(self, there: dict[tuple[str, str], Any]) -> dict[str, str]:
        """Which tables were published before, each with its build."""
        if (self._schemas[0], REGISTER) not in there:
            return {}
        return dict(self._ask(f"SELECT table_name, build_id FROM {self._register}"))  # noqa: S608

    def _changes(
        self, table: Table, there: dict[tuple[str, str], Any], known: dict[str, str]
    ) -> Changes:
        schema, name = self._prefix + table.schema, table.name
        found = there.get((schema, name))
        if found is not None and self._name(table) not in known:
            raise Refused(
                f"{schema}.{name} is there and was not made by Cohort Tracker",
                "Give the schemas another name, with publish_prefix, or rename what is there.",
            )
        return changes(table, identifier(schema, name), found)

    def _make_schemas(self) -> None:
        found = self._ask("SELECT nspname::text FROM pg_namespace")
        for schema in self._schemas:
            # IF NOT EXISTS asks for the right to make one also where it is there.
            if (schema,) not in found:
                self._execute(f"CREATE SCHEMA {identifier(schema)}")
        self._execute(f"CREATE TABLE IF NOT EXISTS {self._register} {REGISTER_COLUMNS}")

    def _replace(self, table: Table, found: Changes) -> int:
        """Bring one table into shape and replace its rows; returns how many there are."""
        schema = self._prefix + table.schema
        place = identifier(schema, table.name)
        if found.alters:
            self._change(found.before)
        if found.columns:
            self._altered.append(f"{schema}.{table.name}: {found.columns}")
        self._execute(f"DELETE FROM {place}")  # noqa: S608
        columns = ", ".join(identifier(column.name) for column in table.columns)
        values = ", ".join(column.value for column in table.columns)
        source = identifier(WAREHOUSE, table.schema, table.name)
        target = identifier("pg", schema, table.name)
        inserted = self._db.execute(
            f"INSERT INTO {target} ({columns}) SELECT {values} FROM {source}"  # noqa: S608
        ).fetchone()
        if found.after:
            self._execute(";\n".join(found.after))
        return int(inserted[0]) if inserted else 0

    def _change(self, *changes: list[str]) -> None:
        """Change columns, and let DuckDB see them, which takes it longer than the change."""
        statements = [statement for change in changes for statement in change]
        if statements:
            self._execute(";\n".join(statements))
            self._db.execute("CALL pg_clear_cache()")

    def _note(self, names: set[str]) -> None:
        rows = ", ".join(
            f"({literal(name)}, {literal(self._build_id)}, now())" for name in sorted(names)
        )
        self._execute(f"DELETE FROM {self._register}")  # noqa: S608
        self._execute(f"INSERT INTO {self._register} VALUES {rows}")  # noqa: S608
        self._execute(f"COMMENT ON TABLE {self._register} IS {literal(REGISTER_COMMENT)}")

    def _name(self, table: Table) -> str:
        return f"{self._prefix}{table.schema}.{table.name}"

    def _execute(self, sql: str) -> None:
        self._db.execute("CALL postgres_execute('pg', ?)", [sql])

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        return self._db.execute("FROM postgres_query('pg', ?)", [sql]).fetchall()
