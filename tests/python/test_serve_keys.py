"""Who comes in by a key, and who does not: over real HTTP."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from cohort_tracker.warehouse.query import query
from served import ME, Place, Served, status


@pytest.fixture(scope="module")
def place(served_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place.copied(
        served_data, tmp_path_factory.mktemp("keys") / "data", requests_per_minute=100_000
    )


@pytest.fixture(scope="module")
def served(place: Place) -> Iterator[Served]:
    with place.serving() as running:
        yield running


@pytest.fixture
def fresh(served_data: Path, tmp_path: Path) -> Place:
    return Place.copied(served_data, tmp_path / "data")


def test_a_key_opens_what_it_was_made_for(place: Place, served: Served):
    _, key = place.grant()
    answer = served.get(key=key)
    assert answer.status_code == 200
    assert answer.json() == {"role": "lead", "classes": None, "nights": None, "hide_names": False}
    _, hidden = place.grant("program", hide_names=True)
    assert served.get(key=hidden).json()["role"] == "program"
    assert served.get(key=hidden).json()["hide_names"] is True


def other_case(key: str) -> str:
    return key[:12] + key[12:].swapcase()


def other_end(key: str) -> str:
    return key[:-1] + ("A" if key[-1] != "A" else "B")


@pytest.mark.parametrize(
    "spoiled",
    [
        other_case,
        other_end,
        str.upper,
        lambda key: key[:-1],
        lambda key: key + "A",
        lambda key: key[:12],
        lambda key: key[12:],
        lambda key: f"ct_aaaaaaaa_{key[12:]}",
        lambda key: "",
        lambda key: "ct_' OR 1=1 --",
        lambda key: "\N{LATIN SMALL LETTER A WITH DIAERESIS}" * 50,
    ],
)
def test_what_is_not_quite_a_key_opens_nothing(fresh: Place, spoiled):
    _, key = fresh.grant()
    with fresh.serving() as served:
        request = f"GET {ME} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nConnection: close\r\n"
        sent = f"{request}Authorization: Bearer {spoiled(key)}\r\n\r\n".encode()
        answer = served.raw(sent)
        assert status(answer) == 401
        assert b'www-authenticate: Bearer realm="cohort-tracker"' in answer


def test_unknown_id_and_wrong_key_are_not_told_apart(place: Place, served: Served):
    _, key = place.grant()
    gone, revoked_key = place.grant()
    place.store.revoke(gone.id, datetime.now(UTC))
    past = datetime.now(UTC) - timedelta(seconds=1)
    _, expired_key = place.grant(expires_at=past)
    no_key = place.grant()[0].id
    wrong = [other_end(key), revoked_key, expired_key, f"ct_{no_key}_{'A' * 43}"]
    answers = [served.get(key=text) for text in wrong]
    answers.append(served.get(key=f"ct_aaaaaaaa_{key[12:]}"))
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1


def test_a_revoked_key_is_refused_at_the_next_request(place: Place, served: Served):
    grant, key = place.grant()
    other = place.grant()[1]
    assert served.get(key=key).status_code == 200
    done = place.command("access", "revoke", grant.id)
    assert done.returncode == 0, done.stderr
    assert served.get(key=key).status_code == 401
    assert served.get(key=other).status_code == 200


def test_only_one_bearer_key_counts(fresh: Place):
    _, key = fresh.grant()
    with fresh.serving() as served:
        for header in ("Basic {}", "{}", "Token {}"):
            assert served.get(Authorization=header.format(key)).status_code == 401
        assert served.get(Authorization=f"bearer  {key} ").status_code == 200
        line = f"Authorization: Bearer {key}\r\n"
        request = f"GET {ME} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nConnection: close\r\n"
        assert status(served.raw(f"{request}{line}\r\n".encode())) == 200
        assert status(served.raw(f"{request}{line}{line}\r\n".encode())) == 401
        cookie = served.session(key)
        assert served.with_cookie(cookie).status_code == 200
        both = served.get(key=other_end(key), Cookie=f"cohort-tracker={cookie}")
        assert both.status_code == 401, "a wrong key is not made good by a session"


def test_a_mentor_sees_the_own_nights(place: Place, served: Served, served_data: Path):
    rows = query(
        served_data / "warehouse.duckdb",
        "select lower(email), night_key, class_id from core.mentors where email is not null",
    )
    email, night, class_id = sorted(rows)[0]
    running = [
        row[0] for row in query(served_data / "warehouse.duckdb", "select id from core.classes")
    ]
    _, key = place.grant("mentor", email.upper())
    found = served.get(key=key).json()
    assert found["role"] == "mentor"
    assert found["nights"] == [[one, night] for one in sorted(running) if class_id in (None, one)]
    _, narrow = place.grant("mentor", email, class_ids=(running[0],))
    assert served.get(key=narrow).json()["nights"] == [[running[0], night]]
    assert served.get(key=narrow).json()["classes"] == [running[0]]
    _, instead = place.grant("mentor", "somebody@example.org", nights=(night, "no such"))
    assert {found[1] for found in served.get(key=instead).json()["nights"]} == {night}


def test_who_has_no_night_or_class_sees_nothing(place: Place, served: Served):
    nobody = {"role": "mentor", "classes": [], "nights": [], "hide_names": False}
    for fields in (
        {"role": "mentor", "name": "stranger@example.org"},
        {"role": "mentor", "name": "x@example.org", "nights": ("no such night",)},
        {"role": "lead", "class_ids": ("a class that was",)},
        {"role": "program", "class_ids": ("a class that was",)},
    ):
        _, key = place.grant(**fields)
        assert served.get(key=key).json() == nobody, fields


def publish(place: Place, change: str) -> None:
    """Put changed tables in the place of the published ones, as a sync does it."""
    published, next_one = place.data / "warehouse.duckdb", place.data / "next.duckdb"
    shutil.copyfile(published, next_one)
    with duckdb.connect(next_one) as tables:
        tables.execute(change)
    next_one.replace(published)


def test_changed_mentors_count_as_soon_as_they_are_published(fresh: Place):
    _, key = fresh.grant("mentor", "new@example.org")
    with fresh.serving() as served:
        assert served.get(key=key).json()["nights"] == []
        publish(fresh, "UPDATE core.mentors SET email = 'new@example.org'")
        known = query(fresh.data / "warehouse.duckdb", "select night_key from core.mentors")
        nights = {night for (night,) in known}
        assert {night for _, night in served.get(key=key).json()["nights"]} == nights != set()


def test_a_class_that_is_over_is_no_mentors_any_more(fresh: Place):
    email, night = query(
        fresh.data / "warehouse.duckdb", "select email, night_key from core.mentors limit 1"
    )[0]
    _, key = fresh.grant("mentor", email)
    _, instead = fresh.grant("mentor", "x@example.org", nights=(night,))
    with fresh.serving() as served:
        both = served.get(key=instead).json()["nights"]
        assert len(both) == 2
        over = both[0][0]
        publish(
            fresh, f"UPDATE marts.class_summary SET is_class_over = true WHERE class_id = '{over}'"
        )
        assert served.get(key=instead).json()["nights"] == both[1:]
        assert over not in dict(served.get(key=key).json()["nights"])


def test_nobody_comes_in_while_access_db_cannot_be_trusted(fresh: Place):
    _, key = fresh.grant()
    with fresh.serving() as served:
        cookie = served.session(key)
        path = fresh.data / "access.db"
        path.chmod(0o640)
        assert served.get(key=key).status_code == 503
        assert served.with_cookie(cookie).status_code == 503
        assert served.log_in(key).status_code == 503
        assert "others can read or write it" in served.log
        path.chmod(0o600)
        assert served.get(key=key).status_code == 200
        path.write_bytes(b"nonsense" * 1000)
        assert served.get(key=key).status_code == 503
        path.unlink()
        assert served.get(key=key).status_code == 503
        assert served.get().status_code == 401, "no key, no question"


def test_a_key_has_so_many_requests_a_minute(served_data: Path, tmp_path: Path):
    place = Place.copied(served_data, tmp_path / "data", requests_per_minute=12)
    grant, key = place.grant()
    _, other = place.grant()
    with place.serving() as served:
        found = [served.get(key=key) for _ in range(14)]
        assert [answer.status_code for answer in found] == [200] * 12 + [429] * 2
        assert 1 <= int(found[-1].headers["Retry-After"]) <= 5
        assert served.get(key=other).status_code == 200
        for path in ("/health", "/api/v1/health", "/login"):
            assert served.get(path, key).status_code == 200, "what costs no token"
        told = served.get(key=key)
        assert told.headers["Content-Type"] == "application/problem+json"
        assert "Connection" not in told.headers, "to connect anew would cost more"
        assert re.search(rf" 429 GET - \d+ ms {grant.id}\n", served.log)
        time.sleep(int(told.headers["Retry-After"]))
        assert served.get(key=key).status_code == 200
        session = served.session(other)
        cookies = [served.with_cookie(session).status_code for _ in range(14)]
        assert 429 in cookies and cookies[0] == 200


def test_who_tries_keys_is_slowed_down(fresh: Place):
    _, key = fresh.grant()
    with fresh.serving() as served:
        found = [served.get(key=other_end(key)) for _ in range(10)]
        assert {answer.status_code for answer in found} == {401}
        refused = served.get(key=other_end(key))
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 30
        assert served.log_in(other_end(key)).status_code == 429, "the form counts with it"
        assert served.get().status_code == 401, "who tries nothing is told to log in"
        assert served.get(key=key).status_code == 200, "a school shares one address"
        spoofed = served.get(key=other_end(key), X_Forwarded_For="203.0.113.9")
        assert spoofed.status_code == 429, "nobody says who they are by themselves"
