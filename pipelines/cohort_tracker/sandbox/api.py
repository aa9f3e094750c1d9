"""The API itself, without a network: a request goes in, an answer comes out."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qs

import orjson

from .encoding import Envelope, IdStyle, Payload, escape, shape
from .errors import SandboxError
from .faults import BadRecord, Faults
from .tokens import TokenDesk
from .world import Order, Source, View

LoginShape = Literal["token", "auth_token", "result"]
AuthHeader = Literal["either", "bearer", "authorization"]
ClassDetail = Literal["full", "no_units", "forbidden", "missing"]

LOGIN_SHAPES: tuple[LoginShape, ...] = ("token", "auth_token", "result")
AUTH_HEADERS: tuple[AuthHeader, ...] = ("either", "bearer", "authorization")
CLASS_DETAILS: tuple[ClassDetail, ...] = ("full", "no_units", "forbidden", "missing")


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes in which the API answers, where public knowledge leaves a choice.

    envelope: see `encoding.shape`.
    bare: the class list is a list and a class an object, not inside `{"data": [...]}`.
    id_style: `_id` as an object with `$oid` or as text.
    login_shape: where the login answer holds the token.
    auth_header: which header is read for the token.
    class_detail: complete, without `units`, refused with 403, or absent with 404.
    """

    envelope: Envelope = "real"
    bare: bool = False
    id_style: IdStyle = "oid"
    login_shape: LoginShape = "result"
    auth_header: AuthHeader = "either"
    class_detail: ClassDetail = "full"
    max_page_size: int = 200
    default_page_size: int = 30


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names in lower case. `local`: the sender is on this machine."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    local: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer before it is compressed or spoiled."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Api:
    """Answers requests from a source of records. `requests` gives the number of requests so far."""

    def __init__(
        self, source: Source, desk: TokenDesk, shapes: Shapes, requests: Callable[[], int]
    ) -> None:
        self._source, self._desk, self._shapes, self._requests = source, desk, shapes, requests

    def answer(self, request: Request, faults: Faults) -> Answer:
        """Return the answer to a request; never raises for what a client can send."""
        parts = request.path.strip("/").split("/")
        if parts[0] == "sandbox":
            return self._control(request, parts[1:])
        if parts[:1] != ["v1"]:
            return _error(404, "not found")
        if parts[1:] == ["auth", "login"]:
            return self._login(request)
        if not self._desk.admits(self._token(request.headers)):
            return _error(401, "authentication required")
        if request.method != "GET":
            return _error(405, "method not allowed")
        if parts[1:] == ["classes"]:
            return self._classes(request, faults)
        if parts[1:2] == ["classes"] and len(parts) in (3, 4):
            class_id = self._source.resolve(parts[2])
            if class_id is None:
                return _error(404, "class not found")
            if len(parts) == 3:
                return self._detail(class_id)
            if parts[3] == "progressions":
                return self._progressions(class_id, request, faults)
        return _error(404, "not found")

    def _token(self, headers: dict[str, str]) -> str:
        header = self._shapes.auth_header
        if header != "authorization" and "bearer" in headers:
            return headers["bearer"]
        kind, _, token = headers.get("authorization", "").partition(" ")
        return token.strip() if header != "bearer" and kind.lower() == "bearer" else ""

    def _login(self, request: Request) -> Answer:
        if request.method != "POST":
            return _error(405, "method not allowed")
        given = _credentials(request)
        if given is None:
            return _error(400, "cannot read the login")
        token = self._desk.login(*given)
        if token is None:
            return _error(401, "invalid e-mail or password")
        shape_ = self._shapes.login_shape
        body: dict[str, Any] = {"user": {"email": self._desk.email, "role": "mentor"}}
        if shape_ == "result":
            return _json(200, {"result": {"token": token, **body}})
        return _json(200, {shape_: token, **body})

    def _classes(self, request: Request, faults: Faults) -> Answer:
        rooms = self._source.class_list(self._shapes.id_style)
        if self._shapes.bare:
            return self._wrapped("classes", rooms)
        page = _natural(request.query.get("page", "0"), 0)
        most = faults.class_pages or max(len(rooms), 1)
        asked = _natural(request.query.get("return_count", str(most)), 1)
        if page is None or asked is None:
            return _error(400, "page and return_count must be whole numbers")
        size = min(asked, most)
        total = len(rooms) + faults.class_total_off
        start = 0 if faults.class_pages_repeat else page * size
        metadata = {
            "total": total,
            "page": page,
            "results_per_page": size,
            "can_load_more": start + size < total,
        }
        shown = rooms[start : start + size]
        return self._wrapped("classes", {"metadata": metadata, "data": shown})

    def _detail(self, class_id: str) -> Answer:
        way = self._shapes.class_detail
        if way == "forbidden":
            return _error(403, "forbidden")
        if way == "missing":
            return _error(404, "not found")
        room = self._source.class_detail(class_id, self._shapes.id_style)
        if way == "no_units":
            del room["units"], room["assignments"]
        return self._wrapped("detail", room if self._shapes.bare else {"data": [room]})

    def _progressions(self, class_id: str, request: Request, faults: Faults) -> Answer:
        shapes = self._shapes
        page = _natural(request.query.get("page", "0"), 0)
        asked = _natural(request.query.get("return_count", str(shapes.default_page_size)), 1)
        if page is None or asked is None:
            return _error(400, "page and return_count must be whole numbers")
        size = min(asked, shapes.max_page_size, faults.clamp or asked)
        order: Order = "id"
        if request.query.get("sort_by_completed_at") == "-1" and not faults.ignore_sort:
            order = "nulls_first" if faults.nulls_first else "completed_desc"
        bad = [record for record in faults.bad_records if record.on in request.path]
        pages = _Pages(self._source.view(class_id, order, shapes.id_style), size, bad)

        metadata: dict[str, Any] = {
            "total": pages.total + faults.total_off,
            "page": page,
            "results_per_page": size,
            "can_load_more": (page + 1 - faults.extra_empty_page) * size < pages.length,
        }
        if faults.results_per_page == "missing":
            del metadata["results_per_page"]
        elif faults.results_per_page == "asked":
            metadata["results_per_page"] = asked
        elif faults.results_per_page == "records":
            metadata["results_per_page"] = max(min(size, pages.length - page * size), 0)
        if faults.no_total:
            del metadata["total"]
        if faults.can_load_more == "missing":
            del metadata["can_load_more"]
        elif faults.can_load_more is not None:
            metadata["can_load_more"] = faults.can_load_more == "true"

        before, after, escaped = shape(shapes.envelope, "progressions")
        opening = b'{"metadata":' + orjson.dumps(metadata) + b',"data":['
        records = pages.text(page, escaped=escaped)
        opening = escape(opening) if escaped else opening
        return Answer(200, b"".join((before, opening, records, b"]}", after)))

    def _wrapped(self, payload: Payload, content: object) -> Answer:
        before, after, escaped = shape(self._shapes.envelope, payload)
        text = orjson.dumps(content)
        return Answer(200, before + (escape(text) if escaped else text) + after)

    def _control(self, request: Request, parts: list[str]) -> Answer:
        if not request.local:
            return _error(403, "only from this machine")
        if parts == ["state"] and request.method == "GET":
            return _json(200, {**self._source.state(), "requests": self._requests()})
        if parts == ["grow"] and request.method == "POST":
            try:
                grown = self._source.grow(float(request.query.get("days", "7")))
            except ValueError:
                return _error(400, "days must be a number")
            except SandboxError as error:
                return _error(400, str(error))
            return _json(200, {**asdict(grown), "now": grown.now.isoformat()})
        return _error(404, "POST /sandbox/grow?days=7 or GET /sandbox/state")


class _Pages:
    """A view cut into pages, with bad records among the good ones."""

    def __init__(self, view: View, size: int, bad: list[BadRecord]) -> None:
        self._view, self._size = view, size
        self._bad: list[tuple[int, bytes]] = []
        for record in sorted(bad, key=lambda record: record.page):
            # At the start of its page, behind those already there, never beyond the end.
            place = max(record.page * size, self._bad[-1][0] + 1 if self._bad else 0)
            self._bad.append((min(place, len(view) + len(self._bad)), record.raw))
        self.length = len(view) + len(bad)
        self.total = len(view) + sum(record.counted for record in bad)

    def text(self, page: int, *, escaped: bool) -> bytes:
        start = page * self._size
        stop = min(start + self._size, self.length)
        if start >= stop:
            return b""
        parts: list[bytes] = []
        passed = sum(place < start for place, _ in self._bad)
        here = [item for item in self._bad if start <= item[0] < stop]
        cursor = start
        for place, raw in [*here, (stop, b"")]:
            if place > cursor:
                parts.append(self._view.text(cursor - passed, place - passed, escaped=escaped))
            if place < stop:
                parts.append(escape(raw) if escaped else raw)
                passed += 1
            cursor = place + 1
        return b",".join(parts)


def _natural(text: str, least: int) -> int | None:
    """Return a whole number from `least` on, None for anything else or for too many digits."""
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        return None
    return int(text) if int(text) >= least else None


def _credentials(request: Request) -> tuple[str, str] | None:
    """Return e-mail and password from JSON or from a form, None when neither is there."""
    try:
        if request.body.lstrip().startswith(b"{"):
            given = orjson.loads(request.body)
            email, password = given.get("email"), given.get("password")
        else:
            form = parse_qs(request.body.decode(), keep_blank_values=True)
            email, password = form.get("email", [None])[0], form.get("password", [None])[0]
    except ValueError:
        return None
    if not isinstance(email, str) or not isinstance(password, str):
        return None
    return email, password


def _json(status: int, content: object) -> Answer:
    return Answer(status, orjson.dumps(content))


def _error(status: int, message: str) -> Answer:
    return _json(status, {"status": status, "message": message})
