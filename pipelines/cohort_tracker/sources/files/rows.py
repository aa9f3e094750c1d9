"""Rows of the raw store out of the files that people keep, where they say something new."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...config import Settings
from ...errors import CohortTrackerError, ConfigError
from ...raw.forgotten import Forgotten, name_key
from ...raw.known import Known
from ..classes import content_hash
from .tables import READERS, FileRows, same_rows

if TYPE_CHECKING:
    from ...raw.schema import Row


class FileExtraction:
    """Reads the files that the settings name.

    A file that cannot be read is noted in `errors` and leaves the last good one current; a line
    that cannot be used is reported and kept in `rejected_records`.

    Args:
        settings: which files.
        known: what the raw store has of them.
        seen: columns that say when and by which run a row was met.
        note: hears of each line that is left out.
    """

    def __init__(
        self,
        settings: Settings,
        known: Known,
        seen: Callable[[], Mapping[str, Any]],
        note: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._known = known
        self._seen = seen
        self._note = note
        self.errors: list[CohortTrackerError] = []

    def rows(self) -> Iterator[Row]:
        """Rows of the raw store's `FILE_TABLES` and of `rejected_records`."""
        for table, read in READERS.items():
            path: Path | None = getattr(self._settings, table)
            if path is None:
                continue
            try:
                found = read(path)
            except ConfigError as error:
                hint = "What the file said at an earlier sync still counts."
                stored = self._known.files.get(table)
                if stored is None or not stored.version:
                    hint = "No earlier sync could read it: the classes are read without it."
                self.errors.append(CohortTrackerError(error.message, hint))
                continue
            found = self._without_forgotten(path, found)
            yield from self._bad_lines(table, path, found)
            stored = self._known.files.get(table)
            if not same_rows(found, stored.rows if stored else []):
                version = stored.version + 1 if stored else 1
                for line, values in found.rows:
                    yield table, {"file_version": version, "line": line, **values, **self._seen()}
        yield from self._exclusions()

    def _exclusions(self) -> Iterator[Row]:
        """Whom the settings leave out, where that changed; one empty line where it is nobody."""
        forgotten = self._known.forgotten
        wanted = [item for item in self._settings.exclude if not forgotten.has_email(item)]
        stored = self._known.files.get("exclusions")
        rows = sorted(stored.rows, key=itemgetter("line")) if stored else []
        if wanted == [row["pattern"] for row in rows if row["pattern"]]:
            return
        version = stored.version + 1 if stored else 1
        for line, pattern in enumerate(wanted or [None], start=1):
            row = {"file_version": version, "line": line, "pattern": pattern}
            yield "exclusions", row | dict(self._seen())

    def _without_forgotten(self, path: Path, found: FileRows) -> FileRows:
        """The file without the lines of people who were forgotten, each of which is told."""
        left_out = set(_forgotten_lines(found, self._known.forgotten))
        for line in sorted(left_out):
            self._note(
                f"{path}: line {line} left out: it names somebody who was forgotten; delete it"
            )
        return FileRows(
            [row for row in found.rows if row[0] not in left_out],
            [bad for bad in found.bad_lines if bad.line not in left_out],
        )

    def _bad_lines(self, table: str, path: Path, found: FileRows) -> Iterator[Row]:
        key = f"file:{table}"
        known = self._known.rejected.get(key, set())
        for bad in found.bad_lines:
            self._note(f"{path}: line {bad.line} left out: {bad.reason}")
            line_hash = content_hash([bad.line, bad.reason, bad.text])
            if line_hash not in known:
                row = {
                    "source": "files",
                    "class_id": key,
                    "record_id": str(bad.line),
                    "record_hash": line_hash,
                    "page": None,
                    "reason": bad.reason,
                    "record_json": json.dumps(bad.text),
                }
                yield "rejected_records", row | dict(self._seen())


def lines_of_forgotten(settings: Settings, forgotten: Forgotten) -> list[tuple[Path, int]]:
    """The lines of the user's files that name people who were forgotten."""
    found = []
    for table, path in (("roster", settings.roster), ("mentors", settings.mentors)):
        if path is None:
            continue
        try:
            lines = _forgotten_lines(READERS[table](path), forgotten)
        except ConfigError:
            continue
        found += [(path, line) for line in lines]
    return found


def _forgotten_lines(found: FileRows, forgotten: Forgotten) -> list[int]:
    if not forgotten:
        return []
    lines = [line for line, values in found.rows if _is_of_forgotten(forgotten, values)]
    return sorted(lines + [bad.line for bad in found.bad_lines if forgotten.is_in(bad.text)])


def _is_of_forgotten(forgotten: Forgotten, values: Mapping[str, Any]) -> bool:
    if forgotten.has_student(values.get("student_id")):
        return True
    if values["email"]:
        return forgotten.has_email(values["email"])
    names = values.get("first_name"), values.get("last_name")
    return all(names) and forgotten.has_line(values["class"], name_key(*names))
