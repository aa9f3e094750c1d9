"""What came of a class beside what is stored of it: which versions and rejections are new."""

from __future__ import annotations

from ..raw.known import StoredClass, StoredRecord
from .records import Progression, Rejection
from .result import ReadResult, Version

MAX_KEPT_REJECTIONS = 200
"""Of records without a good version, as many are kept of one read; the others are only counted."""


class Comparison:
    """Takes every record of one reading of a class, in the order of coming.

    Args:
        stored: the store's knowledge; brought up to date with each record.
        result: its faults are counted here, the rest of its counts by `summarise`.
    """

    def __init__(self, stored: StoredClass, result: ReadResult) -> None:
        self._stored = stored
        self._result = result
        self._met: dict[str, str] = {}
        self._met_rejected: set[str] = set()
        self._left_out: set[str] = set()
        self._as_stored: dict[str, Progression] = {}
        self._new: set[str] = set()
        self._changed: set[str] = set()
        self._set_aside: set[str] = set()
        self._rejections: set[str] = set()
        self._kept_rejections = 0

    def begin_again(self) -> None:
        """Take what was met for stored and not for read."""
        self._met.clear()
        self._met_rejected.clear()
        self._left_out.clear()

    def leave_out(self, key: str) -> None:
        """Note a record that is met, and counts as met, and is never stored."""
        self._left_out.add(key)

    def has_met(self, record_id: str) -> bool:
        """Whether the record came, readable or not."""
        return any(record_id in met for met in (self._met, self._met_rejected, self._left_out))

    def is_other(self, record: Progression) -> bool:
        """Whether the same id came before with other content."""
        return self._met.get(record.record_id, record.record_hash) != record.record_hash

    def meet(self, record: Progression) -> Version | None:
        """Note a record; the version to append, if its content is not the stored one."""
        record_id = record.record_id
        if self._met.get(record_id) == record.record_hash:
            return None
        self._met[record_id] = record.record_hash
        self._count_faults(record)
        stored = self._stored.records.get(record_id)
        if stored is not None and stored.record_hash == record.record_hash:
            if record_id in self._stored.rejected_ids:
                self._as_stored[record_id] = record
            return None
        self._stored.rejected_ids.discard(record_id)
        if stored is not None:
            self._changed.add(record_id)
        elif record_id in self._stored.removed:
            self._stored.removed.discard(record_id)
            self._changed.add(record_id)
        else:
            self._new.add(record_id)
        self._stored.records[record_id] = StoredRecord(record.record_hash, record.completed_at)
        return self._version(record_id, record)

    def _count_faults(self, record: Progression) -> None:
        if record.set_aside:
            if record.record_id not in self._set_aside:
                self._set_aside.add(record.record_id)
                for fault in record.set_aside:
                    self._result.faults.add(fault)
        elif record.grade not in (None, 0, 1):
            self._result.faults.fractions += 1

    def set_aside(self, version: Version) -> list[tuple[int, Rejection]]:
        """The fields of a version that could not be read and are to be stored as rejections."""
        found = []
        for fault in version.record.set_aside if version.record else ():
            if fault.record_hash not in self._stored.rejected_hashes:
                self._stored.rejected_hashes.add(fault.record_hash)
                found.append((version.version_no, fault))
        return found

    def is_unexpected(self, item: Rejection) -> bool:
        """Whether the proof by count does not hold any more: a rejection that it did not know."""
        is_new = item.record_hash not in self._stored.rejected_hashes
        return is_new and item.record_id not in self._stored.records

    def reject(self, item: Rejection) -> tuple[int, Rejection] | None:
        """Note a rejection; what to store of it: not known, or not since the last version.

        What hides a good version is always stored, of the others a bounded sample.
        """
        if item.record_hash not in self._rejections:
            self._rejections.add(item.record_hash)
            self._result.faults.add(item)
        hides_a_version = item.record_id in self._stored.records
        is_known = item.record_hash in self._stored.rejected_hashes
        if item.record_id is not None:
            self._met_rejected.add(item.record_id)
        if is_known and not (hides_a_version and item.record_id not in self._stored.rejected_ids):
            return None
        if not hides_a_version:
            if self._kept_rejections >= MAX_KEPT_REJECTIONS:
                return None
            self._kept_rejections += 1
        elif item.record_id is not None:
            self._stored.rejected_ids.add(item.record_id)
        self._stored.rejected_hashes.add(item.record_hash)
        return self._stored.next_version - 1, item

    def removals(self, record_ids: set[str]) -> list[Version]:
        """Versions that mark stored records as removed."""
        versions = []
        for record_id in sorted(record_ids):
            versions.append(self._version(record_id, None))
            del self._stored.records[record_id]
            self._stored.removed.add(record_id)
        self._result.removed = len(versions)
        return versions

    def recoveries(self) -> list[Version]:
        """Versions of what came unreadable and is now again as it is stored."""
        back = self._as_stored.keys() & self._stored.rejected_ids - self._met_rejected
        self._stored.rejected_ids -= back
        return [self._version(record_id, self._as_stored[record_id]) for record_id in sorted(back)]

    def summarise(self) -> None:
        """Bring the counts of the result up to date."""
        result = self._result
        result.fetched = len(self._met) + len(self._rejections) + len(self._left_out)
        result.new = len(self._new)
        result.changed = len(self._changed - self._new)
        result.set_aside = len(self._set_aside)
        result.rejected = len(self._rejections) + result.set_aside
        result.stored_total = len(self._stored.records)
        result.newest_completed_at = max(
            (r.completed_at for r in self._stored.records.values() if r.completed_at),
            default=None,
        )

    def _version(self, record_id: str, record: Progression | None) -> Version:
        number = self._stored.next_version
        self._stored.next_version += 1
        return Version(number, record_id, record)
