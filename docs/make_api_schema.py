"""Write docs/openapi.json, and the examples in it: `python docs/make_api_schema.py [DATA_DIR]`.

With a data directory, of a demo, the examples are taken anew: one row of each table. Without one
only the schema is written, from the contracts of the dbt models.
"""

import json
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from cohort_tracker.config import Settings
from cohort_tracker.reading.viewer import Viewer
from cohort_tracker.web.api import schema
from cohort_tracker.web.api.app import create_app
from cohort_tracker.web.api.contracts import Contracts
from cohort_tracker.web.api.routes import ROUTES

PAGE = Path(__file__).parent / "openapi.json"
EXAMPLES = Path(schema.__file__).parent / "examples.json"


def tables() -> list[str]:
    """The tables that routes answer with."""
    found = {table for route in ROUTES for table in (route.table, *route.parts.values())}
    return sorted(found | {route.night_table for route in ROUTES if route.night_table})


def row_of(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, Any]:
    """The row with the fewest empty columns, as the API writes it."""
    contract = Contracts()[table]
    filled = " + ".join(f'("{column}" IS NOT NULL)::INT' for column in contract.columns)
    order = ", ".join([f"{filled} DESC", *contract.key])
    cursor = connection.execute(f"SELECT * FROM {table} ORDER BY {order} LIMIT 1")  # noqa: S608
    names = [column[0] for column in cursor.description]
    row = cursor.fetchone()
    assert row is not None, f"{table} is empty"
    return {name: written(value) for name, value in zip(names, row, strict=True)}


def written(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def openapi() -> str:
    """The schema as it stands in the page."""
    app = create_app(replace(Settings(), data_dir=Path("nowhere")), lambda request: Viewer())
    return json.dumps(app.openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        warehouse = Path(sys.argv[1]) / "warehouse.duckdb"
        with closing(duckdb.connect(str(warehouse), read_only=True)) as connection:
            found = {table: row_of(connection, table) for table in tables()}
        EXAMPLES.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
        schema.examples.cache_clear()
    PAGE.write_text(openapi(), "utf-8")
