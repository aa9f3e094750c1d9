"""The process in which dbt runs: parse the project, wait for the word, build, say how it went.

`python -m cohort_tracker.dbt_worker PROJECT_DIR DATA_DIR OUTCOME_FILE`; a line on standard input
starts the build, its end (the sync died) ends the process.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(project_dir: str, data_dir: str, outcome_file: str) -> int:
    """Run one build; the outcome goes to `outcome_file` as JSON."""
    from dbt.cli.main import dbtRunner
    from dbt.contracts.graph.manifest import Manifest

    places = [
        "--project-dir",
        project_dir,
        "--profiles-dir",
        project_dir,
        "--target-path",
        str(Path(data_dir) / "dbt"),
        "--log-path",
        str(Path(data_dir) / "logs"),
    ]
    quiet = ["--no-use-colors", "--no-send-anonymous-usage-stats", "--no-version-check"]
    parsed = dbtRunner().invoke([*quiet, "parse", *places])
    if not isinstance(parsed.result, Manifest):
        return _say(outcome_file, failures=[_one_line(parsed.exception or "dbt parse failed")])
    if not sys.stdin.readline():
        return 1
    runner = dbtRunner(manifest=parsed.result)
    built = runner.invoke([*quiet, "build", *places, "--exclude-resource-type", "unit_test"])
    results = list(getattr(built.result, "results", None) or [])
    failures = [
        f"{result.node.name}: {_one_line(result.message or result.status)}"
        for result in results
        if str(result.status) in {"error", "fail", "runtime error"}
    ]
    if not built.success and not failures:
        failures = [_one_line(built.exception or "dbt build failed")]
    kinds = [str(result.node.resource_type) for result in results]
    return _say(
        outcome_file,
        models=kinds.count("model"),
        tests=kinds.count("test"),
        failures=failures,
    )


def _say(outcome_file: str, *, failures: list[str], models: int = 0, tests: int = 0) -> int:
    outcome = {"models": models, "tests": tests, "failures": failures}
    Path(outcome_file).write_text(json.dumps(outcome), encoding="utf-8")
    return 1 if failures else 0


def _one_line(message: Any) -> str:
    return " ".join(str(message).split())[:500]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
