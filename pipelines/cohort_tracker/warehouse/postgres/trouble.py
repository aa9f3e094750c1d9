"""What PostgreSQL refuses, in words."""

from __future__ import annotations

import re

_SAID = re.compile(r"(?:ERROR|FATAL):\s+(\S[^\n]*)")
_DETAIL = re.compile(r"^DETAIL:\s+(\S[^\n]*)", re.MULTILINE)
_ADDRESS = "Check `publish` in the settings: host, port, user, password and database."
_RIGHTS = "docs/postgres.md says which rights the user needs, and what to type to give them."


def in_words(error: str) -> tuple[str, str | None]:
    """What went wrong, in a line without rows and statements, and what to do; of DuckDB's words."""
    said = _SAID.findall(error)
    if error.startswith("IO Error: Unable to connect"):
        reason = error.partition('": ')[2].strip() or error
        return reason.splitlines()[0], _ADDRESS
    if not said:
        return " ".join(error.split())[:300], None
    message = said[-1]
    if "pg_advisory_xact_lock" in error and "lock timeout" in message:
        return "another publish into it is running", "Wait for its end."
    if "lock timeout" in message:
        return (
            "somebody holds one of the tables, so that it cannot be changed",
            "Look into pg_stat_activity for a session that is idle in transaction.",
        )
    if "row-level security" in message:
        return message, "Take FORCE ROW LEVEL SECURITY off: policies hold for readers without it."
    if "depend on it" in message:
        details = "; ".join(_DETAIL.findall(error))
        return (
            f"{message}: {details}" if details else message,
            "This version has other columns: drop or change what depends on the old ones.",
        )
    if "permission denied" in message or "must be owner" in message:
        return message, _RIGHTS
    return message, None
