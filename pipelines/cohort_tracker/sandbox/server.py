"""An OpenClass-compatible server over real HTTP, on loopback unless told otherwise."""

import ipaddress
import socket
import socketserver
import sys
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from .api import (
    AUTH_HEADERS,
    CLASS_DETAILS,
    LOGIN_SHAPES,
    Answer,
    Api,
    AuthHeader,
    ClassDetail,
    LoginShape,
    Request,
    Shapes,
)
from .encoding import ENVELOPES, ID_STYLES, Envelope, IdStyle
from .errors import SandboxError
from .faults import Faults, Incident
from .requestlog import LogEntry, RequestLog
from .tokens import TokenDesk
from .wire import Hangup, Wire, compress, instead, spoil
from .world import Source

DEFAULT_EMAIL = "mentor@example.org"
DEFAULT_PASSWORD = "sandbox-password"  # noqa: S105 (opens nothing but this server)
_LARGEST_BODY = 1_000_000
_WORTH_COMPRESSING = 512


class SandboxServer:
    """Serves a world in a thread of its own, between `start` and `stop` or in a `with` block.

    world: a `World` or anything else that is a `Source`; changes to it show at once.
    port: 0 takes a free one; `url` tells which.
    envelope, bare, id_style, login_shape, auth_header, class_detail: see `api.Shapes`.
    max_page_size, default_page_size: `return_count` at most, and when it is not given.
    token_requests: each token serves so many requests, None: no end.
    gzip: whether answers are compressed for clients that accept it.
    faults: what goes wrong; `server.faults` may be changed or replaced at any time.

    Attributes: `url`; `requests`, the log; `world`; `faults`; `desk`, which holds the account and
    the tokens. Raises SandboxError for a setting that does not exist, and from `start` when the
    address cannot be used.
    """

    def __init__(
        self,
        world: Source,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        email: str = DEFAULT_EMAIL,
        password: str = DEFAULT_PASSWORD,
        envelope: Envelope = "real",
        bare: bool = False,
        id_style: IdStyle = "oid",
        login_shape: LoginShape = "result",
        auth_header: AuthHeader = "either",
        class_detail: ClassDetail = "full",
        max_page_size: int = 200,
        default_page_size: int = 30,
        token_requests: int | None = None,
        gzip: bool = True,
        faults: Faults | None = None,
        log_limit: int = 100_000,
    ) -> None:
        for name, value, known in (
            ("envelope", envelope, ENVELOPES),
            ("id_style", id_style, ID_STYLES),
            ("login_shape", login_shape, LOGIN_SHAPES),
            ("auth_header", auth_header, AUTH_HEADERS),
            ("class_detail", class_detail, CLASS_DETAILS),
        ):
            if value not in known:
                raise SandboxError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        if min(max_page_size, default_page_size) < 1:
            raise SandboxError("page sizes must be at least 1")
        self.world = world
        self.faults = faults or Faults()
        self.requests = RequestLog(log_limit)
        self.desk = TokenDesk(email, password, token_requests)
        self.gzip = gzip
        self.stopping = threading.Event()
        shapes = Shapes(
            envelope=envelope,
            bare=bare,
            id_style=id_style,
            login_shape=login_shape,
            auth_header=auth_header,
            class_detail=class_detail,
            max_page_size=max_page_size,
            default_page_size=default_page_size,
        )
        self._api = Api(world, self.desk, shapes, lambda: self.requests.count)
        self._address = (host, port)
        self._http: _HttpServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return the address to give a client as its `api_base`; the server must have started."""
        if self._http is None:
            raise SandboxError("the server has not started")
        return f"http://{self._address[0]}:{self._http.server_address[1]}"

    def start(self) -> None:
        """Listen and serve in the background until `stop`."""
        host, port = self._address
        try:
            self._http = _HttpServer((host, port), self)
        except (OSError, OverflowError) as error:
            raise SandboxError(f"cannot listen on {host}:{port}: {error}") from error
        self.stopping.clear()
        # A short poll lets `stop` return at once; requests do not wait for it.
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End all waiting, close all connections and free the port; twice does no harm."""
        self.stopping.set()
        if self._http is not None and self._thread is not None:
            self._http.shutdown()
            self._http.hang_up()
            self._http.server_close()
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def answer(self, request: Request, incidents: dict[str, Incident]) -> Answer:
        """Return the API's answer, after the incidents that happen just before it."""
        if "revoke" in incidents:
            self.desk.revoke()
        if "lockout" in incidents:
            self.desk.lockout()
        if "shrink" in incidents:
            fewer = str(int(incidents["shrink"].number))
            request = replace(request, query={**request.query, "return_count": fewer})
        parts = [*request.path.strip("/").split("/"), "", ""]
        class_id = self.world.resolve(parts[2])
        for name, sign in (("insert", 1), ("remove", -1)):
            if name in incidents and class_id is not None:
                self.world.shift(class_id, sign * int(incidents[name].number))
        return self._api.answer(request, self.faults)


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: SandboxServer) -> None:
        self.sandbox = sandbox
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind as any TCP server does: the HTTP server's way looks the host up by name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away all the time; anything else is a fault of the sandbox and is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """Close all connections, so that clients and threads see the end."""
        with self._open_lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HttpServer

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet: the request log has it all."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET

    def _serve(self) -> None:
        sandbox = self.server.sandbox
        started, wall = time.monotonic(), time.time()
        target = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=unquote(target.path),
            query=dict(parse_qsl(target.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self._body(),
            local=ipaddress.ip_address(self.client_address[0]).is_loopback,
        )
        faults = sandbox.faults
        incidents = faults.happening(request.path, request.query)
        entry = LogEntry(
            started,
            wall,
            request.method,
            request.path,
            request.query,
            request.headers,
            request.body,
            incidents=list(incidents),
        )
        sandbox.requests.add(entry)
        wire = Wire(self.connection, sandbox.stopping)
        try:
            self._respond(wire, request, incidents, entry)
        except Hangup:
            self.close_connection = True

    def _respond(
        self, wire: Wire, request: Request, incidents: dict[str, Incident], entry: LogEntry
    ) -> None:
        sandbox = self.server.sandbox
        for name in ("delay", "hang"):
            if name in incidents:
                wire.wait(incidents[name].number)
        if "hang" in incidents:
            raise Hangup
        answer = instead(incidents, self.path)
        if answer is None:
            try:
                answer = sandbox.answer(request, incidents)
            except SandboxError as error:
                answer = Answer(500, str(error).encode())
        headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
        answer = spoil(Answer(answer.status, answer.body, headers), incidents)
        if self._compresses(request, answer, incidents):
            headers = {**answer.headers, "Content-Encoding": "gzip"}
            answer = Answer(answer.status, compress(answer.body), headers)
        if request.method == "HEAD":
            answer = Answer(answer.status, b"", answer.headers)
        entry.status = answer.status

        def count(sent: int) -> None:
            entry.body_bytes += sent

        wire.send(answer, incidents, count)

    def _compresses(self, request: Request, answer: Answer, incidents: dict[str, Incident]) -> bool:
        return (
            self.server.sandbox.gzip
            and len(answer.body) >= _WORTH_COMPRESSING
            and "gzip" in request.headers.get("accept-encoding", "")
            and "Content-Encoding" not in answer.headers
            and "huge" not in incidents
        )

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        readable = length.isascii() and length.isdigit() and len(length) <= 7
        if not readable or "Transfer-Encoding" in self.headers or int(length) > _LARGEST_BODY:
            # The rest of the connection cannot be told from the body.
            self.close_connection = True
            return b""
        return self.rfile.read(int(length))
