"""Publishing to PostgreSQL, as a sync does it: in a process of its own, with a bound on its time.

A process of its own can be ended while the network hangs, sees none of the variables that the
user's environment has for PostgreSQL, and keeps DuckDB's writer out of the sync.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...config import Settings
from ...errors import PublishError
from ...postgres_address import PostgresAddress
from ...project import project_dir
from ...runtime.child import start_child
from ...runtime.folders import clear, make_fresh
from ..extensions import extension_file
from .note import note_copy, note_failure

PUBLISH_SECONDS = 3600.0
"""How long a publish may take before it is taken to hang."""

FOLDER = "publish"
_KEPT = "PostgreSQL keeps the tables of before; the next sync tries again."


@dataclass(frozen=True)
class Publication:
    """What became of the tables in PostgreSQL.

    `is_new`: they were replaced; else those of this build were there already. `altered` tells of
    tables with other columns than before.
    """

    address: str
    build_id: str
    is_new: bool
    tables: int
    rows: int = 0
    altered: list[str] = field(default_factory=list)


def publish(settings: Settings) -> Publication:
    """Bring the published warehouse to PostgreSQL, if it is not there; raises PublishError."""
    address = settings.publish
    assert address is not None
    try:
        outcome = _run(settings, address)
        if "error" in outcome:
            raise _error(address, outcome["error"], outcome["hint"])
    except PublishError as error:
        note_failure(settings, error.message, datetime.now(UTC))
        raise
    found = Publication(address.name, **outcome)
    note_copy(settings, found.build_id, is_new=found.is_new, now=datetime.now(UTC))
    return found


def _run(settings: Settings, address: PostgresAddress) -> dict[str, Any]:
    """What the publishing process wrote at its end. Raises PublishError."""
    extension = extension_file("postgres_scanner")
    if extension is None:
        raise PublishError(
            "The tables could not be published: DuckDB's writer to PostgreSQL is not installed",
            "Run `pip install 'cohort-tracker[postgres]'`, then `cohort-tracker sync`.",
        )
    folder, log = settings.data_dir / FOLDER, settings.data_dir / "logs" / "publish.log"
    outcome_file = folder / "outcome.json"
    order = {"url": address.url, "password": address.password, "prefix": settings.publish_prefix}
    try:
        make_fresh(folder)
        process = start_child(
            "cohort_tracker.warehouse.postgres.worker",
            outcome_file,
            settings.warehouse_path,
            extension,
            project_dir(),
            folder=folder,
            log=log,
            variables={},
            stdin=subprocess.PIPE,
        )
        try:
            return _await(process, order, outcome_file, address, log)
        finally:
            _end(process)
    except OSError as error:
        raise _error(address, f"{error.filename or folder}: {error.strerror}", None) from error
    finally:
        clear(folder)


def _await(
    process: subprocess.Popen[bytes],
    order: dict[str, Any],
    outcome_file: Path,
    address: PostgresAddress,
    log: Path,
) -> dict[str, Any]:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        # The pipe stays open: its end tells the process that the sync died.
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
    try:
        process.wait(PUBLISH_SECONDS)
        outcome: dict[str, Any] = json.loads(outcome_file.read_bytes())
    except subprocess.TimeoutExpired:
        raise _error(address, f"not done within {PUBLISH_SECONDS / 60:g} minutes", None) from None
    except (OSError, ValueError):
        raise _error(
            address, f"broke off (exit code {process.returncode})", f"{log} says why."
        ) from None
    return outcome


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
    process.wait()
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()


def _error(address: PostgresAddress, what: str, hint: str | None) -> PublishError:
    return PublishError(
        f"The tables could not be published to {address.name}: {what}",
        f"{hint} {_KEPT}" if hint else _KEPT,
    )
