"""Forgetting a person: out of raw.db and all its copies, and never to be stored again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .access.backup import access_backups
from .access.store import FILE_NAME, AccessStore
from .config import Settings
from .errors import BuildError, CohortTrackerError, ConfigError, StoreError
from .notify.ledger import Ledger, forget_student, ledger_path
from .raw.backup import clear_unfinished_backups
from .raw.erase import Erased, entries_for, erase
from .raw.forgotten import Entry, Forgotten, add_entries
from .raw.people import People, Person
from .raw.restore import clear_unfinished
from .raw.rewrite import memory_of, rewrite
from .raw.store import Held, RawStore
from .raw.student_ids import student_ids
from .runtime.folders import PAGES_FOLDER, clear
from .runtime.interruption import interruptible
from .runtime.lock import sync_lock
from .runtime.run_note import clear_run_note
from .sources.files.rows import lines_of_forgotten
from .sync import backup_folders, prepare_data_dir, rebuild, stores_beside
from .warehouse.fingerprint import clear_failure, note_held, noted_held
from .warehouse.query import query


class SeveralPeopleError(ConfigError):
    """More than one person is meant.

    Args:
        persons: who could be meant.
    """

    def __init__(self, message: str, hint: str, persons: list[Person]) -> None:
        super().__init__(message, hint)
        self.persons = persons


@dataclass
class Search:
    """Who is meant (None: somebody who was forgotten before), among whom, and where nobody looked.

    `unreadable` are copies of raw.db that cannot be opened.
    """

    person: Person | None
    people: People
    unreadable: list[Path]


@dataclass
class ForgetReport:
    """What was erased, and what may still name the person.

    `erased` counts what raw.db held; `rewritten` are its copies, of which `unreadable` ones could
    not be opened. `shared` is what others bear too: it was erased with the person's own rows only.
    `keys` counts those of the person for `serve`, which open nothing any more.
    `left` are files that the command does not write, `lines` are those of the user's own files,
    `patterns` stand in the setting `exclude`.
    """

    erased: Erased = field(default_factory=Erased)
    rewritten: list[Path] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    left: list[Path] = field(default_factory=list)
    lines: list[tuple[Path, int]] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    tables_rebuilt: bool = False
    keys: int = 0
    errors: list[CohortTrackerError] = field(default_factory=list)


@contextmanager
def holding_the_stores(settings: Settings) -> Iterator[RawStore]:
    """Hold off syncs while raw.db is sound and laid out; yields it.

    Raises SyncRunningError, ConfigError or StoreError.
    """
    prepare_data_dir(settings.data_dir)
    with interruptible(), sync_lock(settings.data_dir, "forget"):
        store = RawStore(settings.raw_path)
        store.check(thorough=True)
        if store.held().lacks(noted_held(settings)):
            raise StoreError(
                f"{store.path} holds less than at the last build",
                "Run `cohort-tracker sync` first: it says what was lost and how it comes back.",
            )
        if not store.has_tables():
            raise ConfigError("Nothing is stored yet", "Run `cohort-tracker sync` first.")
        clear_unfinished(settings.raw_path)
        store.lay_out()
        yield store


def search(settings: Settings, text: str) -> Search:
    """Look in raw.db and all its copies for an account id, an e-mail address or a full name.

    Raises ConfigError where nobody is meant, as SeveralPeopleError where several are.
    """
    people, unreadable = People(), []
    for path in (settings.raw_path, *stores_beside(settings)):
        try:
            RawStore(path).check(thorough=True)
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as db:
                people.add(db)
        except (StoreError, sqlite3.Error):
            unreadable.append(path)
    found = people.find(text)
    if len(found) > 1:
        raise SeveralPeopleError(
            f"{len(found)} people are stored as {text!r}; nothing was changed",
            "Name one by the id.",
            found,
        )
    if not found and not _was_forgotten(settings, text):
        raise ConfigError(
            f"Nobody is stored as {text!r}",
            "Name an account id, an e-mail address or a full name, as core.students has them.",
        )
    return Search(found[0] if found else None, people, unreadable)


def _was_forgotten(settings: Settings, text: str) -> bool:
    forgotten = memory_of((settings.raw_path, *stores_beside(settings))).forgotten
    sources = {run["source"] for run in RawStore(settings.raw_path).last_runs().values()}
    return forgotten.has_email(text) or any(
        forgotten.has_account(source, text.strip()) for source in sources
    )


def forget(settings: Settings, store: RawStore, found: Search) -> ForgetReport:
    """Erase whom the search found from raw.db and its copies, then build the tables anew.

    To be called while the stores are held, and to be repeated where it was killed: each file is as
    it was before, or done. Raises StoreError where raw.db cannot be written; what failed after it
    is in the report.
    """
    report = ForgetReport(unreadable=found.unreadable)
    _clear_what_runs_left(settings)
    memory = memory_of((store.path, *stores_beside(settings)))
    entries = set(memory.forgotten.entries)
    if found.person is not None:
        person = found.people.only_theirs(found.person)
        report.patterns = [item for item in settings.exclude if person.is_named_by(item)]
        report.shared = found.person.written_beside(person)
        assert memory.secret is not None, "raw.db is laid out"
        entries |= entries_for(memory.secret, person)
        _erase_access(settings, person, report)
        _erase_from_ledger(settings, person, memory.secret)
        note_held(settings, Held())  # or the next sync would take less for a loss
        report.erased = _erase_from(store.path, person, entries, memory.secret)
        note_held(settings, store.held())
        _erase_from_copies(settings, person, entries, memory.secret, report)
    if settings.warehouse_path.exists():
        _rebuild(settings, store, report)
    _clear_ledger(settings, report)
    report.left = [
        path
        for path in sorted(settings.data_dir.iterdir())
        if path.name == "dev.duckdb" or path.name.startswith(f"{settings.warehouse_path.name}.")
    ]
    report.lines = lines_of_forgotten(settings, Forgotten(entries))
    if report.unreadable:
        names = ", ".join(map(str, report.unreadable))
        report.errors.append(
            StoreError(
                f"Not searched, because it cannot be read: {names}",
                "It may still hold the person: delete it if you can do without it.",
            )
        )
    return report


def _erase_access(settings: Settings, person: Person, report: ForgetReport) -> None:
    """Take back and erase the keys of a mentor or lead, from access.db and its backups."""
    backups = [path for folder in backup_folders(settings) for path in access_backups(folder)]
    for path in (settings.data_dir / FILE_NAME, *backups):
        if not path.exists():
            continue
        try:
            erased = AccessStore(path).erase(person.is_named_by)
        except StoreError as error:
            hint = "Mend that and run the command again: it may still hold the person."
            report.errors.append(StoreError(error.message, hint))
        else:
            report.keys += erased if path.name == FILE_NAME else 0


def _clear_what_runs_left(settings: Settings) -> None:
    """Rows and texts of runs that died, what the last build wrote into its log, and our pages."""
    for name in ("build", "load", "publish", "logs", PAGES_FOLDER):
        clear(settings.data_dir / name)
    clear_failure(settings)
    clear_run_note(settings.data_dir)
    for folder in backup_folders(settings):
        clear_unfinished_backups(folder)


def _erase_from(path: Path, person: Person, entries: set[Entry], secret: str) -> Erased:
    erased = []

    def change(db: sqlite3.Connection) -> None:
        add_entries(db, entries)
        erased.append(erase(db, person))

    rewrite(path, change, secret)
    return erased[0]


def _erase_from_copies(
    settings: Settings, person: Person, entries: set[Entry], secret: str, report: ForgetReport
) -> None:
    for path in stores_beside(settings):
        if path in report.unreadable or not RawStore(path).has_tables():
            continue
        try:
            _erase_from(path, person, entries, secret)
            report.rewritten.append(path)
        except StoreError as error:
            hint = "Mend that and run the command again: it still holds the person."
            report.errors.append(StoreError(error.message, hint))


def _erase_from_ledger(settings: Settings, person: Person, secret: str) -> None:
    """Erase what mentors were told of the person. Raises StoreError."""
    place = settings.raw_path.resolve().as_uri()
    with closing(sqlite3.connect(f"{place}?mode=ro", uri=True)) as db:
        ids = student_ids(db, secret, person)
    forget_student(ledger_path(settings.data_dir), ids)


def _clear_ledger(settings: Settings, report: ForgetReport) -> None:
    """Erase what mentors were told of whomever the tables no longer know.

    So a repeat finishes what was killed, and what a `notify` beside it noted meanwhile goes, too.
    """
    if not report.tables_rebuilt:
        return
    try:
        rows = query(settings.warehouse_path, "SELECT id FROM core.students")
        Ledger(ledger_path(settings.data_dir)).forget_all_but(row[0] for row in rows)
    except StoreError as error:
        report.errors.append(error)


def _rebuild(settings: Settings, store: RawStore, report: ForgetReport) -> None:
    try:
        built = rebuild(settings, store)
    except BuildError as error:
        report.errors.append(error)
        return
    report.tables_rebuilt = built.warehouse is not None and built.warehouse.published
    report.errors += built.errors
