"""The publishing process of a sync: brings the tables to PostgreSQL in one transaction.

Arguments: OUTCOME_FILE WAREHOUSE EXTENSION PROJECT_DIR; `run.py` starts it, isolated from the
environment and the working directory. Where to comes as a line of JSON on standard input, because
everybody can read arguments. The end of standard input means that the sync died: the process ends
with it, PostgreSQL takes everything back, and readers have seen nothing.
"""

from __future__ import annotations

import json
import os
import threading
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from ...project import primary_key, read_contract
from ..extensions import quoted
from .publishing import Publishing, Refused
from .tables import WAREHOUSE, read_tables
from .trouble import in_words


def main(outcome_file: str, warehouse: str, extension: str, project: str) -> int:
    """Publish; what became of it goes to `outcome_file` as JSON. Returns 0, or 1 for a failure."""
    order = _order()
    try:
        outcome = _publish(order, warehouse, extension, Path(project))
    except duckdb.Error as error:
        message, hint = in_words(str(error))
        outcome = {"error": message, "hint": hint}
    except Refused as error:
        outcome = {"error": str(error.args[0]), "hint": str(error.args[1])}
    Path(outcome_file).write_text(json.dumps(outcome), encoding="utf-8")
    return 1 if "error" in outcome else 0


def _order() -> dict[str, Any]:
    """Read where to publish; from then on the end of standard input ends the process."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 4096)
        if not piece:
            os._exit(1)
        line += piece

    def listen() -> None:
        while os.read(0, 64):
            pass
        os._exit(1)

    threading.Thread(target=listen, name="parent", daemon=True).start()
    order: dict[str, Any] = json.loads(line)
    return order


def _publish(
    order: dict[str, Any], warehouse: str, extension: str, project: Path
) -> dict[str, Any]:
    if order["password"] is not None:
        # Not in the address: that is part of what DuckDB says when it cannot connect.
        os.environ["PGPASSWORD"] = order["password"]
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as db:
        db.execute(f"LOAD {quoted(extension)}")
        db.execute("SET TimeZone = 'UTC'")
        db.execute("SET pg_null_byte_replacement = '\N{REPLACEMENT CHARACTER}'")
        db.execute(f"ATTACH {quoted(warehouse)} AS {WAREHOUSE} (READ_ONLY)")
        [(build_id,)] = db.execute(f"SELECT id FROM {WAREHOUSE}.core.build").fetchall()  # noqa: S608
        tables = read_tables(db, partial(_key, project))
        # With one view from its start, what another publish did meanwhile would be an error.
        db.execute(
            f"ATTACH {quoted(order['url'])} AS pg (TYPE postgres, ISOLATION_LEVEL 'read committed')"
        )
        return Publishing(db, tables, order["prefix"], str(build_id)).run()


def _key(project: Path, name: str) -> tuple[str, ...]:
    """The primary key of a table; none where no contract declares one."""
    try:
        return primary_key(read_contract(project, name))
    except FileNotFoundError:
        return ()
