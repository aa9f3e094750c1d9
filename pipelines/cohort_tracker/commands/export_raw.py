"""`export --raw`: all rows of raw.db as Parquet files, for another engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import CohortTrackerError
from ..raw.export import DEFAULT_TENANT, TableExport, export_raw, require_tenant
from ..raw.store import RawStore
from ..runtime.printing import count, say, say_json
from .places import make_private_folder, require_outside
from .settings import settings_of


def run_export_raw(
    config_path: Path | None, folder: Path, tenant: str | None, *, as_json: bool
) -> None:
    """Bring the tenant's files in the folder up to date; say what was written.

    Raises ConfigError, ExportRunningError or StoreError, with an object that says so.
    """
    tenant = DEFAULT_TENANT if tenant is None else tenant
    try:
        done = _exported(config_path, folder, tenant)
    except CohortTrackerError as error:
        if as_json:
            say_json(_as_json(folder, tenant, [], error))
        raise
    if as_json:
        say_json(_as_json(folder, tenant, done, None))
        return
    for table in done:
        if table.file is not None:
            behind = "" if table.anew is None else f", all of it anew: {table.anew}"
            say(f"{table.file}: {_rows(table.rows)}{behind}")
    written = [table for table in done if table.file is not None]
    if written:
        total = sum(table.rows for table in written)
        say(f"Exported as tenant {tenant}: {_rows(total)} of {len(written)} tables.")
    else:
        say(f"Nothing is new since the last export of tenant {tenant}.")


def _exported(config_path: Path | None, folder: Path, tenant: str) -> list[TableExport]:
    settings = settings_of(config_path)
    require_tenant(tenant)
    require_outside(folder, settings)
    store = RawStore(settings.raw_path)
    store.check()
    if store.has_tables():  # one of an older version is brought up to date, as by every command
        store.lay_out()
    make_private_folder(folder)
    return export_raw(store, folder, tenant)


def _rows(number: int) -> str:
    return f"{count(number)} row{'s' if number != 1 else ''}"


def _as_json(
    folder: Path, tenant: str, done: list[TableExport], error: CohortTrackerError | None
) -> dict[str, Any]:
    return {
        "status": "ok" if error is None else "failed",
        "error": None if error is None else error.message,
        "folder": str(folder),
        "tenant": tenant,
        "tables": [
            {
                "table": table.table,
                "rows": table.rows,
                "file": None if table.file is None else str(table.file),
                "anew": table.anew,
            }
            for table in done
        ],
    }
