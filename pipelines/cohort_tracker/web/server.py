"""The server: who may come in, what answers, and how it begins and ends."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

import uvicorn

from ..access.addresses import Addresses
from ..access.identify import Identifier
from ..access.owner import OwnerLink
from ..access.store import AccessStore
from ..config import Settings
from ..reading.pool import Pool
from .api.app import HEALTH, create_app
from .api.routes import PREFIX
from .door import Door, loop_with
from .front import Front
from .guard import LARGEST_HEAD, Guard
from .login import LOGIN, LOGOUT, login_routes
from .me import me_routes
from .site.app import create_site

_KEEP_ALIVE_SECONDS = 5
_GRACE_SECONDS = 10


@dataclass(frozen=True)
class Site:
    """What is served.

    Args:
        settings: where the tables are, and `[serve]`.
        store: who may come in.
        addresses: where this is served.
        owner: the link for whoever started it; None: there is none.
        log: takes the lines of the log.
    """

    settings: Settings
    store: AccessStore
    addresses: Addresses
    owner: OwnerLink | None
    log: Callable[[str], None]

    def guarded(self, door: Door) -> Guard:
        """The application behind its guard."""
        identifier = Identifier(self.settings, self.store, self.addresses, self.log)
        pool = Pool(self.settings.warehouse_path, self.settings.raw_path)
        app = create_app(self.settings, identifier, pool)
        app.include_router(me_routes(identifier))
        if not identifier.by_proxy:
            app.include_router(login_routes(identifier, self.owner))
        front = Front(create_site(self.settings, identifier, pool), app)
        login = None if identifier.by_proxy else LOGIN
        free = {LOGIN, LOGOUT, HEALTH, PREFIX + HEALTH}
        return Guard(front, self.addresses, door, self.log, identifier.waiting, free, login)


class Server:
    """The site, ready to answer.

    Args:
        site: what is served.
    """

    def __init__(self, site: Site) -> None:
        self._door = Door()
        config = uvicorn.Config(
            site.guarded(self._door),
            http="h11",
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            h11_max_incomplete_event_size=LARGEST_HEAD,
        )
        self._uvicorn = uvicorn.Server(config)

    def run(self, listening: socket.socket) -> None:
        """Answer until SIGTERM or SIGINT; requests under way are given ten seconds to end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        with asyncio.Runner(loop_factory=lambda: loop_with(self._door)) as runner:
            runner.run(self._uvicorn.serve(sockets=[listening]))

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        """Hear a signal before uvicorn listens for it, and what it hands on when it has ended."""
        self._uvicorn.should_exit = True
