"""How the server can be told to misbehave.

Two kinds of switches, all of them off by default. Each is written `name` or `name=value`; incidents
take options after commas: `status=503,times=3,retry_after=2,on=/login`.

Steady switches shape every page of progressions, or of the class list:

| switch | what the pages look like |
|---|---|
| `ignore_sort` | the sort parameter has no effect: order by id |
| `nulls_first` | newest first, but work in progress before everything else |
| `total_off=N` | `metadata.total` is wrong by N (may be negative) |
| `no_total` | `metadata.total` is missing |
| `clamp=N` | never more than N records on a page, `results_per_page` says so |
| `extra_empty_page` | `can_load_more` promises one more page, which is empty |
| `can_load_more=true\\|false\\|missing` | always true, always false, or not there |
| `results_per_page=asked\\|records\\|missing` | says what was asked for, how many records the |
| | page has, or is not there, instead of the size in force |
| `class_pages=N` | the class list comes in pages of N |
| `class_pages_repeat` | every page of the class list is the first |
| `class_total_off=N` | the class list's `metadata.total` is wrong by N |
| `bad_records=FILE` | each line of FILE is sent as a record, as it stands; options `page=N` (0), |
| | `on=PATH`, `uncounted` (left out of `metadata.total`) |

Incidents happen to single requests. Options of each: `times=N` or `times=always` (how many requests
it hits), `after=N` (matching requests that pass first, 0), `on=PATH` (part of the path, default
`/progressions`), `page=N` (only requests for that page), `over=N` (only requests for more than N
records on a page).

So `max_page_size=1000` with `shrink=30,over=200,times=always` is an API that falls back to 30 where
more than 200 are asked for, with `status=413,over=200,times=always` one that refuses, with
`hang=60,over=200,times=always` one that is too slow; with `after=3` as well each changes its mind
in the middle.

| incident | times | what happens |
|---|---|---|
| `status=CODE` | 1 | answers with the status; `retry_after=SECONDS` or `retry_after=date:SECONDS` |
| `reset` | 1 | half of the answer, then a connection reset |
| `truncated` | 1 | half of the answer, then an orderly close |
| `empty_body` | 1 | status 200 without a body |
| `not_json` | 1 | status 200, a body that is not JSON |
| `html` | 1 | status 200, an HTML error page |
| `broken_gzip` | 1 | says gzip, and is not |
| `huge=MB` | 1 | the right page, padded with MB megabytes |
| `huge_gzip=MB` | 1 | the same, compressed: small on the wire |
| `hang=SECONDS` | 1 | no answer for so long, then a close |
| `drip=BYTES` | always | so many bytes of body per second |
| `delay=SECONDS` | always | waits before it answers |
| `shrink=N` | 1 | answers as if N records had been asked for |
| `redirect=URL` | always | status 302 to the same path under URL |
| `insert=N` | 1 | N new records come in first, just before the answer (after=1: paging shifts) |
| `remove=N` | 1 | the N newest records vanish just before the answer (after=1) |
| `revoke` | 1 | all tokens end just before the request: 401, a new login helps |
| `lockout` | 1 | all tokens end and the password is refused from then on |
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .errors import SandboxError

CanLoadMore = Literal["true", "false", "missing"]
ResultsPerPage = Literal["asked", "records", "missing"]
Kind = type[float] | type[int] | type[str]
ALWAYS = 2**62

# Incident -> (kind of value, hits unless told, matching requests that pass first unless told).
INCIDENTS: dict[str, tuple[Kind | None, int, int]] = {
    "status": (int, 1, 0),
    "reset": (None, 1, 0),
    "truncated": (None, 1, 0),
    "empty_body": (None, 1, 0),
    "not_json": (None, 1, 0),
    "html": (None, 1, 0),
    "broken_gzip": (None, 1, 0),
    "huge": (int, 1, 0),
    "huge_gzip": (int, 1, 0),
    "hang": (float, 1, 0),
    "drip": (int, ALWAYS, 0),
    "delay": (float, ALWAYS, 0),
    "shrink": (int, 1, 0),
    "redirect": (str, ALWAYS, 0),
    "insert": (int, 1, 1),
    "remove": (int, 1, 1),
    "revoke": (None, 1, 0),
    "lockout": (None, 1, 0),
}
STEADY = (
    "ignore_sort",
    "nulls_first",
    "total_off",
    "no_total",
    "clamp",
    "extra_empty_page",
    "can_load_more",
    "results_per_page",
    "class_pages",
    "class_pages_repeat",
    "class_total_off",
    "bad_records",
)


@dataclass(slots=True)
class Incident:
    """Something that happens to some requests; `name` and `value` as in the table above.

    `times` and `after` default to the table's numbers. One incident counts its own requests.
    Raises SandboxError for an unknown name or a value that does not fit.
    """

    name: str
    value: float | int | str | None = None
    times: int | None = None
    after: int | None = None
    on: str = "/progressions"
    page: int | None = None
    over: int | None = None
    retry_after: str | None = None
    _seen: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        known = INCIDENTS.get(self.name)
        if known is None:
            raise SandboxError(f"unknown incident {self.name!r}; known: {', '.join(INCIDENTS)}")
        kind, times, after = known
        if kind is None and self.value is not None:
            raise SandboxError(f"{self.name} takes no value")
        if kind is not None:
            self.value = _convert(self.name, self.value, kind)
        self.times = times if self.times is None else self.times
        self.after = after if self.after is None else self.after

    @property
    def number(self) -> float:
        """Return the value of an incident that has a number."""
        return float(self.value or 0)

    def hits(self, path: str, query: Mapping[str, str]) -> bool:
        """Count a request and return whether the incident happens to it."""
        if self.on not in path or (self.page is not None and query.get("page") != str(self.page)):
            return False
        if self.over is not None and not _asks_for_more(query, self.over):
            return False
        assert self.times is not None and self.after is not None
        self._seen += 1
        return self.after < self._seen <= self.after + self.times


@dataclass(frozen=True, slots=True)
class BadRecord:
    """Raw JSON text that stands among the records at the start of a page.

    `counted`: whether `metadata.total` includes it. `on`: part of the path of the classes it is in.
    """

    raw: bytes
    page: int = 0
    counted: bool = True
    on: str = "/progressions"


@dataclass(slots=True)
class Faults:
    """What goes wrong, see the tables of this module. May be changed while the server runs."""

    ignore_sort: bool = False
    nulls_first: bool = False
    total_off: int = 0
    no_total: bool = False
    clamp: int | None = None
    extra_empty_page: bool = False
    can_load_more: CanLoadMore | None = None
    results_per_page: ResultsPerPage | None = None
    class_pages: int | None = None
    class_pages_repeat: bool = False
    class_total_off: int = 0
    bad_records: list[BadRecord] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def happening(self, path: str, query: Mapping[str, str]) -> dict[str, Incident]:
        """Count a request and return the incidents that happen to it, by name."""
        with self._lock:
            return {
                incident.name: incident
                for incident in list(self.incidents)
                if incident.hits(path, query)
            }

    @classmethod
    def parse(cls, texts: Sequence[str]) -> "Faults":
        """Return the faults that command-line texts name; raises SandboxError, naming the text."""
        faults = cls()
        for text in texts:
            try:
                faults._add(text)
            except SandboxError as error:
                raise SandboxError(f"fault {text!r}: {error}") from error
        return faults

    def _add(self, text: str) -> None:
        head, *rest = text.split(",")
        name, equals, value = head.strip().partition("=")
        options = _options(rest)
        given = value if equals else None
        if name in INCIDENTS:
            self.incidents.append(_incident(name, given, options))
        elif name == "bad_records":
            self.bad_records += _bad_records(given, options)
        elif name in STEADY:
            if options:
                raise SandboxError(f"{name} takes no options")
            self._set(name, given)
        else:
            known = ", ".join((*STEADY, *INCIDENTS))
            raise SandboxError(f"unknown name {name!r}; known: {known}")

    def _set(self, name: str, value: str | None) -> None:
        if name == "can_load_more":
            if value not in ("true", "false", "missing"):
                raise SandboxError("can_load_more needs true, false or missing")
            self.can_load_more = value  # type: ignore[assignment]
        elif name == "results_per_page":
            if value not in ("asked", "records", "missing"):
                raise SandboxError("results_per_page needs asked, records or missing")
            self.results_per_page = value  # type: ignore[assignment]
        elif name in ("total_off", "class_total_off"):
            setattr(self, name, int(_convert(name, value, int)))
        elif name in ("clamp", "class_pages"):
            setattr(self, name, int(_convert(name, value, int)))
            if getattr(self, name) < 1:
                raise SandboxError(f"{name} must be at least 1")
        elif value is not None:
            raise SandboxError(f"{name} takes no value")
        else:
            setattr(self, name, True)


def _asks_for_more(query: Mapping[str, str], records: int) -> bool:
    asked = query.get("return_count", "")
    return asked.isascii() and asked.isdigit() and int(asked) > records


def _convert(name: str, value: float | int | str | None, kind: Kind) -> float | int | str:
    if value is None or value == "":
        raise SandboxError(f"{name} needs a value: {name}=…")
    try:
        converted = kind(str(value))
    except ValueError:
        raise SandboxError(f"{name} needs a number, not {value!r}") from None
    if not isinstance(converted, str) and "total_off" not in name and not 0 <= converted < ALWAYS:
        raise SandboxError(f"{name} must not be negative or without end")
    return converted


def _options(parts: Sequence[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.strip().partition("=")
        options[name] = value if equals else "true"
    return options


def _whole(options: dict[str, str], name: str) -> int | None:
    text = options.pop(name, None)
    if text is None:
        return None
    if name == "times" and text == "always":
        return ALWAYS
    return int(_convert(name, text, int))


def _incident(name: str, value: str | None, options: dict[str, str]) -> Incident:
    incident = Incident(
        name,
        value,
        times=_whole(options, "times"),
        after=_whole(options, "after"),
        on=options.pop("on", "/progressions"),
        page=_whole(options, "page"),
        over=_whole(options, "over"),
        retry_after=options.pop("retry_after", None) if name == "status" else None,
    )
    if incident.retry_after is not None:
        _convert("retry_after", incident.retry_after.removeprefix("date:"), float)
    _nothing_left(options)
    return incident


def _bad_records(value: str | None, options: dict[str, str]) -> list[BadRecord]:
    if not value:
        raise SandboxError("bad_records needs a file: bad_records=FILE")
    page = _whole(options, "page") or 0
    counted = options.pop("uncounted", "false") != "true"
    on = options.pop("on", "/progressions")
    _nothing_left(options)
    try:
        lines = Path(value).read_bytes().splitlines()
    except OSError as error:
        raise SandboxError(f"cannot read {value}: {error.strerror}") from error
    return [BadRecord(line, page, counted, on) for line in lines if line.strip()]


def _nothing_left(options: dict[str, str]) -> None:
    if options:
        raise SandboxError(f"unknown option {', '.join(options)}")
