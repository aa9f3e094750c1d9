"""Keys that are known already: what changes in `access.db` counts at the next look all the same."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cohort_tracker.access.known import KnownKeys
from cohort_tracker.access.store import AccessStore
from cohort_tracker.access.throttle import Waiting
from cohort_tracker.errors import StoreError
from served import Place

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_was_taken_back_opens_nothing_however_soon(place: Place):
    """Also within a tick of the clock that the file's times are of."""
    place.store.create()
    known = KnownKeys(place.store)
    for _ in range(40):
        grant, key = place.grant()
        assert known.grant_of_key(key, NOW) == known.grant_of_key(key, NOW) == grant
        place.store.revoke(grant.id, NOW)
        assert known.grant_of_key(key, NOW) is None


def test_a_known_key_runs_out(place: Place):
    grant, key = place.grant()
    known = KnownKeys(place.store)
    assert known.grant_of_key(key, NOW) == grant
    assert known.grant_of_key(key, grant.expires_at - timedelta(seconds=1)) == grant
    assert known.grant_of_key(key, grant.expires_at) is None


def test_nothing_is_known_of_another_key(place: Place):
    grant, key = place.grant()
    known = KnownKeys(place.store)
    assert known.grant_of_key(key, NOW) == grant
    for other in (key[:-1], key + "A", key.upper(), "", f"ct_{grant.id}_{'A' * 43}"):
        assert known.grant_of_key(other, NOW) is None


def test_a_file_in_its_place_counts(place: Place, tmp_path: Path):
    _, key = place.grant()
    known = KnownKeys(place.store)
    assert known.grant_of_key(key, NOW)
    other = Place(tmp_path / "other")
    other.data.mkdir()
    grant, other_key = other.grant()
    other.store.path.replace(place.store.path)
    assert known.grant_of_key(key, NOW) is None
    assert known.grant_of_key(other_key, NOW) == grant


def test_a_file_that_cannot_be_trusted_lets_nobody_in(place: Place):
    grant, key = place.grant()
    known = KnownKeys(place.store)
    assert known.grant_of_key(key, NOW) == grant
    place.store.path.chmod(0o640)
    with pytest.raises(StoreError):
        known.grant_of_key(key, NOW)
    place.store.path.chmod(0o600)
    assert known.grant_of_key(key, NOW) == grant
    whole = place.store.path.read_bytes()
    place.store.path.write_bytes(b"x" * len(whole))
    with pytest.raises(StoreError):
        known.grant_of_key(key, NOW)
    place.store.path.write_bytes(whole)
    assert known.grant_of_key(key, NOW) == grant
    place.store.path.unlink()
    with pytest.raises(StoreError):
        known.grant_of_key(key, NOW)


def test_an_old_file_with_its_old_times_is_another_file(place: Place, tmp_path: Path):
    """As a backup that is put back: it does not know what was taken back since."""
    grant, key = place.grant()
    old, times = place.store.path.read_bytes(), place.store.path.stat()
    known = KnownKeys(place.store)
    assert known.grant_of_key(key, NOW) == grant
    AccessStore(place.store.path).revoke(grant.id, NOW)
    revoked = place.store.path.read_bytes()
    assert known.grant_of_key(key, NOW) is None
    for content, expected in ((old, grant), (revoked, None)):
        fresh = tmp_path / "fresh"
        fresh.write_bytes(content)
        fresh.chmod(0o600)
        os.utime(fresh, ns=(times.st_atime_ns, times.st_mtime_ns))
        fresh.replace(place.store.path)
        assert known.grant_of_key(key, NOW) == expected


def test_who_waits_is_told_until_then_and_nobody_else():
    waiting = Waiting()
    waiting.tell(b"one", "id", 0.3)
    told = waiting.told(b"one")
    assert told is not None and (told.grant_id, told.seconds) == ("id", 1)
    assert waiting.told(b"other") is None
    waiting.tell(b"long", "id", 59.2)
    told = waiting.told(b"long")
    assert told is not None and told.seconds == 60
    waiting.tell(b"over", "id", 0)
    assert waiting.told(b"over") is None
    for number in range(10_000):
        waiting.tell(b"%d" % number, "id", 100)
    assert waiting.told(b"long") is None, "only the last ten thousand are kept"
