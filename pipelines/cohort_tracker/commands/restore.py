"""`restore`: put a backup of the raw store back."""

from __future__ import annotations

from pathlib import Path

from ..access.backup import access_backups, is_access_backup, is_sound, restore_access
from ..access.store import FILE_NAME, AccessStore
from ..config import Settings
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

    An access.db that is gone or damaged is put back, too; a backup of it that is named, alone.

    Raises StoreError or SyncRunningError; then nothing was changed.
    """
    settings = settings_of(config_path)
    prepare_data_dir(settings.data_dir)
    if named is not None and is_access_backup(named):
        with sync_lock(settings.data_dir, "restore"):
            _restore_access(settings, find_backup(settings.backup_path, named))
        return
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
    kept = access_backups(settings.backup_path)
    if kept and not is_sound(AccessStore(settings.data_dir / FILE_NAME)):
        _restore_access(settings, kept[0])
    say("Next: cohort-tracker sync")


def _restore_access(settings: Settings, backup: Path) -> None:
    aside = restore_access(AccessStore(settings.data_dir / FILE_NAME), backup)
    say(f"Restored who may come in, from {backup}. Everybody has to log in again.")
    if aside is not None:
        say(f"The damaged file is now {aside}")
    say(
        "Keys revoked since then are good again: look at `cohort-tracker access list`.",
        style="yellow",
    )


def _say_richer(backup: Path, held: int, backups: list[Path]) -> None:
    """Say which backup holds more than the one that was restored, if any does."""
    counted = {path: RawStore(path).held().record_versions for path in backups if path != backup}
    richest = max(counted, key=lambda path: counted[path], default=backup)
    if counted.get(richest, 0) > held:
        say(
            f"An older backup holds more, {counted[richest]:,}:"
            f" cohort-tracker restore {richest.name}"
        )
