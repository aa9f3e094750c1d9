"""Keeping dlt from settings that are meant for other pipelines.

dlt takes settings from the environment, the working directory and the home; each can lead rows to
another place. It is told by its documented variables to look for files where there are none, and
sees no variable but those that the process itself needs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FOLDERS = ("DLT_PROJECT_DIR", "DLT_DATA_DIR", "DLT_LOCAL_DIR")
_NEEDED = {
    *("PATH", "HOME", "TMPDIR", "LANG", "TZ", "TERM", "COLUMNS", "LINES", "NO_COLOR"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("RUNTIME__DLTHUB_TELEMETRY", "RUNTIME__LOG_LEVEL"),
}


@contextmanager
def no_settings_of_dlt() -> Iterator[None]:
    """Have dlt look for its files in a folder without any: it does so once, when asked."""
    before = {name: os.environ.get(name) for name in _FOLDERS}
    for name in _FOLDERS:
        os.environ[name] = str(Path(__file__).parent)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def secluded() -> Iterator[None]:
    """Take every variable away for a while that is not listed here, and all files of settings."""
    taken = {name: value for name, value in os.environ.items() if not _is_needed(name)}
    for name in taken:
        os.environ.pop(name, None)
    try:
        with no_settings_of_dlt():
            yield
    finally:
        for name, value in taken.items():
            os.environ.setdefault(name, value)


def _is_needed(name: str) -> bool:
    return name in _NEEDED or name.startswith("LC_") or name.lower().endswith("_proxy")
