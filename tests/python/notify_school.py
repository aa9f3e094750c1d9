"""What the tests of messages share: classes with news in them, receivers, and the real command."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copytree
from typing import Any

from aiosmtpd.controller import Controller

from raw_fixture import with_schedule_file, write_raw_db
from support import SOURCE_ROOT
from verdict_cohort import Cohort, day, every, store, students
from warehouse_fixture import build_warehouse

ALWAYS_FRESH = 87_600
HOSTILE = {
    "x1": ("<!channel>", "<@U1>"),
    "x2": ("@everyone", "<@&1>"),
    "x3": ("[Click](https://evil.example/a)", "**Bold**"),
    "x4": ("Eve\r\nBcc: all@evil.example", "\u202eRTL\u0007"),
}


def school() -> list[Cohort]:
    """Three classes at work; in each some on the roster have never started.

    Of `calm` five of the 17 on Thursday are news: four with hostile names have never started, and
    Fay fell behind, as somebody did who left; on Monday Lou is stuck. Of `storm` eight of 32 never
    started, all on Friday, two of them with one name. `quiet` has no news.
    """
    calm = Cohort("calm", range(1, 17))
    calm.follow(students(22), every(3, since=46))
    calm.follow(["late"], every(3, since=46, until=22))
    calm.follow(["fell", "left"], every(3, since=46, until=10))
    for number, student in enumerate(students(22)):
        night = "Thursday" if number % 2 else "Monday"
        calm.enroll(student, first_name="Ada", last_name=f"Smith{number}", night=night)
    for student, name, night in (("fell", "Fay", "Thursday"), ("late", "Lou", "Monday")):
        calm.enroll(student, night=night)
        for record in calm.records:
            if record["user_id"] == f"calm/{student}":
                record |= {"user_first_name": name, "user_last_name": "Lowe"}
    calm.enroll("left", night="Thursday", left_on=day(1))
    for student, (first, last) in HOSTILE.items():
        calm.enroll(student, first_name=first, last_name=last, night="Thursday")
    storm = Cohort("storm", range(1, 17))
    storm.follow(students(24), every(3, since=46))
    for number in range(8):
        storm.enroll(
            f"n{number}", first_name=f"Nia{max(1, number)}", last_name="Okafor", night="Friday"
        )
    quiet = Cohort("quiet", range(1, 17))
    quiet.follow(students(12), every(3, since=46))
    return [calm, storm, quiet]


def build_school(directory: Path) -> Path:
    """A data directory with the classes' raw store and published tables."""
    data = directory / "data"
    write_raw_db(data / "raw.db", with_schedule_file(store(school())))
    built = build_warehouse(data, stale_after_hours=ALWAYS_FRESH)
    built.rename(data / "warehouse.duckdb")
    return data


@dataclass
class Request:
    """What a receiver got."""

    path: str
    body: Any
    at: float

    @property
    def text(self) -> str:
        return f"{self.body['title']}\n{self.body['message']}"


class Receiver:
    """A web service on loopback. `answers` are for one request each, in order; then it is 200.

    An answer is a status, with what `Retry-After` says behind a blank; or `hang`, `cut`, `10kB`;
    or `hold`, which answers only when `release` is set. With a certificate it speaks TLS.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.answers: list[str] = []
        self.requests: list[Request] = []
        self.held = threading.Event()
        self.release = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append(Request(self.path, json.loads(body), time.monotonic()))
                receiver._answer(self, receiver.answers.pop(0) if receiver.answers else "200")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"json://127.0.0.1:{self.server.server_port}/hook-s3cret"

    def _answer(self, handler: BaseHTTPRequestHandler, answer: str) -> None:
        status, _, after = answer.partition(" ")
        if status == "hang":
            self.release.wait(60)
        if status == "hold":
            self.held.set()
            self.release.wait(60)
        if status in ("hang", "cut"):
            handler.connection.close()
            return
        handler.send_response(int(status) if status.isdecimal() else 200)
        if after:
            handler.send_header("Retry-After", after)
        handler.end_headers()
        handler.wfile.write(b"x" * (10_240 if status == "10kB" else 2))

    @property
    def texts(self) -> list[str]:
        return [request.text for request in self.requests]


@contextmanager
def receiving(certificate: Path | None = None) -> Iterator[Receiver]:
    """A receiver that runs."""
    receiver = Receiver(certificate)
    thread = threading.Thread(target=receiver.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.release.set()
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join()


class Mailbox:
    """Keeps the mails that aiosmtpd hands over."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(envelope.content)
        return "250 OK"

    @property
    def messages(self) -> list[EmailMessage]:
        return [
            message_from_bytes(mail, EmailMessage, policy=policy.default) for mail in self.mails
        ]


@dataclass
class Office:
    """A data directory, a settings file with channels, and the real command."""

    home: Path
    receiver: Receiver
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def config(self) -> Path:
        return self.home / "settings.toml"

    def channels(self, *tables: str, **settings: Any) -> None:
        """Write the settings file; a table without a URL gets the receiver's."""
        lines = [f'data_dir = "{self.data}"', f"stale_after_hours = {ALWAYS_FRESH}"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        for table in tables:
            url = "" if "url" in table else 'url_env = "CT_HOOK"\n'
            lines.append(f"[[notify.channels]]\n{url}{table}")
        self.config.write_text("\n".join(lines))
        self.config.chmod(0o600)

    def _call(self, arguments: Sequence[str]) -> dict[str, Any]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("COHORT_TRACKER_")}
        return {
            "args": [
                *(sys.executable, "-m", "cohort_tracker", "--config", str(self.config)),
                *arguments,
            ],
            "env": {
                **kept,
                "HOME": str(self.home),
                "PYTHONPATH": str(SOURCE_ROOT),
                "CT_HOOK": self.receiver.url,
                **self.environment,
            },
            "cwd": self.home,
            "text": True,
        }

    def notify(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the real `cohort-tracker notify` to its end."""
        return self.command("notify", *options)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the real `cohort-tracker` to its end."""
        call = self._call(arguments)
        return subprocess.run(**call, capture_output=True, timeout=180, check=False)

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start the real `cohort-tracker notify`."""
        call = self._call(["notify", *options])
        return subprocess.Popen(**call, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def hears_already(self, channel: str, *about: str) -> None:
        """Let a channel have heard of groups before there was any news."""
        from cohort_tracker.notify.ledger import Ledger, ledger_path

        for group in about:
            Ledger(ledger_path(self.data)).seed(channel, group, [])


@contextmanager
def mailing() -> Iterator[tuple[Mailbox, str]]:
    """A mailbox on loopback, and the URL that leads to it."""
    box = Mailbox()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield box, f"mailto://127.0.0.1:{port}?from=a@b.example&to=c@d.example&mode=insecure"
    finally:
        server.stop()


@contextmanager
def office(home: Path, school_data: Path) -> Iterator[Office]:
    """An office with the school's data, and a receiver."""
    copytree(school_data, home / "data")
    with receiving() as receiver:
        yield Office(home, receiver)
