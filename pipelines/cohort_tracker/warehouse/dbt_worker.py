"""The dbt process of a sync: parse the project, wait for the release, build, write the outcome.

Arguments: PROJECT_DIR DATA_DIR OUTCOME_FILE BUILD_FILE PUBLISHED_WAREHOUSE VARS; `build.py` starts
it, isolated from the environment and the working directory. dbt starts while pages are awaited, and
has imported, parsed and planned what needs no data when the raw store may be read: a line on
standard input releases it. The end of standard input means that the sync died: the process ends
with it, whatever it is doing.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .dbt_plugin import SyncBuild
    from .file_problems import FileProblem

_LARGEST_READ_WHOLE = 256 << 20
# Two models at once are ready sooner, but need the memory of both: only where that is little.
_LARGEST_RAW_FOR_TWO = 100 << 20
_RAN = {"success", "pass", "warn"}
# The test that asks all tables for what the tests `keys` ask of one.
_KEYS_OF_ALL, _KEYS_OF_ONE = "every_key", "keys"
# Why a sound file may not be opened.
_NO_DAMAGE = ("Could not set lock", "Cannot open file", "Permission denied")


def main(
    project_dir: str,
    data_dir: str,
    outcome_file: str,
    build_file: str,
    published: str,
    variables: str,
) -> int:
    """Run one build into `build_file`; the outcome goes to `outcome_file` as JSON.

    `variables`: the dbt variables that are not the project's, as JSON.
    """
    started = time.monotonic()
    # The process ends with the build: what it holds is not worth looking through for garbage.
    gc.disable()
    release = _listen()
    from dbt.cli.main import dbtRunner

    from ..runtime.background import Background
    from . import dbt_plugin

    seconds = {"dbt_import": time.monotonic() - started}
    # dbt's own log and artifacts cost a fifth of the build, and the sync needs none of them.
    quiet = ["--quiet", "--no-use-colors", "--log-level-file", "none", "--no-write-json"]
    quiet += ["--no-send-anonymous-usage-stats", "--no-version-check"]
    places = ["--project-dir", project_dir, "--profiles-dir", project_dir, "--target", "publish"]
    places += ["--target-path", str(Path(data_dir) / "dbt")]
    places += ["--log-path", str(Path(data_dir) / "logs")]
    places += ["--vars", variables]
    build = dbt_plugin.sync_build = dbt_plugin.SyncBuild(Path(build_file), release)
    damage = Background(lambda: is_damaged(Path(published)), "damage")
    started = time.monotonic()
    parsed: Any = dbtRunner().invoke([*quiet, "parse", *places])
    if not parsed.success:
        return _write_outcome(
            outcome_file, failures=[_one_line(parsed.exception or "dbt parse failed")]
        )
    seconds["parse"] = time.monotonic() - started
    built: Any = dbtRunner(manifest=parsed.result).invoke(
        [*quiet, "build", *places, "--selector", "sync", "--threads", str(_threads())]
    )
    results = list(getattr(built.result, "results", None) or [])
    failures = [
        line
        for result in results
        if str(result.status) in {"error", "fail", "runtime error"}
        for line in _told(result, build)
    ]
    if not built.success and not failures:
        failures = [_one_line(built.exception or "dbt build failed")]
    failures += [] if failures else _left_out(parsed.result, results)
    progressions: dict[str, int] = {}
    build_id: str | None = None
    file_problems: list[FileProblem] = []
    if not failures:
        try:
            progressions = build.progressions()
            file_problems = build.file_problems()
            build.close()
            build_id = id_of_build(build.path)
        except Exception as error:  # a full disk, above all
            failures = [f"{build.path.name}: {_one_line(error)}"]
    count = {"model": 0, "test": 0}
    spent = {"model": 0.0, "test": 0.0}
    for result in results:
        kind = str(result.node.resource_type)
        if kind in count:
            count[kind] += 1
            spent[kind] += result.execution_time
    seconds |= {"models": spent["model"], "tests": spent["test"]}
    return _write_outcome(
        outcome_file,
        models=count["model"],
        tests=count["test"],
        failures=failures,
        damaged=damage.result(),
        seconds=seconds,
        progressions=progressions,
        build_id=build_id,
        file_problems=file_problems,
    )


def _threads() -> int:
    """How many models to build at once, by the size of the raw store before this sync."""
    raw = Path(os.environ["COHORT_TRACKER_RAW_DB"])
    return 2 if not raw.exists() or raw.stat().st_size <= _LARGEST_RAW_FOR_TWO else 1


def _told(result: Any, build: SyncBuild) -> list[str]:
    """A line per failed model or test; where keys are broken, one per key."""
    if result.node.name == _KEYS_OF_ALL and str(result.status) == "fail":
        return [f"{table}: broken {key}" for table, key in build.rows(result.node.compiled_code)]
    return [f"{result.node.name}: {_one_line(result.message or result.status)}"]


def _left_out(manifest: Any, results: list[Any]) -> list[str]:
    """Models and tests of the project that a sync must run (selectors.yml) and that did not run."""
    due = {
        unique_id: node.name
        for unique_id, node in manifest.nodes.items()
        if str(node.resource_type) in {"model", "test"}
        and "development" not in node.tags
        and not _is_about_one_table(node)
    }
    ran = {result.node.unique_id for result in results if str(result.status) in _RAN}
    return [f"{name}: was left out of the build" for key, name in due.items() if key not in ran]


def _is_about_one_table(node: Any) -> bool:
    """Whether it is a test that `every_key` stands for."""
    kind = getattr(node, "test_metadata", None)
    return kind is not None and kind.name == _KEYS_OF_ONE


def id_of_build(warehouse: Path) -> str:
    """The id of the build that made the file, as the file itself has it; raises duckdb.Error."""
    import duckdb

    with duckdb.connect(str(warehouse), read_only=True) as connection:
        [(build_id,)] = connection.execute("SELECT id FROM core.build").fetchall()
    return str(build_id)


def is_damaged(warehouse: Path) -> bool:
    """Whether the file is there but cannot be read as a DuckDB database.

    Every block of it is looked at, unless it is large: then only what leads to the blocks. A file
    that another process holds open for writing is none of ours to judge.
    """
    import duckdb

    if not warehouse.exists():
        return False
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            names = connection.execute(
                "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT internal"
            ).fetchall()
            if warehouse.stat().st_size <= _LARGEST_READ_WHOLE:
                for name in names:
                    table = ".".join('"' + part.replace('"', '""') + '"' for part in name)
                    connection.execute(f"SELECT max(hash(t)) FROM {table} AS t")  # noqa: S608
    except (duckdb.IOException, duckdb.SerializationException) as error:
        return not any(words in str(error) for words in _NO_DAMAGE)
    except (duckdb.InternalException, duckdb.FatalException):
        return True
    except (duckdb.Error, OSError):
        return False
    return False


def _listen() -> threading.Event:
    """Read standard input in the background; the event is set by its first line."""
    release = threading.Event()

    def listen() -> None:
        # Not through sys.stdin, whose lock would outlive this thread at exit.
        while os.read(0, 64):
            release.set()
        os._exit(1)

    threading.Thread(target=listen, name="parent", daemon=True).start()
    return release


def _write_outcome(
    outcome_file: str,
    *,
    failures: list[str],
    models: int = 0,
    tests: int = 0,
    damaged: bool = False,
    progressions: dict[str, int] | None = None,
    build_id: str | None = None,
    file_problems: Sequence[FileProblem] = (),
    seconds: dict[str, float] | None = None,
) -> int:
    outcome = {
        "models": models,
        "tests": tests,
        "failures": failures,
        "damaged": damaged,
        "progressions": progressions or {},
        "build_id": build_id,
        "file_problems": file_problems,
        "seconds": seconds or {},
    }
    Path(outcome_file).write_text(json.dumps(outcome), encoding="utf-8")
    return 1 if failures else 0


def _one_line(message: Any) -> str:
    return " ".join(str(message).split())[:500]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
