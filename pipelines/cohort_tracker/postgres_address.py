"""The address of the PostgreSQL database that the tables are published to: the setting `publish`.

Its password is kept apart from the rest, so that no message and no statement can hold it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from .setting_values import is_loopback, text

_LIKE = "postgresql://user:password@host/database?sslmode=verify-full"
_HOST = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^:\[\]]*)(?::\d+)?")
_SECRETS = {"password", "sslpassword"}
_ELSEWHERE = {"dbname", "user", "service", "servicefile", "options"}
_ENCRYPTED = {"require", "verify-ca", "verify-full"}
_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,39}")
# A server that is gone, or a network that swallows, is found out in a minute.
_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "application_name": "cohort-tracker",
}


@dataclass(frozen=True)
class PostgresAddress:
    """Where the tables go: the address without its password, and the password.

    `name` is how messages call it. `is_private`: nobody on a network can listen.
    """

    url: str
    name: str
    is_private: bool
    password: str | None = field(default=None, repr=False)


def parsed_address(value: Any) -> PostgresAddress:
    """Read an address. Raises TypeError or ValueError, which never quote it."""
    given = text(value).strip()
    try:
        parts = urlsplit(given)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:  # its words may quote what it could not read
        raise ValueError(f"must be an address like {_LIKE}") from None
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError(f"must be an address like {_LIKE}")
    login, _, place = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    database = unquote(parts.path.removeprefix("/"))
    hosts = [_HOST.fullmatch(host) for host in place.split(",")]
    # A password with one of these cuts the address where nobody meant it to.
    if "@" in database or "/" in database or parts.fragment or not all(hosts):
        raise ValueError(
            "must have @ : / ? # in user and password written as %40 %3A %2F %3F %23, as in"
            f" {_LIKE}"
        )
    if not database:
        raise ValueError(f"must name a database, as in {_LIKE}")
    _require_plain(options)
    named = [unquote(found[1]).strip("[]") for found in hosts if found]
    asked = [name for key in ("host", "hostaddr") for name in options.get(key, "").split(",")]
    where = list(filter(None, asked)) or list(filter(None, named))
    if not where:
        raise ValueError(f"must name a host, as in {_LIKE}, or a socket: ?host=/run/postgresql")
    who = f"{unquote(user)}@" if user else ""
    url = f"postgresql://{quote(unquote(user), safe='')}{'@' if user else ''}{place}"
    query = urlencode({**_DEFAULTS, **options}, quote_via=quote)
    return PostgresAddress(
        url=f"{url}/{quote(database, safe='')}?{query}",
        name=f"{who}{','.join(where)}/{database}",
        is_private=options.get("sslmode") in _ENCRYPTED
        or all(host.startswith("/") or is_loopback(host) for host in where),
        password=unquote(password) or None,
    )


def _require_plain(options: dict[str, str]) -> None:
    """Refuse what would hide a password, or the place, in the options."""
    if _SECRETS & options.keys():
        raise ValueError(f"must have its password before the @, as in {_LIKE}")
    if misplaced := _ELSEWHERE & options.keys():
        raise ValueError(f"cannot have the option {min(misplaced)}; write it like {_LIKE}")


def parsed_prefix(value: Any) -> str:
    """Read what the names of the schemas begin with."""
    prefix = text(value)
    if not _PREFIX.fullmatch(prefix):
        raise ValueError("must be small letters, digits and _, like school_, at most 40")
    return prefix
