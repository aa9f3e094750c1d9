"""Requests that are no ordinary ones: Host, proxies, sizes, slow clients, and the log."""

from __future__ import annotations

import concurrent.futures
import contextlib
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from api_server import CLASS, publish_another
from served import ME, PUBLIC, PUBLIC_URL, Place, Served, status

MANY_PROGRESSIONS = (
    "INSERT INTO core.progressions SELECT p.* REPLACE (p.id || '-' || n AS id)"
    " FROM core.progressions AS p, range(40) AS r (n)"
)


@pytest.fixture(scope="module")
def place(served_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    data = tmp_path_factory.mktemp("door") / "data"
    return Place.copied(served_data, data, public_url=PUBLIC_URL, requests_per_minute=100_000)


@pytest.fixture(scope="module")
def served(place: Place) -> Iterator[Served]:
    with place.serving() as running:
        yield running


def with_host(served: Served, key: str, *hosts: str) -> int:
    lines = "".join(f"Host: {host}\r\n" for host in hosts)
    request = (
        f"GET {ME} HTTP/1.1\r\n{lines}Authorization: Bearer {key}\r\nConnection: close\r\n\r\n"
    )
    return status(served.raw(request.encode()))


def test_only_our_own_names_are_answered(place: Place, served: Served):
    _, key = place.grant()
    port = served.port
    good = [
        *(f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}", f"LOCALHOST:{port}"),
        *("cohorts.example.org", "Cohorts.Example.Org", "cohorts.example.org:443"),
    ]
    assert {host: with_host(served, key, host) for host in good} == dict.fromkeys(good, 200)
    bad = [
        *("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}"),
        *(
            f"localhost.evil.example:{port}",
            f"localhost:{port}.evil.example",
            f"a@127.0.0.1:{port}",
        ),
        *("cohorts.example.org:80", f"cohorts.example.org:{port}", "cohorts.example.org.", ""),
        *(f"127.0.0.1:{port}/x", f"127.0.0.1:{port}, evil.example", "[::1", f"0.0.0.0:{port}"),
    ]
    found = {host: with_host(served, key, host) for host in bad}
    assert set(found.values()) <= {421, 400}, found
    assert with_host(served, key, f"127.0.0.1:{port}", "evil.example") in (400, 421)
    assert served.get(key=key, Host="evil.example").status_code == 421
    old = served.raw(f"GET {ME} HTTP/1.0\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
    assert status(old) == 421, "without a Host nobody is asked"


def test_what_is_said_about_the_way_here_is_not_believed(place: Place, served: Served):
    _, key = place.grant()
    for header in ("X_Forwarded_Host", "X_Forwarded_Proto", "Forwarded", "X_Forwarded_For"):
        answer = served.get(key=key, Host="evil.example", **{header: "cohorts.example.org"})
        assert answer.status_code == 421, header
    for header in ("X_Forwarded_User", "Remote_User", "X_Remote_User"):
        assert served.get(**{header: "Ada"}).status_code == 401


def test_every_answer_has_the_headers_that_protect_it(place: Place, served: Served):
    _, key = place.grant()
    answers = [
        *(
            served.get(key=key),
            served.get(),
            served.get("/login"),
            served.get("/no/such/page", key),
        ),
        *(served.get(Host="evil.example"), served.ask("POST", "/login"), served.log_in("x")),
        *(served.get(Accept="text/html"), served.ask("DELETE", ME, key)),
        *(served.log_in(key), served.ask("PUT", "/login", key)),
    ]
    assert {200, 303, 401, 403, 404, 405, 421} <= {answer.status_code for answer in answers}
    for answer in answers:
        headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'") and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] in ("no-referrer", "same-origin")
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["Cache-Control"] in ("no-store", "private, no-cache")
        assert "Access-Control-Allow-Origin" not in headers and "Server" not in headers


def head_of(size: int, port: int, key: str) -> bytes:
    head = f"GET {ME} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {key}\r\n"
    return f"{head}Connection: close\r\nX-Padding: {'x' * size}\r\n\r\n".encode()


def test_large_headers_and_bodies_are_refused(place: Place, served: Served):
    _, key = place.grant()
    assert status(served.raw(head_of(7_500, served.port, key))) == 200
    assert status(served.raw(head_of(10_000, served.port, key))) == 431
    assert served.get(Authorization="Bearer " + "x" * 7_000).status_code == 401
    assert served.get(Authorization="Bearer " + "x" * 10_000).status_code == 431
    assert served.get(ME + "?a=" + "x" * 4_000, key, X_Padding="x" * 7_500).status_code == 200
    assert status(served.raw(head_of(20_000, served.port, key))) in (400, 431)
    with contextlib.suppress(ConnectionResetError):  # it is closed before all was sent
        assert status(served.raw(head_of(200_000, served.port, key))) == 400
    body = {"key": "x" * 70_000}
    assert served.ask("POST", "/login", data=body, Origin=served.url).status_code == 413
    assert served.get(key=key).status_code == 200


def test_connections_that_send_nothing_do_not_hold_others_up(place: Place, served: Served):
    _, key = place.grant()
    served.get(key=key)
    with ExitStack() as stack:
        silent = [stack.enter_context(served.connect()) for _ in range(200)]
        for connection in silent[::2]:
            connection.sendall(b"GET / HTTP/1.1\r\nHo")
        began = time.monotonic()
        assert {served.get(key=key).status_code for _ in range(20)} == {200}
        assert time.monotonic() - began < 5
        # All of them are cut off by themselves, the drip as well.
        until = time.monotonic() + 30
        silent[0].settimeout(0.5)
        while time.monotonic() < until:
            try:
                silent[0].sendall(b"s")
                if silent[0].recv(100) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert 8 < time.monotonic() - began < 20
        for connection in silent[1:]:
            connection.settimeout(5)
            with pytest.raises(ConnectionError):
                if connection.recv(100) == b"":
                    raise ConnectionResetError


def test_a_body_that_never_comes_is_not_waited_for(served: Served):
    head = (
        f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nOrigin: {served.url}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\r\nkey="
    )
    began = time.monotonic()
    assert status(served.raw(head.encode())) == 408
    assert 8 < time.monotonic() - began < 20


def test_who_does_not_read_the_answer_is_cut_off(served_data: Path, tmp_path: Path):
    """Ten seconds after the answer was made: what is left of it goes, and others go on."""
    place = Place.copied(served_data, tmp_path / "data")
    publish_another(place.data, "more than the system's buffers hold", MANY_PROGRESSIONS)
    with place.serving() as served:
        check_cut_off(served, place.grant()[1])


def check_cut_off(served: Served, key: str) -> None:
    path = f"/api/v1/classes/{CLASS}/progressions"
    whole = len(served.get(path, key, Accept="text/csv").content)
    assert whole > 8_000_000
    head = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nAccept: text/csv\r\n"
        f"Authorization: Bearer {key}\r\n\r\n"
    )
    with ExitStack() as stack:
        readers = []
        for _ in range(3):
            reader = stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.settimeout(40)
            reader.connect(("127.0.0.1", served.port))
            reader.sendall(head.encode())
            readers.append(reader)
        assert {served.get(key=key).status_code for _ in range(20)} == {200}
        until = time.monotonic() + 60
        while time.monotonic() < until and established(served.port):
            time.sleep(0.5)
        assert not established(served.port), "the server has let go of all of them"
        assert all(len(read_to_end(reader)) < whole for reader in readers)
    assert served.get(key=key).status_code == 200


def established(port: int) -> int:
    """How many connections to a port are open on its side."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    found = [line.split() for line in lines]
    return sum(f[1].endswith(f":{port:04X}") and f[3] == "01" for f in found)


def read_to_end(connection: socket.socket) -> bytes:
    """What comes until the connection ends, however it ends."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            found += part
    return found


def test_there_is_room_for_one_more_when_many_do_nothing(place: Place, served: Served):
    _, key = place.grant()
    with ExitStack() as stack:
        silent = [stack.enter_context(served.connect()) for _ in range(600)]
        assert served.get(key=key).status_code == 200
        silent[0].settimeout(5)
        with pytest.raises(ConnectionError):
            if silent[0].recv(100) == b"":
                raise ConnectionResetError
        silent[-1].sendall(head_of(1, served.port, key))
        assert status(silent[-1].recv(1000)) == 200


def test_the_log_names_nobody(place: Place, served: Served):
    grant, key = place.grant("lead", "Ada Lovelace")
    cookie = served.session(key)
    served.with_cookie(cookie)
    served.get(f"{ME}?name=Grace+Hopper", key=key)
    served.get("/students/Grace-Hopper?key=" + key, key=key)
    served.get("/students/Grace-Hopper", key="ct_wrong")
    served.log_in("ct_this_is_wrong")
    served.get(Host="evil.example")
    served.raw(b"Grace Hopper\r\n\r\n")
    log = served.log
    assert f" 200 GET {ME} " in log and f" ms {grant.id}\n" in log
    assert " 404 GET - " in log
    for word in ("Ada", "Lovelace", "Grace", "Hopper", key, key[12:], cookie, "wrong", "evil", "?"):
        assert word not in log, word
    line = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (\d{3}|-) [A-Z]+ \S+ \d+ ms \S+")
    assert all(line.fullmatch(text) for text in log.splitlines())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_on_a_signal_after_what_is_under_way(
    served_data: Path, tmp_path: Path, number: int
):
    place = Place.copied(served_data, tmp_path / "data")
    _, key = place.grant()
    body = f"key={key}"
    with place.serving() as served, served.connect(), served.connect() as partial:
        partial.sendall(
            f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nOrigin: {served.url}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
        )
        with served.connect() as idle:
            idle.sendall(b"GET / HT")
            assert served.get(key=key).status_code == 200  # by then the others were read
            served.process.send_signal(number)
            time.sleep(0.5)
            partial.sendall(body.encode())
            assert status(partial.recv(2000)) == 303, "what was begun is answered"
            began = time.monotonic()
            assert served.process.wait(20) == 0
            assert time.monotonic() - began < 12
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", served.port), timeout=2)


def test_many_at_once_are_all_answered(place: Place, served: Served):
    _, key = place.grant()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: served.get(key=key).status_code, range(300)))
    assert found == [200] * 300


def test_the_proxy_says_who_asks_and_nobody_else(served_data: Path, tmp_path: Path):
    place = Place.copied(
        served_data,
        tmp_path / "data",
        auth="proxy",
        public_url=PUBLIC_URL,
        proxy_header="X-Forwarded-User",
        trusted_proxies="127.0.0.2/32",
    )
    _, key = place.grant("lead", "Ada")
    place.grant("mentor", "mentor@example.org")
    with place.serving("--behind-proxy") as served:
        assert "/login#" not in served.said
        direct = {"X_Forwarded_User": "Ada", **PUBLIC}
        assert served.get(**direct).status_code == 401
        assert served.get(**direct, X_Forwarded_For="127.0.0.2").status_code == 401
        assert served.get(key=key, **PUBLIC).status_code == 401, "keys open nothing here"
        assert served.get("/login", **PUBLIC).status_code in (401, 404)

        def by_proxy(*users: str) -> int:
            lines = "".join(f"X-Forwarded-User: {user}\r\n" for user in users)
            request = f"GET {ME} HTTP/1.1\r\nHost: cohorts.example.org\r\n{lines}"
            address = ("127.0.0.1", served.port)
            with socket.create_connection(address, 10, source_address=("127.0.0.2", 0)) as proxy:
                proxy.sendall(f"{request}Connection: close\r\n\r\n".encode())
                return status(proxy.recv(4000))

        assert by_proxy("ada") == 200
        assert by_proxy("MENTOR@example.org") == 200
        assert [by_proxy(), by_proxy(""), by_proxy("Eve"), by_proxy("Ada", "Ada")] == [401] * 4
        (ada, _) = place.store.grants()
        assert place.command("access", "revoke", ada.id).returncode == 0
        assert by_proxy("ada") == 401


def test_behind_a_proxy_each_client_has_its_own_failures(served_data: Path, tmp_path: Path):
    place = Place.copied(
        served_data, tmp_path / "data", public_url=PUBLIC_URL, trusted_proxies="127.0.0.1"
    )
    with place.serving("--behind-proxy") as served:

        def tried(forwarded: str) -> int:
            return served.get(key="ct_x", X_Forwarded_For=forwarded, **PUBLIC).status_code

        assert [tried(f"10.0.0.{n}, 203.0.113.7") for n in range(11)] == [401] * 10 + [429]
        assert tried("203.0.113.7, 198.51.100.1") == 401, "what stands left of it anybody wrote"
        assert tried("198.51.100.1, 203.0.113.7, 127.0.0.1") == 429
