"""access.db as a file: what is in its bytes, what is wrong with it, backups, and `forget`."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cohort_tracker.access.backup import access_backups, back_up_access, restore_access
from cohort_tracker.access.keys import hashed, id_in, is_key_of, new_id, new_key
from cohort_tracker.access.store import AccessStore
from cohort_tracker.access.throttle import Buckets
from cohort_tracker.errors import DamagedStoreError, ForeignStoreError, StoreError
from served import Place
from support import DAY, Bench

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_key_is_as_it_was_promised(place: Place):
    grant, key = place.grant()
    assert key.startswith(f"ct_{grant.id}_") and len(key) == len("ct_12345678_") + 43
    assert id_in(key) == grant.id
    assert len({new_key("aaaaaaaa") for _ in range(100)}) == len({new_id() for _ in range(100)})
    assert is_key_of(key, hashed(key)) and not is_key_of(key, None)
    assert not is_key_of("", None) and not is_key_of("", hashed(key))
    assert is_key_of("", hashed("")), "what is compared is the hash"
    assert place.store.grant_of_key(key, NOW) == grant
    assert place.store.grant_of_key(key, grant.expires_at - timedelta(seconds=1)) == grant
    assert place.store.grant_of_key(key, grant.expires_at) is None


def test_its_bytes_hold_neither_key_nor_session(place: Place):
    grant, key = place.grant()
    place.store.add_session("session-id-in-clear", grant, NOW + DAY)
    found = place.store.grant_of_session("session-id-in-clear", NOW)
    assert found == grant
    content = place.store.path.read_bytes()
    assert hashed(key).encode() in content and hashed("session-id-in-clear").encode() in content
    for secret in (key, key[12:], key[12:30], "session-id-in-clear"):
        assert secret.encode() not in content
    assert stat.S_IMODE(place.store.path.stat().st_mode) == 0o600


def test_a_grant_comes_back_as_it_went_in(place: Place):
    grant, _ = place.grant("mentor", "a@example.org", class_ids=("c1", "c 2"), nights=("monday",))
    hidden, _ = place.grant("program", 'Größe "x"', hide_names=True)
    assert place.store.grants() == [grant, hidden]
    revoked = place.store.revoke(grant.id, NOW)
    assert revoked is not None and revoked.state(NOW) == "revoked"
    later = place.store.revoke(grant.id, NOW + DAY)
    assert later == revoked, "the first time stays"
    assert place.store.revoke("nobody22", NOW) is None


def test_the_newest_valid_grant_of_a_name_counts(place: Place):
    old, _ = place.grant("mentor", "ada@example.org")
    new, _ = place.grant("lead", " ADA@example.org")
    assert place.store.grant_of_user("Ada@Example.org ", NOW) == new
    place.store.revoke(new.id, NOW)
    assert place.store.grant_of_user("ada@example.org", NOW) == old
    assert place.store.grant_of_user("ada@example.org", old.expires_at) is None
    assert place.store.grant_of_user("", NOW) is None


def test_a_damaged_file_is_said_to_be(place: Place):
    _, key = place.grant()
    path = place.store.path
    content = path.read_bytes()
    for broken in (b"no database " * 400, content[:4096] + b"\0" * (len(content) - 4096), b""):
        path.write_bytes(broken)
        with pytest.raises(DamagedStoreError, match=r"access\.db is damaged"):
            place.store.check()
    path.write_bytes(content)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE grants SET role = 'root'")
        db.commit()
    with pytest.raises(DamagedStoreError, match="unknown role 'root'"):
        place.store.grant_of_key(key, NOW)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE grants SET role = 'lead', class_ids = '[', expires_at = 'x'")
        db.commit()
    with pytest.raises(DamagedStoreError):
        place.store.grants()


def test_a_newer_or_foreign_file_is_left_as_it_is(place: Place):
    place.grant()
    path = place.store.path
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")
    with pytest.raises(StoreError, match=r"newer version \(layout 2; this version reads up to 1\)"):
        place.store.create()
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE shopping (item)")
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(ForeignStoreError, match="another program's"):
        place.store.create()
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_can_touch_opens_nothing(place: Place, mode: int):
    _, key = place.grant()
    place.store.path.chmod(mode)
    with pytest.raises(StoreError, match="others can read or write it") as error:
        place.store.grant_of_key(key, NOW)
    assert "chmod 600" in str(error.value.hint)


def test_what_is_no_file_of_ours_opens_nothing(place: Place):
    path = place.store.path
    with pytest.raises(StoreError, match="no key was given out yet"):
        place.store.grants()
    path.mkdir()
    with pytest.raises(StoreError, match="is no file"):
        place.store.create()
    path.rmdir()
    place.store.create()
    if os.geteuid() == 0:
        os.chown(path, 12345, 0)
        with pytest.raises(StoreError, match=r"another user \(uid 12345\)"):
            place.store.grants()


def test_backups_are_made_where_keys_changed_and_once_a_day(place: Place):
    folder = place.data / "backups"
    assert back_up_access(place.store, folder, keep=2, now=NOW) is None, "no file"
    place.store.create()
    assert back_up_access(place.store, folder, keep=2, now=NOW) is None, "no key"
    grant, key = place.grant()
    place.store.add_session("a session", grant, NOW + DAY)
    assert back_up_access(place.store, folder, keep=0, now=NOW) is None
    first = back_up_access(place.store, folder, keep=2, now=NOW)
    assert first is not None and stat.S_IMODE(first.stat().st_mode) == 0o600
    assert AccessStore(first).grant_of_key(key, NOW) == grant
    assert AccessStore(first).grant_of_session("a session", NOW) is None
    assert AccessStore(first).cookie_secret() != place.store.cookie_secret()
    assert back_up_access(place.store, folder, keep=2, now=NOW + DAY) is None, "nothing new"
    place.grant()
    assert back_up_access(place.store, folder, keep=2, now=NOW) is None, "the same day"
    second = back_up_access(place.store, folder, keep=2, now=NOW + DAY)
    place.store.revoke(grant.id, NOW)
    third = back_up_access(place.store, folder, keep=2, now=NOW + 2 * DAY)
    assert access_backups(folder) == [third, second]
    assert {path.name for path in folder.iterdir()} == {third.name, second.name}  # type: ignore[union-attr]


def test_a_sound_file_is_never_replaced_by_an_older_one(place: Place):
    grant, key = place.grant()
    backup = back_up_access(place.store, place.data / "backups", keep=2, now=NOW)
    assert backup is not None
    place.store.revoke(grant.id, NOW)
    with pytest.raises(StoreError, match="is sound, and newer"):
        restore_access(place.store, backup)
    assert place.store.grant_of_key(key, NOW) is None


def test_sync_backs_it_up_and_restore_puts_it_back(bench: Bench):
    place = Place(bench.data)
    bench.data.mkdir()
    _, key = place.grant()
    report = bench.sync()
    assert report.exit_code == 0 and report.backup_error is None
    (kept,) = access_backups(bench.data / "backups")
    place.store.path.write_bytes(b"damaged " * 1000)
    done = bench.command("restore")
    assert done.returncode == 0, done.stderr
    assert f"Restored who may come in, from {kept}" in done.stdout
    assert "access.db.damaged-" in done.stdout and "access list" in done.stdout
    assert place.store.grant_of_key(key, NOW) is not None
    again = bench.command("restore")
    assert again.returncode == 0 and "who may come in" not in again.stdout, "it is sound"
    place.store.path.unlink()
    raw = bench.raw.read_bytes()
    alone = bench.command("restore", kept.name)
    assert alone.returncode == 0, alone.stderr
    assert bench.raw.read_bytes() == raw and place.store.grant_of_key(key, NOW) is not None
    refused = bench.command("restore", kept.name)
    assert refused.returncode == 1 and "is sound" in refused.stderr


def test_a_damaged_file_is_told_by_sync_and_fails_nothing_else(bench: Bench):
    bench.data.mkdir()
    place = Place(bench.data)
    place.grant()
    place.store.path.write_bytes(b"damaged " * 1000)
    report = bench.sync()
    assert report.exit_code == 0
    assert report.backup is not None
    assert report.backup_error is not None and "access.db is damaged" in str(report.backup_error)


def test_forget_erases_the_keys_of_a_person_from_file_and_backups(bench: Bench):
    assert bench.sync().exit_code == 0
    place = Place(bench.data)
    _, key = place.grant("mentor", "S3@example.org")
    place.grant("lead", "Ada Nr 3")
    other, other_key = place.grant("mentor", "s4@example.org")
    backup = back_up_access(place.store, bench.data / "backups", keep=3, now=NOW)
    assert backup is not None
    done = bench.command("forget", "s3@example.org", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["keys"] == 2
    assert place.store.grants() == AccessStore(backup).grants() == [other]
    assert place.store.grant_of_key(key, NOW) is None
    assert place.store.grant_of_key(other_key, NOW) == other
    for path in (place.store.path, backup):
        content = path.read_bytes().lower()
        assert b"s3@example.org" not in content and b"ada nr 3" not in content
        assert b"s4@example.org" in content


def test_a_bucket_gives_what_it_holds_and_fills_in_time():
    buckets = Buckets(3, 60)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0]
    assert 0 < buckets.take("a") <= 1
    assert buckets.take("b") == 0, "another's is full"
    slow = Buckets(1, 1)
    assert slow.take("a") == 0
    assert 59 <= slow.take("a") <= 60
    quick = Buckets(1, 60)
    assert quick.take("a") == 0
    time.sleep(0.2)
    assert 0.5 < quick.take("a") <= 0.8, "a fifth of a token"
    time.sleep(0.9)
    assert quick.take("a") == 0
    for number in range(20_000):
        buckets.take(f"n{number}")
    assert buckets.take("a") == 0, "only the last ten thousand are kept"
