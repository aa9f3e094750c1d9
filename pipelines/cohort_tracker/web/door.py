"""The door: no connection stays open that asks for nothing, or never ends asking.

uvicorn bounds what a request may hold, and how long a connection may idle after one, but waits
without end for the first. So each connection is given a time, by what asyncio documents: a loop
that wraps the protocol of each connection it accepts.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

Peer = tuple[str, int]
WAIT_SECONDS = 10.0
"""From connecting, or from the last answer, to the end of the next request's headers."""
ANSWER_SECONDS = 120.0
"""For one request, from its headers to the last byte of the answer."""
MOST_CONNECTIONS = 500


class Door:
    """Knows who is inside a request and who still waits, and ends the waiting.

    Args:
        most: how many connections there may be; one more ends the one that waits longest.
    """

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._most = most
        self._visitors: dict[Peer, _Visitor] = {}
        self._waiting: dict[Peer, _Visitor] = {}  # in the order in which they began to wait

    def arrived(self, visitor: _Visitor) -> None:
        """Let a new connection wait for its first request, if need be in another one's place."""
        if len(self._visitors) >= self._most:
            longest = next(iter(self._waiting.values()), visitor)
            longest.leave()
            if longest is visitor:
                return
        self._visitors[visitor.peer] = visitor
        self._wait(visitor)

    def entered(self, peer: Peer | None) -> None:
        """A request of this connection is with the application."""
        visitor = self._visitors.get(peer) if peer else None
        if visitor is not None:
            self._waiting.pop(visitor.peer, None)
            visitor.allow(ANSWER_SECONDS)

    def left(self, peer: Peer | None) -> None:
        """The application has answered."""
        visitor = self._visitors.get(peer) if peer else None
        if visitor is not None:
            self._wait(visitor)

    def gone(self, visitor: _Visitor) -> None:
        """The connection is closed."""
        if self._visitors.get(visitor.peer) is visitor:
            del self._visitors[visitor.peer]
            self._waiting.pop(visitor.peer, None)

    def _wait(self, visitor: _Visitor) -> None:
        self._waiting.pop(visitor.peer, None)
        self._waiting[visitor.peer] = visitor
        visitor.allow(WAIT_SECONDS)


class _Visitor(asyncio.Protocol):
    """One connection: passes everything on, and is cut off when its time is up."""

    def __init__(self, inner: Any, door: Door) -> None:
        self._inner = inner
        self._door = door
        self._transport: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self.peer: Peer = ("", 0)

    def allow(self, seconds: float) -> None:
        """Give it so much time from now."""
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.leave)

    def leave(self) -> None:
        """Cut it off."""
        self._door.gone(self)
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        name = transport.get_extra_info("peername") or ("", 0)
        self.peer = (str(name[0]), int(name[1]))
        # The second part of an answer would wait 40 ms for a word of the client that it has the
        # first. asyncio sees to it by itself only where the listening socket names its protocol.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._inner.connection_made(transport)
        self._door.arrived(self)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        kept: bool | None = self._inner.eof_received()
        return kept

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._door.gone(self)
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def loop_with(door: Door) -> asyncio.AbstractEventLoop:
    """An event loop all of whose servers let connections in by the door."""

    class DoorLoop(asyncio.SelectorEventLoop):
        async def create_server(
            self, protocol_factory: Callable[[], Any], *args: Any, **options: Any
        ) -> asyncio.Server:
            """As asyncio's, with each protocol behind the door."""
            return await super().create_server(
                lambda: _Visitor(protocol_factory(), door), *args, **options
            )

    return DoorLoop()
