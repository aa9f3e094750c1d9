"""What was asked of the server, kept in memory for tests and for a person who watches."""

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class LogEntry:
    """One request. It is in the log before it is answered; `status` is 0 until then.

    started: monotonic seconds at which the request had arrived. wall: Unix seconds of the same.
    headers: names in lower case. body_bytes: bytes of body given to the network, compressed or not.
    incidents: names of the faults that happened to it.
    """

    started: float
    wall: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""
    status: int = 0
    body_bytes: int = 0
    incidents: list[str] = field(default_factory=list)


class RequestLog:
    """The last `limit` requests in the order of their arrival; safe to use from several threads."""

    def __init__(self, limit: int = 100_000) -> None:
        self._lock = threading.Lock()
        self._entries: deque[LogEntry] = deque(maxlen=limit)
        self._count = 0

    @property
    def count(self) -> int:
        """Return the number of all requests, also of those that are no longer kept."""
        return self._count

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[LogEntry]:
        return iter(self.entries())

    def entries(self, part: str = "") -> list[LogEntry]:
        """Return the kept requests whose path contains `part`."""
        with self._lock:
            return [entry for entry in self._entries if part in entry.path]

    def add(self, entry: LogEntry) -> None:
        """Append a request."""
        with self._lock:
            self._entries.append(entry)
            self._count += 1

    def clear(self) -> None:
        """Forget all requests and count from zero."""
        with self._lock:
            self._entries.clear()
            self._count = 0
