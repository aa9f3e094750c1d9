"""The settings of `serve`: the table `[serve]`, and what in it goes together."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .setting_values import is_loopback, kind_of, number, text, texts

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
# What says something else already, in each request or of a login by key.
_TAKEN_HEADERS = frozenset({"host", "cookie", "authorization", "origin", "x-forwarded-for"})


@dataclass(frozen=True)
class ServeSettings:
    """How the tables are served.

    Args:
        public_url: the address that people type, without a path; None: this machine only.
        auth: `keys`, or `proxy` where a reverse proxy logs people in.
        proxy_header: the header in which that proxy names the user.
        trusted_proxies: from where such a header, and X-Forwarded-For, is believed.
        session_hours: how long a browser stays logged in.
        requests_per_minute: how many requests one key has.
    """

    public_url: str | None = None
    auth: str = "keys"
    proxy_header: str | None = None
    trusted_proxies: tuple[Network, ...] = ()
    session_hours: float = 12.0
    requests_per_minute: int = 120


def contradiction(settings: ServeSettings) -> str | None:
    """What in the table does not go together, in words; None where all does."""
    if settings.auth == "proxy":
        missing = [
            name
            for name in ("public_url", "proxy_header", "trusted_proxies")
            if not getattr(settings, name)
        ]
        if missing:
            return f'auth = "proxy" also needs {" and ".join(missing)}'
    elif settings.proxy_header is not None:
        return 'proxy_header counts only with auth = "proxy"'
    return None


def serve_table(value: Any) -> ServeSettings:
    """The table of a settings file. Raises TypeError or ValueError naming the key."""
    if not isinstance(value, dict):
        raise TypeError("must be a table in the settings file, headed [serve]")
    parsed = {}
    for name, given in value.items():
        if name not in SERVE_KEYS:
            close = difflib.get_close_matches(name, SERVE_KEYS, n=1)
            did_you_mean = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"unknown key {name!r}{did_you_mean}")
        try:
            parsed[name] = parsed_serve_setting(name, given)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {error}") from None
    return ServeSettings(**parsed)


def parsed_serve_setting(name: str, value: Any) -> Any:
    """One value of the table, checked. Raises TypeError or ValueError."""
    return _PARSERS[name](value)


def _public_url(value: Any) -> str:
    url = text(value).strip().rstrip("/")
    like = "must be an address like https://cohorts.example.org"
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{like}, not {value!r}") from None
    if parts.scheme not in {"http", "https"} or not host or not url.isascii():
        raise ValueError(f"{like}, not {value!r}")
    if parts.username or parts.password or parts.path or parts.query or parts.fragment:
        raise ValueError(f"{like}, without user, path or anything after it")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("must begin with https://: keys and cookies would travel unencrypted")
    return url.lower()


def _auth(value: Any) -> str:
    chosen = text(value).strip().lower()
    if chosen not in {"keys", "proxy"}:
        raise ValueError(f'must be "keys" or "proxy", not {value!r}')
    return chosen


def _header(value: Any) -> str:
    name = text(value).strip()
    if not _HEADER.fullmatch(name) or name.lower() in _TAKEN_HEADERS:
        raise ValueError(f"must be the name of a header like X-Forwarded-User, not {value!r}")
    return name.lower()


def _networks(value: Any) -> tuple[Network, ...]:
    if not isinstance(value, (str, list)):
        raise TypeError(f"must be a list of addresses, not {kind_of(value)}")
    networks = []
    for word in texts(value):
        try:
            network = ipaddress.ip_network(word)
        except ValueError as error:
            raise ValueError(f"{word!r} is no address or network: {error}") from None
        if network.prefixlen == 0:
            raise ValueError(f"{word!r} would trust everybody")
        networks.append(network)
    return tuple(networks)


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "public_url": _public_url,
    "auth": _auth,
    "proxy_header": _header,
    "trusted_proxies": _networks,
    "session_hours": number(0.1, 720),
    "requests_per_minute": number(1, 1_000_000, whole=True),
}
SERVE_KEYS = frozenset(_PARSERS)
