"""Build the dbt project into a directory of its own, and read the tables back."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

from cohort_tracker.warehouse.parsed_project import ParsedProject

PROJECT = Path(__file__).resolve().parents[2]


def run_dbt(
    data_dir: Path, *arguments: str, profiles: Path = PROJECT, **variables: Any
) -> subprocess.CompletedProcess[str]:
    """Run one dbt command on the data directory, as an analyst would, in a process of its own."""
    command = [
        *(sys.executable, "-m", "dbt.cli.main", "--quiet", *arguments),
        *("--project-dir", str(PROJECT), "--profiles-dir", str(profiles)),
        *("--target-path", f"{data_dir}-target", "--log-path", f"{data_dir}-logs"),
    ]
    if variables:
        command += ["--vars", json.dumps(variables)]
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("COHORT_TRACKER_", "DBT_"))},
        "COHORT_TRACKER_DATA_DIR": str(data_dir),
        "PYTHONPATH": os.pathsep.join(
            [str(PROJECT / "pipelines"), os.environ.get("PYTHONPATH", "")]
        ),
    }
    # A sync's copy is of no use here: what dbt parsed is that of a target.
    basis = {"profiles": str(profiles), **variables}
    parsed = ParsedProject(PROJECT, basis, Path(f"{data_dir}-target"))
    parsed.take()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    parsed.keep()
    return done


def build_warehouse(
    data_dir: Path, *, unit_tests: bool = False, selector: str | None = None, **variables: Any
) -> Path:
    """Build everything with all tests, or what the selector says; the build must pass."""
    arguments = [] if unit_tests else ["--exclude-resource-type", "unit_test"]
    if selector:
        arguments = ["--selector", selector]
    done = run_dbt(data_dir, "build", *arguments, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return data_dir / "dev.duckdb"


def rows(warehouse: Path, query: str) -> list[dict[str, Any]]:
    """Run a query on a connection that knows nothing but the warehouse file."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
