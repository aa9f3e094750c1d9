"""Where a request came from and went to: which of what it says about that is believed."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..serve_settings import Network
from ..setting_values import is_loopback

_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Addresses:
    """What is known of where this server is.

    Args:
        port: the one it listens on.
        public_url: the address that people type, if it is not this machine's.
        trusted_proxies: from where X-Forwarded-For is believed.
    """

    port: int
    public_url: str | None = None
    trusted_proxies: tuple[Network, ...] = ()

    def is_trusted(self, peer: str) -> bool:
        """Whether the other end of the connection is one of the proxies."""
        try:
            address = _plain(ipaddress.ip_address(peer))
        except ValueError:
            return False
        return any(address in network for network in self.trusted_proxies)

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """Who asks: the peer, or whom a trusted proxy names; of IPv6 the network.

        `forwarded` are the values of X-Forwarded-For. Read from the right: what stands left of the
        first address that is no proxy of ours, anybody may have written.
        """
        hops = [hop.strip() for value in forwarded for hop in value.split(",")]
        found = peer
        while self.is_trusted(found) and hops:
            found = hops.pop()
        try:
            address = _plain(ipaddress.ip_address(found))
        except ValueError:
            return peer
        if address.version == 6:
            return str(ipaddress.ip_network((address, 64), strict=False))
        return str(address)

    def origin(self, host: str) -> str | None:
        """The origin of pages that were asked for at this Host; None for a Host that is not ours.

        Another name that leads to this address would let a page of strangers read the answers.
        """
        host = host.strip().lower()
        if self.public_url is not None:
            parts = urlsplit(self.public_url)
            name = parts.netloc
            known = {name}
            if parts.port is None:
                known.add(f"{name}:{_DEFAULT_PORTS[parts.scheme]}")
            if host in known:
                return self.public_url
        try:
            local = urlsplit(f"//{host}")
            is_ours = is_loopback(local.hostname) and (local.port or 80) == self.port
        except ValueError:
            return None
        return f"http://{host}" if is_ours and local.netloc == host and "@" not in host else None


def _plain(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IPv4 address that is written as IPv6 as what it is."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
