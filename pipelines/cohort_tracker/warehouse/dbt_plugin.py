"""dbt-duckdb plugin: lets plain `dbt` commands read the raw store, without internet.

Named in `profiles.yml`. It finds the warehouse and the raw store, makes the data directory, loads
DuckDB's SQLite reader from the installed wheel, and attaches the raw store read-only as `raw`. As
long as nothing was ever synced an empty stand-in takes its place, so that every dbt command works
on a fresh machine.

The paths are read here and not in the profile, because dbt parses the whole project anew whenever
the rendered profile differs from the last run's.
"""

import atexit
import importlib.util
import os
import sqlite3
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from cohort_tracker.raw.schema import RAW_TABLES, create_statements
from cohort_tracker.raw.store import RawStore

EXTENSION_PACKAGE = "duckdb_extension_sqlite_scanner"
# Beyond this DuckDB drops pages it can read again, and then goes to disk beside the warehouse: ten
# million progressions are built in about the same time with it as with five times as much.
_MEMORY_GIB = 4

_SMALL = 8 << 20
"""Bytes of a raw store below which more threads per statement, and compression, only cost time."""


def data_dir() -> Path:
    """Return the directory that holds both stores."""
    return _path_setting("COHORT_TRACKER_DATA_DIR", Path("~/.cohort-tracker"))


def raw_db() -> Path:
    """Return the path of the raw store."""
    return _path_setting("COHORT_TRACKER_RAW_DB", data_dir() / "raw.db")


def warehouse() -> Path:
    """Return the path of the warehouse to build or read; its stem is the database's name in SQL."""
    return _path_setting("COHORT_TRACKER_WAREHOUSE", data_dir() / "warehouse.duckdb")


class FreshFile:
    """A warehouse built into a new file in one go, and thrown away if anything goes wrong.

    So nothing is logged beside it while it grows, which would wait for the disk at the end of each
    of 40 models; `close` makes the file whole. The raw store is attached when it may be read.

    Args:
        raw_is_ready: set when the raw store may be read.
    """

    def __init__(self, raw_is_ready: threading.Event) -> None:
        self.raw_is_ready = raw_is_ready
        self._name = ""
        self._connection: DuckDBPyConnection | None = None

    def open(self, connection: DuckDBPyConnection, path: Path) -> None:
        """Make the file and attach it under its name."""
        spill = path.with_name(path.name + ".tmp")
        connection.execute(f"SET temp_directory = {_quoted(spill)}")
        self._name = f'"{path.stem}"'
        connection.execute(f"ATTACH {_quoted(path)} AS {self._name} (RECOVERY_MODE no_wal_writes)")
        self._connection = connection

    def close(self) -> None:
        """Write all that is not in the file yet; raises duckdb.Error, on a full disk above all."""
        if self._connection is not None:
            self._connection.execute(f"CHECKPOINT {self._name}")
            self._connection.execute(f"DETACH {self._name}")
            self._connection = None


fresh_file: FreshFile | None = None
"""What a sync builds into; None for the dbt commands that people type."""


class Plugin(BasePlugin):
    """Attaches the raw store to each DuckDB connection that dbt opens."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Start without a raw store and without a stand-in for it."""
        self._stand_in: tempfile.TemporaryDirectory[str] | None = None
        self._lock = threading.Lock()
        self._has_raw = False

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Put the warehouse where the settings say, in a directory that others cannot read."""
        path = warehouse()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A fresh file is attached to a database in memory: only so can it be told to keep no log.
        creds.path = str(path) if fresh_file is None else ":memory:"

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Load the SQLite reader and attach the raw store as `raw`."""
        (memory,) = conn.execute("SELECT current_setting('memory_limit')").fetchone() or ("",)
        if _gib(memory) > _MEMORY_GIB:  # by default most of what the machine has
            conn.execute(f"SET memory_limit = '{_MEMORY_GIB}GiB'")
        conn.execute(f"LOAD {_quoted(sqlite_extension())}")
        if fresh_file is None:
            self._attach_raw(conn)
        else:
            fresh_file.open(conn, warehouse())

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        """Attach the raw store of a sync, once it may be read."""
        if fresh_file is not None and fresh_file.raw_is_ready.is_set():
            with self._lock:
                if not self._has_raw:
                    self._attach_raw(cursor)
                    self._has_raw = True

    def _attach_raw(self, conn: DuckDBPyConnection) -> None:
        path = raw_db() if _has_tables(raw_db()) else self._empty_raw_db()
        store = RawStore(path)
        store.check()
        if store.pending_migrations():  # a sync did it before it built
            store.lay_out()
        conn.execute(f"ATTACH IF NOT EXISTS {_quoted(path)} AS raw (TYPE sqlite, READ_ONLY)")
        if fresh_file is not None and path.stat().st_size < _SMALL:
            conn.execute("SET threads = 1")
            conn.execute("SET force_compression = 'uncompressed'")

    def _empty_raw_db(self) -> Path:
        """Return an empty raw store in a temporary directory that goes when the process ends."""
        if self._stand_in is None:
            self._stand_in = tempfile.TemporaryDirectory(prefix="cohort-tracker-")
            atexit.register(self._stand_in.cleanup)
            with closing(sqlite3.connect(Path(self._stand_in.name) / "raw.db")) as db:
                for statement in create_statements():
                    db.execute(statement)
                db.commit()
        return Path(self._stand_in.name) / "raw.db"


def _has_tables(path: Path) -> bool:
    """Whether a sync has laid out the store; opening it also takes back what a killed one left."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path, timeout=60)) as db:
            names = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error:
        return True  # DuckDB says what is wrong with it
    return names >= RAW_TABLES.keys()


def sqlite_extension() -> Path:
    """Find the SQLite reader that the extension wheel carries for the installed DuckDB."""
    spec = importlib.util.find_spec(EXTENSION_PACKAGE)
    found = [
        path
        for location in (spec.submodule_search_locations or [] if spec else [])
        for path in sorted(Path(location).glob("extensions/*/sqlite_scanner.duckdb_extension"))
    ]
    if not found:
        raise RuntimeError(
            "DuckDB's SQLite reader is missing: install the package "
            "duckdb-extension-sqlite-scanner in the version of the installed duckdb"
        )
    return found[-1]


def _gib(amount: str) -> float:
    """Read an amount of memory as DuckDB writes it, such as `18.7 GiB`; what is less is 0."""
    number, _, unit = amount.partition(" ")
    return float(number) * {"GiB": 1, "TiB": 1024}.get(unit, 0)


def _path_setting(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default).expanduser()


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
