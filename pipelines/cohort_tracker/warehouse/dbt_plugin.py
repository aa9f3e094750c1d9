"""dbt-duckdb plugin: opens the warehouse and the raw store for every dbt command, offline.

Named in `profiles.yml`. It attaches the warehouse as `warehouse`, whatever file that is, and the
raw store read-only as `raw`, with DuckDB's SQLite reader from the installed wheel. As long as
nothing was ever synced an empty stand-in takes the raw store's place, so that every dbt command
works on a fresh machine.

* Target `dev`, for people: `dev.duckdb` beside the published warehouse (`dev_copy.py`).
* Target `publish`, for a sync: a new file, which the sync publishes when the build is good. Opening
  it waits until the raw store may be read; until then dbt has no connection, so reads nothing.

The paths are read here and not in the profile, because dbt parses the whole project anew whenever
the rendered profile differs from the last run's.
"""

import atexit
import os
import sqlite3
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin
from duckdb import DuckDBPyConnection

from cohort_tracker.raw.layout import tables_of
from cohort_tracker.raw.schema import create_statements
from cohort_tracker.raw.store import BUSY_SECONDS, RawStore
from cohort_tracker.runtime.printing import say
from cohort_tracker.warehouse.dev_copy import prepare_dev_copy
from cohort_tracker.warehouse.extensions import extension_file, quoted
from cohort_tracker.warehouse.file_problems import FileProblem

DATABASE = "warehouse"
"""The name of the warehouse in SQL, in every target."""

# Beyond this DuckDB drops pages it can read again, and then goes to disk beside the warehouse: ten
# million progressions are built in about the same time with it as with five times as much.
_MEMORY_GIB = 4

_ROW_GROUP = 122_880
"""Several threads miss the last row of a SQLite table at a multiple of it (DuckDB 1.5.5)."""

_SMALL = 8 << 20
"""Bytes of a raw store below which more threads per statement, and compression, only cost time."""


def data_dir() -> Path:
    """Return the directory that holds both stores."""
    return _path_setting("COHORT_TRACKER_DATA_DIR", Path("~/.cohort-tracker"))


def raw_db() -> Path:
    """Return the path of the raw store."""
    return _path_setting("COHORT_TRACKER_RAW_DB", data_dir() / "raw.db")


def published_warehouse() -> Path:
    """Return the path of the warehouse that syncs publish."""
    return _path_setting("COHORT_TRACKER_WAREHOUSE", data_dir() / "warehouse.duckdb")


class SyncBuild:
    """The file that a sync has built, and the signal that the raw store may be read.

    The file is new and thrown away if anything goes wrong, so nothing is logged beside it while
    it grows, which would wait for the disk at the end of each of 40 models; `close` makes it whole.

    Args:
        path: the file to make.
        release: set when the raw store may be read; what dbt does before needs no data.
    """

    def __init__(self, path: Path, release: threading.Event) -> None:
        self.path = path
        self.release = release
        self._connection: DuckDBPyConnection | None = None

    def open(self, connection: DuckDBPyConnection) -> None:
        """Make the file and attach it, then wait for the release."""
        _attach_warehouse(connection, self.path, "RECOVERY_MODE no_wal_writes")
        self._connection = connection
        self.release.wait()

    def progressions(self) -> dict[str, int]:
        """How many progressions of each class were built; raises duckdb.Error."""
        counted = f"SELECT class_id, count(*) FROM {DATABASE}.core.progressions GROUP BY class_id"  # noqa: S608
        return dict(self.rows(counted))

    def file_problems(self) -> list[FileProblem]:
        """The lines of files that do not count, in order; raises duckdb.Error.

        Those of the roster are told by `roster.py`, together with who is on it without any work.
        """
        found = self.rows(
            f"SELECT file_name, line, named, problem FROM {DATABASE}.core.file_problems"  # noqa: S608
            " WHERE file_name <> 'roster' ORDER BY file_name, line"
        )
        return [FileProblem(*row) for row in found]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query on what is built so far; raises duckdb.Error."""
        assert self._connection is not None
        return self._connection.execute(query).fetchall()

    def close(self) -> None:
        """Write all that is not in the file yet; raises duckdb.Error, on a full disk above all."""
        if self._connection is not None:
            self._connection.execute(f"CHECKPOINT {DATABASE}")
            self._connection.execute(f"DETACH {DATABASE}")
            self._connection = None


sync_build: SyncBuild | None = None
"""What target `publish` builds: set in the dbt process of a sync, where dbt makes the plugin."""


class Plugin(BasePlugin):
    """Attaches the warehouse and the raw store to the database in memory that dbt opens."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Take the settings that the profile gives for the target."""
        self._publishes = bool(plugin_config.get("publish"))
        self._stand_in: tempfile.TemporaryDirectory[str] | None = None

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Attach both stores; waits until the raw store may be read."""
        (memory,) = conn.execute("SELECT current_setting('memory_limit')").fetchone() or ("",)
        if _gib(memory) > _MEMORY_GIB:  # by default most of what the machine has
            conn.execute(f"SET memory_limit = '{_MEMORY_GIB}GiB'")
        conn.execute(f"LOAD {quoted(sqlite_extension())}")
        if not self._publishes:
            self._open_dev(conn)
            self._attach_raw(conn)
            return
        if sync_build is None:
            raise RuntimeError("Only `cohort-tracker sync` builds the target publish; use dev.")
        sync_build.open(conn)
        if self._attach_raw(conn).stat().st_size < _SMALL:
            conn.execute("SET threads = 1")
            conn.execute("SET force_compression = 'uncompressed'")

    def configure_cursor(self, cursor: DuckDBPyConnection) -> None:
        """Let names without a database mean the warehouse, as in the file opened on its own."""
        cursor.execute(f"USE {DATABASE}")

    def _open_dev(self, conn: DuckDBPyConnection) -> None:
        def create(path: Path) -> None:
            _attach_warehouse(conn, path)
            conn.execute(f"DETACH {DATABASE}")

        published = published_warehouse()
        try:
            published.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            dev, remark = prepare_dev_copy(published, create)
        except OSError as error:
            raise RuntimeError(f"Could not write {error.filename}: {error.strerror}") from error
        if remark:
            say(remark, err=True)
        _attach_warehouse(conn, dev)

    def _attach_raw(self, conn: DuckDBPyConnection) -> Path:
        path = raw_db() if _has_tables(raw_db()) else self._empty_raw_db()
        store = RawStore(path)
        store.check()
        store.lay_out()  # changes nothing in a sync, which did it before it built
        if any(last and last % _ROW_GROUP == 0 for last in store.last_rows().values()):
            conn.execute("SET threads = 1")
        waits = f"BUSY_TIMEOUT {BUSY_SECONDS * 1000:.0f}"  # somebody may note a contact meanwhile
        conn.execute(f"ATTACH {quoted(path)} AS raw (TYPE sqlite, READ_ONLY, {waits})")
        return path

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


def _attach_warehouse(conn: DuckDBPyConnection, path: Path, *options: str) -> None:
    """Attach the file, made if it is missing, and let what does not fit in memory go beside it."""
    conn.execute(f"SET temp_directory = {quoted(path.with_name(path.name + '.tmp'))}")
    words = f" ({', '.join(options)})" if options else ""
    conn.execute(f"ATTACH {quoted(path)} AS {DATABASE}{words}")


def _has_tables(path: Path) -> bool:
    """Whether a sync ever wrote to it; opening it also takes back what a killed one left."""
    if not path.exists():
        return False
    try:
        with closing(sqlite3.connect(path, timeout=60)) as db:
            return "progressions" in tables_of(db)
    except sqlite3.Error:
        return True  # DuckDB says what is wrong with it


def sqlite_extension() -> Path:
    """Find the SQLite reader that the extension wheel carries for the installed DuckDB."""
    found = extension_file("sqlite_scanner")
    if found is None:
        raise RuntimeError(
            "DuckDB's SQLite reader is missing: install the package "
            "duckdb-extension-sqlite-scanner in the version of the installed duckdb"
        )
    return found


def _gib(amount: str) -> float:
    """Read an amount of memory as DuckDB writes it, such as `18.7 GiB`; what is less is 0."""
    number, _, unit = amount.partition(" ")
    return float(number) * {"GiB": 1, "TiB": 1024}.get(unit, 0)


def _path_setting(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default).expanduser()
