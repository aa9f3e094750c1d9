"""What the network does wrong: a retry mends it, or one clear line says what was tried."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cohort_tracker.errors import ConfigError
from cohort_tracker.sandbox import SandboxServer
from cohort_tracker.setting_values import is_loopback
from cohort_tracker.sources.adapter import TransportLimits
from cohort_tracker.sources.transport import _retry_after, _WaitAsTold
from cohort_tracker.sync import SyncReport
from support import Bench, Classes, at_night, keeps_its_distance, record, wait_for


def failure(report: SyncReport) -> str:
    assert report.exit_code != 0
    return " | ".join(error.message for error in report.errors)


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A TCP server that does with each connection whatever `answer` does; keeps first bytes."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []
    stop = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                heard.append(_request(connection))
                answer(connection)
            except OSError:
                pass

    def accept() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
    finally:
        stop.set()
        listener.close()


def _request(connection: socket.socket) -> bytes:
    """One request with its body: closing before it was read whole would be a reset."""
    data = b""
    while part := connection.recv(65536):
        data += part
        head, end, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        if end and len(body) >= (int(length[1]) if length else 0):
            break
    return data


def test_connection_refused_says_so_and_how_often_it_was_tried(bench: Bench):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    report = bench.sync(api_base=f"http://127.0.0.1:{port}", max_attempts=3)
    assert report.exit_code == 5
    assert "connection refused (tried 3 times in" in failure(report)


def test_unknown_host_is_an_unreachable_api(bench: Bench):
    report = bench.sync(api_base="https://nonexistent.invalid", max_attempts=2)
    assert report.exit_code == 5
    assert "the host name cannot be resolved (tried 2 times" in failure(report)


def test_untrusted_certificate_is_refused_without_a_retry_and_a_bundle_makes_it_trusted(
    bench: Bench, certificate: Path
):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    requests: list[str] = []

    class Login(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requests.append(self.path)
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), Login)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"https://127.0.0.1:{server.server_port}"
    try:
        started = time.monotonic()
        report = bench.sync(api_base=base)
        assert report.exit_code == 5
        assert "certificate is not trusted" in failure(report)
        assert time.monotonic() - started < 5
        assert requests == []
        report = bench.sync(api_base=base, ca_bundle=certificate)
        assert report.exit_code == 3 and requests == ["/v1/auth/login"]
        elsewhere = base.replace("127.0.0.1", "127.0.0.2")  # not in the certificate
        report = bench.sync(api_base=elsewhere, ca_bundle=certificate, max_attempts=1)
        assert report.exit_code == 5
    finally:
        server.shutdown()
        server.server_close()


def test_missing_or_broken_ca_bundle_is_one_clear_line(bench: Bench):
    with pytest.raises(ConfigError, match="ca_bundle: no such file"):
        bench.sync(api_base="https://127.0.0.1:1", ca_bundle=bench.home / "no.pem")
    broken = bench.home / "broken.pem"
    broken.write_text("this is no certificate")
    report = bench.sync(api_base="https://127.0.0.1:1", ca_bundle=broken, max_attempts=1)
    assert report.exit_code in (2, 5) and "\n" not in failure(report)


def test_plain_server_on_an_https_address_is_no_traceback(bench: Bench):
    base = bench.server.url.replace("http:", "https:")
    report = bench.sync(api_base=base, max_attempts=2)
    assert report.exit_code == 5
    assert "no secure connection" in failure(report)


@pytest.mark.parametrize(
    "fault",
    [
        "status=500",
        "status=502,times=3",
        at_night("status=503,times=2"),
        "status=429",
        at_night("status=408"),
        at_night("reset"),
        "reset,page=2",
        at_night("truncated"),
        "truncated,page=4",
    ],
)
def test_passing_trouble_is_retried_and_nothing_is_missed(bench: Bench, fault: str):
    bench.misbehave(fault)
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


@pytest.mark.parametrize("path", ["/auth/login", "/classes"])
def test_trouble_at_the_door_is_retried_too(bench: Bench, path: str):
    bench.misbehave(f"status=503,times=2,on={path}", f"reset,on={path}")
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


@pytest.mark.parametrize(("status", "code"), [(503, 5), (404, 4), at_night(403, 4), (400, 5)])
def test_lasting_trouble_names_the_status_and_keeps_what_was_read(
    bench: Bench, status: int, code: int
):
    bench.misbehave(f"status={status},times=always,page=2")
    report = bench.sync(max_attempts=2)
    assert report.exit_code == code
    assert failure(report).startswith(f"Failed to fetch progressions: {status}")
    assert len(bench.in_force()) == 20
    bench.misbehave()
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()


def test_retry_after_is_obeyed_as_seconds_and_as_date(bench: Bench):
    for value in ("1", "date:2"):  # a date has no fractions: one second at least
        bench.misbehave(f"status=429,retry_after={value},page=1")
        started = time.monotonic()
        assert bench.sync(full=True).exit_code == 0
        assert time.monotonic() - started >= 0.95


def test_retry_after_is_capped_and_never_outlasts_the_time_for_retries(bench: Bench):
    bench.misbehave("status=429,retry_after=86400,times=always")
    started = time.monotonic()
    report = bench.sync(retry_seconds=1)
    assert time.monotonic() - started < 10
    assert "429 (tried 1 time in" in failure(report)
    assert TransportLimits().max_retry_after <= 60
    assert _retry_after("99999999999999999999") is not None
    for nonsense in ("", "soon", "-5", "1e3", "²", "Fri, 99 Foo 2025", "\x00"):
        wait = _retry_after(nonsense)
        assert wait is None or wait <= 0


def test_waits_between_tries_grow_and_vary(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()  # the real waits

    class State:
        attempt_number = 1

        class outcome:
            failed = True

    waits: dict[int, list[float]] = {}
    for attempt in range(1, 9):
        State.attempt_number = attempt
        waits[attempt] = [_WaitAsTold(60.0)(State) for _ in range(200)]  # type: ignore[arg-type]
        assert len(set(waits[attempt])) > 100
        assert max(waits[attempt]) <= 30
    assert sum(waits[6]) > 4 * sum(waits[2])


def test_answer_that_never_comes_is_given_up_in_time(bench: Bench):
    bench.misbehave("hang=60,times=always")
    started = time.monotonic()
    report = bench.sync(read_timeout=0.5, max_attempts=2)
    assert report.exit_code == 5
    assert "no answer in time (tried 2 times" in failure(report)
    assert time.monotonic() - started < 10


def test_one_slow_answer_is_asked_for_again(bench: Bench):
    bench.misbehave("hang=60")
    assert bench.sync(read_timeout=0.5).exit_code == 0
    assert bench.in_force() == bench.expected()


def test_body_that_drips_is_cut_off(bench: Bench):
    bench.misbehave("drip=100")
    started = time.monotonic()
    report = bench.sync(read_timeout=1, retry_seconds=2, max_attempts=2)
    assert report.exit_code == 5
    assert "no answer in time" in failure(report)
    assert time.monotonic() - started < 12


@pytest.mark.parametrize("opening", [b"HTTP/1.1 200 OK\r\n", b""], ids=["headers", "status line"])
def test_headers_that_drip_are_cut_off(bench: Bench, opening: bytes):
    def drip(connection: socket.socket) -> None:
        connection.sendall(opening)
        for number in range(400):
            connection.sendall(b"X-A: %d\r\n" % number if opening else b"H")
            time.sleep(0.1)

    with raw_server(drip) as (base, _):
        started = time.monotonic()
        report = bench.sync(api_base=base, read_timeout=1, retry_seconds=2, max_attempts=2)
        assert report.exit_code == 5
        assert time.monotonic() - started < 12


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n{}",
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a"',
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://[bad\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /v1/auth/login\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ],
    ids=lambda answer: repr(answer[:60]),
)
def test_what_is_not_http_is_one_clear_line(bench: Bench, answer: bytes):
    with raw_server(lambda connection: connection.sendall(answer)) as (base, _):
        report = bench.sync(api_base=base, max_attempts=2, read_timeout=2)
    assert report.exit_code == 5
    assert failure(report).startswith("Failed to log in: ")
    assert "Error" not in failure(report) and "0x" not in failure(report)


def test_redirect_to_another_host_is_refused_and_the_credentials_stay(bench: Bench):
    other = SandboxServer(Classes())
    with other:
        for path in ("/progressions", "/classes", "/auth/login"):
            bench.misbehave(f"redirect={other.url},on={path}")
            report = bench.sync()
            assert report.exit_code == 5
            assert "credentials must not go" in failure(report)
        bench.misbehave(f"redirect={bench.server.url.replace('127.0.0.1', 'localhost')}")
        assert bench.sync().exit_code == 5
        assert len(other.requests) == 0


def test_redirect_in_circles_ends(bench: Bench):
    bench.misbehave(f"redirect={bench.server.url}")
    report = bench.sync()
    assert report.exit_code == 5 and "redirected in circles" in failure(report)
    assert len(bench.pages()) <= 5


def test_token_refused_in_mid_sync_is_renewed_once(bench: Bench):
    bench.misbehave("revoke,page=2")
    assert bench.sync().exit_code == 0
    assert bench.in_force() == bench.expected()
    logins = [entry for entry in bench.server.requests if entry.path.endswith("/login")]
    assert len(logins) == 2


def test_refused_token_then_refused_password_is_an_authentication_failure(bench: Bench):
    bench.misbehave("lockout,page=2")
    report = bench.sync()
    assert report.exit_code == 3
    assert failure(report) == "Authentication failed: 401"
    assert len(bench.in_force()) == 20, "what was read before is kept"
    logins = [entry for entry in bench.server.requests if entry.path.endswith("/login")]
    assert len(logins) == 2


def test_token_that_is_never_accepted_is_an_authentication_failure(bench: Bench):
    bench.misbehave("status=401,times=always")
    report = bench.sync()
    assert report.exit_code == 3
    assert len(bench.pages()) == 2


def test_tokens_that_serve_only_a_few_requests_do(tmp_path: Path):
    with Bench(tmp_path, server_options={"token_requests": 2}) as bench:
        assert bench.sync().exit_code == 0
        assert bench.in_force() == bench.expected()


def test_unreachable_api_is_not_tried_for_every_class(tmp_path: Path):
    source = Classes(c1=[record(1)], c2=[record(2)], c3=[record(3)])
    with Bench(tmp_path, source) as bench:
        original = bench.server.answer

        def answer(request, incidents):
            if "/c1/progressions" in request.path:
                threading.Thread(target=bench.server.stop).start()
                time.sleep(0.5)
            return original(request, incidents)

        bench.server.answer = answer  # type: ignore[method-assign]
        report = bench.sync(max_attempts=3, retry_seconds=5)
        assert [outcome.status for outcome in report.classes] == ["failed"] * 3
        assert report.exit_code == 5
        assert len(report.errors) == 1 and "connection refused" in failure(report)


def test_class_that_fails_does_not_stop_the_others(tmp_path: Path):
    source = Classes(c1=[record(1)], c2=[record(2)], c3=[record(3)])
    with Bench(tmp_path, source) as bench:
        bench.misbehave(
            "status=404,times=always,on=/c1/progressions",
            "status=500,times=always,on=/c2/progressions",
        )
        report = bench.sync(max_attempts=2)
        assert [outcome.status for outcome in report.classes] == ["failed", "failed", "ok"]
        assert report.exit_code == 1, "different failures share no code"
        assert bench.in_force("c3") == bench.expected("c3")


def test_requests_keep_their_distance_whatever_is_retried(tmp_path: Path):
    def ask(bench: Bench) -> None:
        bench.misbehave(
            *("status=503,times=2,page=1", "reset,page=2", "revoke,page=3"),
            "status=500,on=/auth/login",
        )
        assert bench.sync(page_delay=0.2).exit_code == 0
        assert len(bench.server.requests) >= 13

    assert keeps_its_distance(tmp_path, ask, 0.195)


def test_second_sync_keeps_the_distance_to_the_first(tmp_path: Path):
    def ask(bench: Bench) -> None:
        bench.sync(page_delay=0.2)
        bench.sync(page_delay=0.2)

    assert keeps_its_distance(tmp_path, ask, 0.195)


def test_sync_after_a_killed_one_and_after_init_keeps_the_distance(tmp_path: Path):
    def ask(bench: Bench) -> None:
        slow = {"page_delay": 0.5}
        init = bench.command("init", **slow)
        assert init.returncode == 0, init.stderr
        asked = len(bench.server.requests)
        process = bench.start("sync", "--no-build", **slow)
        wait_for(lambda: len(bench.server.requests) > asked + 2)
        process.kill()
        process.communicate()
        assert bench.command("sync", "--no-build", **slow).returncode == 0
        assert len(bench.server.requests) > asked + 5

    assert keeps_its_distance(tmp_path, ask, 0.49)


def test_netrc_does_not_replace_the_token(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    netrc = bench.home / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password stolen\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert bench.sync().exit_code == 0
    sent = [entry.headers.get("authorization", "") for entry in bench.server.requests]
    assert not [header for header in sent if header.startswith("Basic")]


@pytest.mark.parametrize("variable", ["http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_sees_what_goes_to_this_machine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, variable: str, host: str
):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with raw_server(lambda connection: connection.close()) as (proxy, heard):
        monkeypatch.setenv(variable, proxy.replace("//", "//user:proxy-password@"))
        report = bench.sync(api_base=bench.server.url.replace("127.0.0.1", host), max_attempts=1)
        assert report.exit_code == 0
        assert bench.in_force() == bench.expected()
    assert not heard
    assert not [e for e in bench.server.requests if "proxy-authorization" in e.headers]


def test_no_proxy_sees_a_password_that_is_not_encrypted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with raw_server(lambda connection: connection.close()) as (proxy, heard):
        monkeypatch.setenv("http_proxy", proxy)
        report = bench.sync(
            api_base="http://openclass.invalid", allow_http=True, max_attempts=1, connect_timeout=5
        )
        assert report.exit_code == 5
    assert not heard


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("::1", True),
        ("127.0.0.2", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("127.0.0.1.example.org", False),
        ("localhost.example.org", False),
        (None, False),
    ],
)
def test_this_machine_is_told_from_others(host: str | None, is_here: bool):
    assert is_loopback(host) is is_here


def test_proxy_of_the_environment_is_used(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    def refuse(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    with raw_server(refuse) as (proxy, heard):
        monkeypatch.setenv("https_proxy", proxy)
        report = bench.sync(api_base="https://openclass.invalid", max_attempts=1)
        assert report.exit_code == 5
        assert "proxy" in failure(report)
        wait_for(lambda: heard)
        assert heard[0].startswith(b"CONNECT openclass.invalid:443")
        assert b"sandbox-password" not in b"".join(heard)
