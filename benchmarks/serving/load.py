"""What must hold for long: tables published under fire, and connections that send nothing."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from .hey import Burst, burst, summed
from .server import Running, Site

_SAMPLE_SECONDS = 0.2
_SILENT = 200


class Memory:
    """Samples the memory of a server until it is left."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self.samples: list[float] = []

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._is_over.wait(_SAMPLE_SECONDS):
            self.samples.append(self._running.rss_mb)

    def tenths(self) -> list[int]:
        """The median of each tenth of the run, in MB."""
        size = max(len(self.samples) // 10, 1)
        parts = [self.samples[at : at + size] for at in range(0, len(self.samples), size)]
        return [round(median(part)) for part in parts[:10]]


def files_under_load(
    site: Site, running: Running, requests: int, files: int, clients: int
) -> dict[str, Any]:
    """Requests without a pause, while another file is renamed into place in each burst of them."""
    bursts: list[Burst] = []
    each = requests // files // clients * clients
    with Memory(running) as memory:
        for number in range(files):
            publisher = threading.Thread(target=site.publish, args=[number])
            publisher.start()
            bursts.append(burst(site, running, each, clients))
            publisher.join()
    tenths = memory.tenths()
    seen = site.ask(running).json()["build"]["id"]
    return {
        **summed(bursts),
        "requests": each * files,
        "rss_mb": tenths,
        "peak_rss_mb": round(max(memory.samples)),
        # The first tenth reads every table for the first time.
        "growth_mb": tenths[-1] - tenths[min(1, len(tenths) - 1)],
        "open_files": running.open_files(site.data),
        "last_build_is_seen": seen == f"build {files - 1}",
    }


def silent_connections(site: Site, running: Running, clients: int) -> dict[str, Any]:
    """Requests while many connections send nothing, or half a line."""
    address = urlsplit(running.url)
    with ExitStack() as stack:
        for number in range(_SILENT):
            one = socket.create_connection((str(address.hostname), int(address.port or 0)), 10)
            stack.enter_context(one)
            if number % 2:
                one.sendall(b"GET / HTTP/1.1\r\nHo")
        began = time.monotonic()
        found = summed([burst(site, running, 50 * clients, clients)])
        found["took_s"] = round(time.monotonic() - began, 1)
    return {**found, "connections": _SILENT}
