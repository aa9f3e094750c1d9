"""`serve`: the tables for people with a browser, and for programs."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from ..access.store import FILE_NAME, AccessStore
from ..config import Settings
from ..errors import ConfigError, StoreError
from ..reading.published import mark_of
from ..runtime.printing import say, say_warning
from ..setting_values import is_loopback
from ..sync import prepare_data_dir
from .settings import settings_of

_EXTRA = frozenset({"fastapi", "uvicorn", "itsdangerous", "starlette", "h11"})
_WAITING = 2048


def run_serve(config_path: Path | None, *, host: str, port: int, behind_proxy: bool) -> None:
    """Serve until somebody ends it.

    Raises ConfigError or StoreError where it cannot begin, or would be open by accident.
    """
    settings = settings_of(config_path)
    _require_safe(settings, host, behind_proxy)
    mark_of(settings.warehouse_path)
    if not settings.raw_path.exists():
        say_warning(
            f"{settings.raw_path} is not there: names cannot be hidden, and it is not known when"
            " the last sync was."
        )
    prepare_data_dir(settings.data_dir)
    store = AccessStore(settings.data_dir / FILE_NAME)
    store.create()
    with _listen(host, port) as listening:
        _serve(settings, store, listening, behind_proxy=behind_proxy)
    say("Stopped.")


def _serve(
    settings: Settings, store: AccessStore, listening: socket.socket, *, behind_proxy: bool
) -> None:
    try:
        from ..access.addresses import Addresses
        from ..access.owner import OwnerLink
        from ..web.login import LOGIN
        from ..web.server import Server, Site
    except ModuleNotFoundError as error:
        if error.name not in _EXTRA:
            raise
        raise ConfigError(
            f"`serve` needs packages that are not installed ({error.name})",
            "Run `pipx inject cohort-tracker fastapi uvicorn itsdangerous`.",
        ) from None
    host, port = listening.getsockname()[:2]
    here = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    options = settings.serve
    addresses = Addresses(port, options.public_url, options.trusted_proxies)
    owner = None
    if not behind_proxy and options.auth == "keys":
        owner = OwnerLink(store, options.session_hours)
    server = Server(Site(settings, store, addresses, owner, _log))
    say(f"Serving {settings.warehouse_path} at {here}")
    if options.public_url is not None:
        say(f"for {options.public_url}")
    if owner is not None:
        say("Log in as lead with this link. It works once, within ten minutes:")
        say(f"{here}{LOGIN}#{owner.token}", indent=2)
    say("Keys for others: cohort-tracker access add. End with Ctrl-C.")
    server.run(listening)


def _log(line: str) -> None:
    say(line, err=True)


def _require_safe(settings: Settings, host: str, behind_proxy: bool) -> None:
    """Refuse to send keys and names over a network unencrypted. Raises ConfigError."""
    if not is_loopback(host) and not behind_proxy:
        raise ConfigError(
            f"{host} can be reached from other machines, and `serve` itself does not encrypt",
            "Put a proxy with TLS before it and say --behind-proxy (docs/serve.md), or leave"
            " --host out.",
        )
    missing = [
        name for name in ("public_url", "trusted_proxies") if not getattr(settings.serve, name)
    ]
    if behind_proxy and missing:
        raise ConfigError(
            f"--behind-proxy also needs {' and '.join(missing)}",
            "Write them into the settings under [serve]: docs/serve.md shows how.",
        )


def _listen(host: str, port: int) -> socket.socket:
    """A socket at that address. Raises ConfigError where it is taken, StoreError where it fails."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_WAITING)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"Port {port} of {host} is taken by another program, perhaps another `serve`",
                "End that, or take another one with --port.",
            ) from None
        raise StoreError(
            f"Cannot listen on {host}, port {port}: {error.strerror or error}",
            "Name another address with --host, or another --port.",
        ) from error
