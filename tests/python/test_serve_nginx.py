"""The examples for nginx, as they stand in docs/examples, before a real `serve`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from served import ME, PUBLIC_URL, Place, Served
from support import wait_for

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(
    NGINX is None or shutil.which("openssl") is None, reason="needs nginx and openssl"
)


class Proxied:
    """Asks nginx as if it was at the public address."""

    def __init__(self, port: int, home: Path) -> None:
        self.url = f"https://127.0.0.1:{port}"
        self.home = home

    def get(self, path: str = ME, user: str | None = None, **headers: str) -> requests.Response:
        return self.ask("GET", path, user, **headers)

    def ask(
        self, method: str, path: str, user: str | None = None, data: object = None, **headers: str
    ) -> requests.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                self.url + path,
                headers={"Host": "cohorts.example.org", **given},
                data=data,  # type: ignore[arg-type]
                auth=(user, "secret") if user else None,
                verify=str(self.home / "cert.pem"),
                allow_redirects=False,
                timeout=20,
            )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@contextmanager
def nginx(example: str, served: Served, home: Path) -> Iterator[Proxied]:
    """nginx with an example of the documentation, its paths and ports replaced."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=cohorts.example.org", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(home / "key.pem"), "-out", str(home / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    for user in ("ada", "eve"):
        hashed = subprocess.run(
            ["openssl", "passwd", "-apr1", "secret"], check=True, capture_output=True, text=True
        ).stdout
        with (home / "users").open("a") as users:
            users.write(f"{user}:{hashed}")
    port = free_port()
    text = (EXAMPLES / example).read_text()
    for there, here in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("127.0.0.1:8350", f"127.0.0.1:{served.port}"),
        ("/etc/ssl/private/cohorts.key", str(home / "key.pem")),
        ("/etc/ssl/cohorts.pem", str(home / "cert.pem")),
        ("/var/log/nginx/cohorts.log", str(home / "nginx.log")),
        ("/etc/nginx/cohorts.users", str(home / "users")),
    ):
        text = text.replace(there, here)
    assert not re.search(r"/(etc|var)/", re.sub("#.*", "", text))
    temporary = "".join(
        f"{kind}_temp_path {home}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (home / "nginx.conf").write_text(
        f"{user}pid {home}/nginx.pid;\nerror_log {home}/error.log;\nevents {{}}\n"
        f"http {{\n{temporary}{text}}}\n"
    )
    process = subprocess.Popen(
        [str(NGINX), "-p", str(home), "-c", str(home / "nginx.conf"), "-g", "daemon off;"],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: process.poll() is not None or _listens(port), 20)
        assert process.poll() is None, (home / "error.log").read_text()
        yield Proxied(port, home)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_keys_and_sessions_through_nginx(served_data: Path, tmp_path: Path):
    place = Place.copied(
        served_data, tmp_path / "data", public_url=PUBLIC_URL, trusted_proxies="127.0.0.1"
    )
    _, key = place.grant()
    with (
        place.serving("--behind-proxy") as served,
        nginx("nginx.conf", served, tmp_path) as proxied,
    ):
        answer = proxied.get(Authorization=f"Bearer {key}")
        assert answer.status_code == 200
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert proxied.get(X_Forwarded_User="ada").status_code == 401
        login = proxied.ask("POST", "/login", data={"key": key}, Origin=PUBLIC_URL)
        assert login.status_code == 303
        cookie = login.headers["Set-Cookie"]
        assert cookie.startswith("__Host-cohort-tracker=") and "; Secure" in cookie
        session = cookie.split(";")[0]
        assert proxied.get(Cookie=session).status_code == 200
        assert (
            proxied.ask("POST", "/login", data={"key": key}, Origin="https://e.example").status_code
            == 403
        )
        whole = proxied.get("/", Cookie=session, Accept="text/html")
        assert whole.headers["Content-Encoding"] == "gzip"
        # nginx makes the tag a weak one; it is known all the same.
        tag = whole.headers["ETag"]
        assert tag.startswith("W/")
        again = proxied.get("/", Cookie=session, Accept="text/html", If_None_Match=tag)
        assert (again.status_code, again.content) == (304, b"")
        tries = [
            proxied.get(Authorization="Bearer ct_x", X_Forwarded_For=f"10.0.0.{n}").status_code
            for n in range(12)
        ]
        assert tries[0] == 401 and tries[-1] == 429, "the client's own word is replaced"
        proxied.get(f"{ME}?name=Grace", Authorization=f"Bearer {key}")
    log = (tmp_path / "nginx.log").read_text()
    assert " GET 200 " in log and "Grace" not in log and key not in log


def test_nginx_says_who_asks(served_data: Path, tmp_path: Path):
    place = Place.copied(
        served_data,
        tmp_path / "data",
        auth="proxy",
        public_url=PUBLIC_URL,
        proxy_header="X-Forwarded-User",
        trusted_proxies="127.0.0.1",
    )
    place.grant("program", "Ada")
    with (
        place.serving("--behind-proxy") as served,
        nginx("nginx-single-sign-on.conf", served, tmp_path) as proxied,
    ):
        assert proxied.get(user="ada").json()["role"] == "program"
        assert proxied.get().status_code == 401
        assert proxied.get(user="eve").status_code == 401, "nginx knows her, we do not"
        assert proxied.get(user="eve", X_Forwarded_User="ada").status_code == 401
        assert proxied.get(X_Forwarded_User="ada").status_code == 401
