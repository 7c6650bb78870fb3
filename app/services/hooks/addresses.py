"""Addresses: where messages may go. Clients name them, so none may lead inside the network.

Rule: a name is resolved once, and what was checked is what is connected to: a name that answers otherwise the next
time changes nothing.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app.errors import AddressRefused, InvalidField

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Longest address.
MOST_CHARACTERS = 2_000
#: Never public, whatever the Python that runs thinks of them.
_INSIDE = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "fc00::/7",
        "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
#: IPv6 networks that hold IPv4 addresses: where in them.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a message goes: what was checked, and what the other side is called."""

    scheme: str
    #: Name or number as the client wrote it, in lower case: for the Host header and the certificate.
    host: str
    port: int
    #: Path and query.
    path: str
    #: The address that was checked.
    address: str


class Addresses:
    """Knows which networks may be told."""

    def __init__(self, allowed: Sequence[str] = (), resolve: Callable[..., Sequence[Any]] = socket.getaddrinfo) -> None:
        """`allowed` are networks that may be told though they are inside; `ValueError` for what is none."""
        self._allowed: tuple[_Network, ...] = tuple(ipaddress.ip_network(network) for network in allowed)
        self._resolve = resolve

    def check(self, url: str) -> None:
        """`InvalidField` unless a client may name that address; a name is not resolved yet."""
        _scheme, host, _port, _path = _parts(url)
        try:
            number = ipaddress.ip_address(host)
        except ValueError:
            return
        if not self._may(number):
            raise InvalidField("webhook_url", "must lead to a public address")

    def target(self, url: str) -> Target:
        """Where a message goes, its name resolved and all that it means checked; blocks. `AddressRefused`."""
        try:
            scheme, host, port, path = _parts(url)
        except InvalidField as error:
            raise AddressRefused(error.message) from error
        try:
            found = self._resolve(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise AddressRefused("its name cannot be resolved") from error
        numbers = [str(entry[4][0]).partition("%")[0] for entry in found]
        if not numbers or not all(self._may(ipaddress.ip_address(number)) for number in numbers):
            raise AddressRefused("it leads inside the network")
        return Target(scheme=scheme, host=host, port=port, path=path, address=numbers[0])

    def _may(self, address: _Address) -> bool:
        if any(address in network for network in self._allowed if network.version == address.version):
            return True
        inner = _inner(address)
        if inner is not None:
            return self._may(inner)
        return address.is_global and not any(
            address in network for network in _INSIDE if network.version == address.version
        )


def _inner(address: _Address) -> _Address | None:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _parts(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port, path and query. `InvalidField`."""
    if len(url) > MOST_CHARACTERS or not url.isascii() or any(c <= " " or c in "\x7f\\" for c in url):
        raise InvalidField("webhook_url", f"must be at most {MOST_CHARACTERS} ASCII characters, without spaces")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidField("webhook_url", "must be an address such as https://example.org/hook") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidField("webhook_url", "must be an address such as https://example.org/hook")
    if parts.username is not None or parts.password is not None:
        raise InvalidField("webhook_url", "must hold no user name and no password")
    if port == 0:
        raise InvalidField("webhook_url", "must have a port from 1 to 65535")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, parts.hostname.rstrip("."), port or (443 if parts.scheme == "https" else 80), path
