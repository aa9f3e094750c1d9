"""Logging in with a browser: sessions that are fixed, stolen, forged, over, and who may ask."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from cohort_tracker.access.owner import OWNER, OwnerLink
from served import COOKIE, PUBLIC, PUBLIC_URL, Place, Served

HTML = "text/html,application/xhtml+xml"


@pytest.fixture(scope="module")
def place(served_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    data = tmp_path_factory.mktemp("sessions") / "data"
    return Place.copied(served_data, data, public_url=PUBLIC_URL)


@pytest.fixture(scope="module")
def served(place: Place) -> Iterator[Served]:
    with place.serving() as running:
        yield running


def test_the_form_logs_in_by_a_cookie_that_scripts_and_other_sites_do_not_get(
    place: Place, served: Served
):
    _, key = place.grant()
    answer = served.log_in(f" {key}\n")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"):
        assert f"; {part}" in cookie
    assert "Secure" not in cookie and "Domain" not in cookie
    assert served.with_cookie(answer.cookies[COOKIE]).json()["role"] == "lead"
    public = served.log_in(key, Origin=PUBLIC_URL, **PUBLIC)
    assert public.status_code == 303
    assert public.headers["Set-Cookie"].startswith("__Host-cohort-tracker=")
    assert "; Secure" in public.headers["Set-Cookie"]
    assert "; Path=/;" in public.headers["Set-Cookie"]


def test_a_session_counts_only_where_its_cookie_is_the_guarded_one(place: Place, served: Served):
    _, key = place.grant()
    plain = served.session(key)
    safe = f"__Host-{COOKIE}"
    assert served.get(Cookie=f"{safe}={plain}", **PUBLIC).status_code == 200
    assert served.get(Cookie=f"{COOKIE}={plain}", **PUBLIC).status_code == 401


def test_a_wrong_key_shows_the_form_again(served: Served):
    answer = served.log_in("ct_nothing")
    assert answer.status_code == 401
    assert "opens nothing" in answer.text and '<form method="post"' in answer.text
    assert "Set-Cookie" not in answer.headers and "ct_nothing" not in answer.text


def test_a_login_never_takes_over_the_session_that_was_there(place: Place, served: Served):
    _, key = place.grant()
    before = served.session(key)
    answer = served.log_in(key, Cookie=f"{COOKIE}={before}")
    after = answer.cookies[COOKIE]
    assert after != before
    assert served.with_cookie(after).status_code == 200
    assert served.with_cookie(before).status_code == 401, "who planted it has nothing"
    chosen = served.log_in(key, Cookie=f"{COOKIE}=chosen-by-a-stranger")
    assert chosen.status_code == 303
    assert served.with_cookie("chosen-by-a-stranger").status_code == 401


def test_logout_ends_the_session_on_the_server(place: Place, served: Served):
    _, key = place.grant()
    stolen = served.session(key)
    other = served.session(key)
    own = {"Origin": served.url, "Sec_Fetch_Site": "same-origin"}
    answer = served.ask("POST", "/logout", Cookie=f"{COOKIE}={stolen}", **own)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert f'{COOKIE}="";' in answer.headers["Set-Cookie"]
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert served.with_cookie(stolen).status_code == 401
    assert served.with_cookie(other).status_code == 200


def test_a_stolen_session_ends_with_its_key(place: Place, served: Served):
    grant, key = place.grant()
    stolen = served.session(key)
    other = served.session(place.grant()[1])
    assert served.with_cookie(stolen).status_code == 200
    assert place.command("access", "revoke", grant.id).returncode == 0
    assert served.with_cookie(stolen).status_code == 401
    assert served.with_cookie(other).status_code == 200


def changed(place: Place, sql: str) -> None:
    with closing(sqlite3.connect(place.data / "access.db")) as db:
        db.execute(sql)
        db.commit()


def test_a_session_ends_in_time_and_with_an_expired_key(served_data: Path, tmp_path: Path):
    place = Place.copied(served_data, tmp_path / "data", session_hours=0.1)
    _, key = place.grant()
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat(timespec="seconds")
    with place.serving() as served:
        cookie = served.session(key)
        assert served.with_cookie(cookie).status_code == 200
        changed(place, f"UPDATE sessions SET expires_at = '{past}'")
        assert served.with_cookie(cookie).status_code == 401
        again = served.session(key)
        changed(place, f"UPDATE grants SET expires_at = '{past}'")
        assert served.with_cookie(again).status_code == 401


class Later(TimestampSigner):
    """Signs as if it was some minutes ago."""

    def get_timestamp(self) -> int:
        return super().get_timestamp() - 7 * 60


def test_an_old_signature_counts_for_nothing(served_data: Path, tmp_path: Path):
    place = Place.copied(served_data, tmp_path / "data", session_hours=0.1)
    _, key = place.grant()
    secret = place.store.cookie_secret()
    with place.serving() as served:
        cookie = served.session(key)
        session_id = URLSafeTimedSerializer(secret, salt="session").loads(cookie)
        for signer, expected in ((TimestampSigner, 200), (Later, 401)):
            serializer = URLSafeTimedSerializer(secret, salt="session", signer=signer)
            assert served.with_cookie(serializer.dumps(session_id)).status_code == expected


def other(text: str) -> str:
    """The text with its third letter changed."""
    return f"{text[:2]}{'A' if text[2] != 'A' else 'B'}{text[3:]}"


def test_forged_and_tampered_cookies_open_nothing(place: Place, served: Served):
    _, key = place.grant()
    cookie = served.session(key)
    value, stamp, signature = cookie.split(".")
    secret = place.store.cookie_secret()
    session_id = URLSafeTimedSerializer(secret, salt="session").loads(cookie)
    forged = [
        URLSafeTimedSerializer("guessed", salt="session").dumps(session_id),
        URLSafeTimedSerializer(secret, salt="session").dumps("not a session"),
        URLSafeTimedSerializer(secret, salt="session").dumps(None),
        URLSafeTimedSerializer(secret, salt="session").dumps({"grant": "x"}),
        f"{value}.{stamp}.{other(signature)}",
        f"{other(value)}.{stamp}.{signature}",
        f"{value}.{other(stamp)}.{signature}",
        session_id,
        "",
        "." * 5000,
    ]
    assert {served.with_cookie(text).status_code for text in forged} == {401}
    assert served.with_cookie(cookie).status_code == 200


def test_sessions_outlive_a_restart_of_the_server(served_data: Path, tmp_path: Path):
    place = Place.copied(served_data, tmp_path / "data")
    _, key = place.grant()
    with place.serving() as served:
        cookie = served.session(key)
    with place.serving() as served:
        assert served.with_cookie(cookie).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "same-origin"},
        {"Referer": "http://127.0.0.1/"},
        {"Authorization": "Basic YWRhOnNlY3JldA==", "Sec_Fetch_Site": "cross-site"},
        {},
    ],
)
def test_pages_of_other_sites_can_post_nothing(place: Place, served: Served, headers):
    _, key = place.grant()
    cookie = served.session(key)
    for path in ("/login", "/logout"):
        answer = served.ask("POST", path, data={"key": key}, Cookie=f"{COOKIE}={cookie}", **headers)
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers
    assert served.with_cookie(cookie).status_code == 200, "nobody was logged out"


def test_own_pages_and_programs_can_post(place: Place, served: Served):
    _, key = place.grant()
    same = {"Sec_Fetch_Site": "same-origin"}
    program = {"Authorization": f"Bearer {key}"}
    # Of a page without a referrer browsers hide the origin.
    for headers in (same, {"Origin": served.url}, {"Origin": "null", **same}, program):
        answer = served.ask("POST", "/login", data={"key": key}, **headers)
        assert answer.status_code == 303, headers


def test_a_browser_that_is_not_logged_in_is_sent_to_the_form(place: Place, served: Served):
    answer = served.get(Accept=HTML)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert answer.content == b""
    assert served.get(Accept="application/json").status_code == 401
    assert served.get(key="ct_wrong", Accept=HTML).status_code == 401, "a program with a key"
    _, key = place.grant()
    assert served.get(key=key, Accept=HTML).status_code == 200


def test_the_page_of_somebody_logged_in_takes_no_key_from_a_link(place: Place, served: Served):
    _, key = place.grant()
    cookie = served.session(key)
    plain = served.get("/login")
    assert "data-logged-in" not in plain.text and "/logout" not in plain.text
    logged_in = served.get("/login", Cookie=f"{COOKIE}={cookie}")
    assert "<body data-logged-in>" in logged_in.text and 'action="/logout"' in logged_in.text


def test_the_owners_link_works_once(served_data: Path, tmp_path: Path):
    place = Place.copied(served_data, tmp_path / "data")
    with place.serving() as served:
        token = served.owner_token
        assert served.get().status_code == 401, "never open without a key"
        assert served.get(key=token).status_code == 401, "it is for a browser"
        assert served.log_in(token[:-1]).status_code == 401
        cookie = served.session(token)
        assert served.with_cookie(cookie).json()["role"] == "lead"
        assert served.log_in(token).status_code == 401
        (grant,) = place.store.grants()
        assert (grant.name, grant.role) == (OWNER, "lead")
        assert grant.expires_at - grant.created_at == timedelta(hours=12)
        assert place.command("access", "revoke", grant.id).returncode == 0
        assert served.with_cookie(cookie).status_code == 401


def test_the_owners_link_is_good_for_a_while_only(tmp_path: Path):
    place = Place(tmp_path)
    place.store.create()
    late = OwnerLink(place.store, 12, seconds=-1)
    assert late.redeem(late.token) is None
    in_time = OwnerLink(place.store, 12, seconds=60)
    assert in_time.redeem(late.token) is None
    assert in_time.redeem(in_time.token) is not None
    assert in_time.redeem(in_time.token) is None
