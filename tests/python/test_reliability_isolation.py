"""Whatever surrounds a sync (variables, folders, settings of the user's): the same tables."""

from __future__ import annotations

import json
import os
import pkgutil
import re
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from dbt.cli.main import cli as dbt_cli
from dlt.common import known_env
from dlt.common.configuration.providers.environ import EnvironProvider
from dlt.common.configuration.specs import BaseConfiguration

from cohort_tracker import __version__
from cohort_tracker.sandbox import World
from support import SOURCE_ROOT, Bench, processes_about, wait_for
from tables import tables_of

# With these Python itself does not start, or a command cannot be read any more.
PYTHON_ITSELF = {f"PYTHON{name}" for name in ("HOME", "PLATLIBDIR", "PATH", "VERBOSE", "INSPECT")}
NEEDED = {"PATH", "HOME", "TMPDIR", "LANG", "TERM", "TZ"}
DLT_PACKAGES = ("dlt.common", "dlt.extract", "dlt.normalize", "dlt.load", "dlt.pipeline")
LIBRARIES = ("dbt", "dlt", "duckdb", "pandas", "pyarrow")
SHADOWED = (*LIBRARIES, "calendar", "queue")


def variables_of(command: click.Command) -> set[str]:
    """Every variable that an option of dbt's command line can be given by."""
    found: set[str] = set()
    for option in command.params:
        names = option.envvar or []
        found.update([names] if isinstance(names, str) else names)
    for inner in getattr(command, "commands", {}).values():
        found |= variables_of(inner)
    return found


def specs() -> set[type[BaseConfiguration]]:
    """Every kind of settings that dlt knows, destinations and all."""
    for package in map(import_module, DLT_PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            # What it is for is not installed, or it is outdated.
            with suppress(Exception), warnings.catch_warnings(action="ignore"):
                import_module(module.name)
    found: set[type[BaseConfiguration]] = set()
    waiting: list[type[BaseConfiguration]] = [BaseConfiguration]
    while waiting:
        subclasses = set(waiting.pop().__subclasses__()) - found
        found |= subclasses
        waiting += subclasses
    return found


def of_dlt() -> dict[str, str]:
    """Every variable that dlt can be set by, each with a value that it would take."""
    given = {value: "elsewhere" for name, value in vars(known_env).items() if name.isupper()}
    for spec in specs():
        for field, hint in spec.get_resolvable_fields().items():
            value = "true" if hint is bool else "7" if hint in (int, float) else "elsewhere"
            for sections in {(), (spec.__section__,) if spec.__section__ else ()}:
                given[EnvironProvider.get_key_name(field, *sections)] = value
    return given


def of_dbt() -> dict[str, str]:
    given = dict.fromkeys(variables_of(dbt_cli), "true")
    return given | {name: "test" for name in given if name.endswith("RESOURCE_TYPES")}


def of_python() -> dict[str, str]:
    told = subprocess.run(
        [sys.executable, "--help-env"], capture_output=True, text=True, check=True
    ).stdout
    of_some = {"PYTHONMALLOC": "debug", "PYTHONINTMAXSTRDIGITS": "640"}
    of_some |= {"PYTHONWARNINGS": "error", "PYTHONIOENCODING": "ascii"}
    return dict.fromkeys(re.findall(r"^PYTHON[A-Z]+", told, re.MULTILINE), "1") | of_some


def surround(home: Path) -> dict[str, str]:
    """Lay traps around a sync in `home`; returns the variables that are traps, too."""
    given = of_python() | of_dbt() | of_dlt() | {"PROGRESS": "log"}
    assert {"DBT_EMPTY", "DEV_MODE", "DATASET_NAME_LAYOUT", "RUNTIME__LOG_LEVEL"} <= given.keys()
    assert {"DLT_PROJECT_DIR", "PYTHONOPTIMIZE", "EXTRACT__WORKERS"} <= given.keys()
    assert len(given) > 300
    shadows = home / "shadows"
    shadows.mkdir()
    # Of the path that Python was told to search before its own, it takes its own modules, too.
    for folder, modules in ((home, SHADOWED), (shadows, LIBRARIES)):
        for module in modules:
            (folder / f"{module}.py").write_text(
                f"open({str(home / 'trapped')!r}, 'a').write({module!r})\nraise SystemExit(9)\n"
            )
    for folder in (home / ".dlt", home / ".dbt"):
        folder.mkdir()
    for name in ("config.toml", "secrets.toml"):
        (home / ".dlt" / name).write_text("dev_mode = true\n[normalize]\nworkers = 'none'\n")
    (home / ".dbt" / "profiles.yml").write_text("cohort_tracker: {target: other}\n")
    (home / "dbt_project.yml").write_text("name: other\n")
    kept = {name: value for name, value in given.items() if name not in NEEDED | PYTHON_ITSELF}
    return kept | {
        **{"DLT_PROJECT_DIR": str(home), "DLT_DATA_DIR": str(home / ".dlt")},
        **{"DBT_PROJECT_DIR": str(home), "DBT_PROFILES_DIR": str(home / ".dbt")},
        "PYTHONPATH": f"{SOURCE_ROOT}:{shadows}",
        "TZ": "Asia/Kathmandu",
    }


@contextmanager
def children_of(data: Path) -> Iterator[dict[str, dict[str, str]]]:
    """The environments of the children of a sync that are seen meanwhile, by module."""
    seen: dict[str, dict[str, str]] = {}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            for entry in Path("/proc").iterdir():
                try:
                    words = (entry / "cmdline").read_bytes().decode().split("\0")
                    if str(data) in " ".join(words) and "-I" in words:
                        module = next(w for w in words if w.startswith("cohort_tracker."))
                        lines = (entry / "environ").read_bytes().decode().split("\0")
                        seen[module] = dict(line.split("=", 1) for line in lines if line)
                        seen[module]["cwd"] = str((entry / "cwd").readlink())
                except OSError:
                    continue

    watch = threading.Thread(target=look)
    watch.start()
    try:
        yield seen
    finally:
        ended.set()
        watch.join()


def sync(bench: Bench, *arguments: str, **variables: str) -> dict[str, Any]:
    done = subprocess.run(
        # As the installed command does, it leaves the working directory out of the path.
        [sys.executable, "-P", "-m", "cohort_tracker", "sync", "--json", *arguments],
        env={**bench.process_environment(), **variables},
        cwd=bench.home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_nothing_around_a_sync_reaches_its_children_or_its_tables(
    tmp_path: Path, small_world: World
):
    with Bench(tmp_path / "plain", small_world) as plain:
        plain.home.mkdir()
        told = sync(plain)
        right = tables_of(plain, "core") | tables_of(plain, "marts")
    with Bench(tmp_path / "trapped", small_world) as trapped:
        trapped.home.mkdir()
        variables = surround(trapped.home)
        with children_of(trapped.data) as children:
            found = sync(trapped, **variables)
        assert found["warehouse"] == told["warehouse"]
        assert found["warehouse"]["tests"] > 10
        assert tables_of(trapped, "core") | tables_of(trapped, "marts") == right
        assert len(right["core.progressions"]) > 100
    data = trapped.data
    common = {"PATH": "/bin:/usr/bin", "TZ": "UTC", "DO_NOT_TRACK": "1"}
    load, build = str(data / "load"), str(data / "build" / found["run_id"])
    assert children == {
        "cohort_tracker.raw.load_worker": {
            **common,
            **dict.fromkeys(("cwd", "HOME", "TMPDIR"), load),
            **dict.fromkeys(("DLT_PROJECT_DIR", "DLT_DATA_DIR", "DLT_LOCAL_DIR"), load),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "RUNTIME__LOG_LEVEL": "CRITICAL",
            "RESTORE_FROM_DESTINATION": "false",
        },
        "cohort_tracker.warehouse.dbt_worker": {
            **common,
            **dict.fromkeys(("cwd", "HOME", "TMPDIR"), build),
            "COHORT_TRACKER_DATA_DIR": str(data),
            "COHORT_TRACKER_RAW_DB": str(data / "raw.db"),
            "COHORT_TRACKER_BUILD_ID": found["run_id"],
            "COHORT_TRACKER_VERSION": __version__,
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        },
    }
    made = {path.name for path in trapped.home.iterdir()} - {f"{name}.py" for name in SHADOWED}
    assert made == {"data", "shadows", ".dlt", ".dbt", "dbt_project.yml"}
    assert {path.name for path in (trapped.home / ".dlt").iterdir()} == {
        "config.toml",
        "secrets.toml",
    }


WATCHED = """
import sys, threading
elsewhere = []
def hook(event, arguments):
    if event == "import" and threading.current_thread() is not threading.main_thread():
        elsewhere.append(arguments[0])
sys.addaudithook(hook)
"""


def test_sync_imports_in_one_thread_only_and_nothing_large(bench: Bench):
    """Two threads that import pandas at once get half of it."""
    code = WATCHED + (
        "from cohort_tracker.cli import main\n"
        "try:\n"
        "    main(['sync', '--no-build', '--json'])\n"
        "finally:\n"
        "    assert elsewhere == [], elsewhere\n"
        "    large = {'dbt', 'dlt', 'duckdb', 'pandas', 'pyarrow'} & sys.modules.keys()\n"
        "    assert not large, large\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=bench.process_environment(),
        cwd=bench.home,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "ok"
    assert bench.in_force() == bench.expected()


def loaders(bench: Bench) -> list[int]:
    """Living processes that load for a sync."""
    found = [Path(f"/proc/{pid}/cmdline") for pid in processes_about(bench.data)]
    return [int(path.parent.name) for path in found if b"load_worker" in path.read_bytes()]


def test_loading_that_dies_is_one_line_and_the_next_sync_needs_no_hand(bench: Bench):
    bench.misbehave("hang=3,page=2")
    process = bench.start("sync", "--no-build")
    wait_for(lambda: [e for e in bench.server.requests if e.query.get("page") == "2"])
    (loader,) = loaders(bench)
    os.kill(loader, signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.count("Error:") == 1 and "The loading process broke down (exit code -9)" in err
    assert str(bench.data / "logs" / "load.log") in err and "Traceback" not in err
    assert bench.query("SELECT count(*) FROM sync_runs") == [(0,)]
    assert not (bench.data / "load").exists()
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


def test_loading_ends_when_the_sync_is_killed(bench: Bench):
    bench.misbehave("hang=60,page=2")
    process = bench.start("sync", "--no-build")
    wait_for(lambda: [e for e in bench.server.requests if e.query.get("page") == "2"])
    wait_for(lambda: loaders(bench))
    process.kill()
    process.communicate()
    wait_for(lambda: loaders(bench) == [], 3)


def test_demo_runs_no_file_of_the_folder_that_one_happens_to_be_in(tmp_path: Path):
    for module in SHADOWED:
        (tmp_path / f"{module}.py").write_text("open('ran', 'w').close()")
    done = subprocess.run(
        [
            *(sys.executable, "-P", "-m", "cohort_tracker"),
            *("demo", "--classes", "1", "--students", "5"),
        ],
        env={**os.environ, "PYTHONPATH": str(SOURCE_ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "How far to trust this" in done.stdout
    assert not (tmp_path / "ran").exists()
