"""`restore`: put a backup of the raw store back."""

from __future__ import annotations

from pathlib import Path

from ..raw.backup import list_backups, taken_at
from ..raw.restore import find_backup, restore
from ..raw.store import RawStore
from ..runtime.lock import sync_lock
from ..runtime.printing import say
from ..sync import prepare_data_dir, stores_beside
from ..warehouse.fingerprint import note_held
from .settings import settings_of


def run_restore(config_path: Path | None, named: Path | None) -> None:
    """Put the newest backup, or the one that is named, in the place of raw.db; say what was done.

    Raises StoreError or SyncRunningError; then nothing was changed.
    """
    settings = settings_of(config_path)
    prepare_data_dir(settings.data_dir)
    with sync_lock(settings.data_dir, "restore"):
        backup = find_backup(settings.backup_path, named)
        restored = restore(RawStore(settings.raw_path), backup, stores_beside(settings))
        note_held(settings, restored.held)
    taken = taken_at(backup)
    when = f" of {taken:%Y-%m-%d %H:%M} UTC" if taken else ""
    held = restored.held.record_versions
    say(f"Restored {backup}{when}: {held:,} records, earlier versions counted.")
    if restored.carried:
        say(f"Contacts noted since were kept: {restored.carried:,}.")
    if restored.aside is not None:
        say(f"The file that was there is now {restored.aside}")
    if named is None:
        _say_richer(backup, held, list_backups(settings.backup_path))
    say("Next: cohort-tracker sync")


def _say_richer(backup: Path, held: int, backups: list[Path]) -> None:
    """Say which backup holds more than the one that was restored, if any does."""
    counted = {path: RawStore(path).held().record_versions for path in backups if path != backup}
    richest = max(counted, key=lambda path: counted[path], default=backup)
    if counted.get(richest, 0) > held:
        say(
            f"An older backup holds more, {counted[richest]:,}:"
            f" cohort-tracker restore {richest.name}"
        )
