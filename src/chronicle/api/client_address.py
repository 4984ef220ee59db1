"""Where a request really comes from: the peer, or what a trusted proxy says of it."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.types import Scope

from chronicle.setting_values import Network

Address = IPv4Address | IPv6Address

UNKNOWN = "unknown"


def client_address(scope: Scope, trusted: Sequence[Network]) -> str:
    """The client's address as text; `unknown` where a server has no peer address (Unix sockets).

    `X-Forwarded-For` counts only from a trusted proxy, and is read from its right end: each proxy
    appends who it saw, and everything left of the first one that is not trusted can be made up.
    """
    client = scope.get("client")
    if client is None:
        return UNKNOWN
    if not trusted:
        return _spelt(client[0])
    address = _folded(client[0])
    hops = [
        hop
        for name, value in scope["headers"]
        if name == b"x-forwarded-for"
        for hop in value.decode("latin-1").split(",")
    ]
    while address is not None and hops and any(address in network for network in trusted):
        # A hop that is no address was made up, or a proxy is misconfigured: stop at who sent it.
        said = _folded(hops.pop().strip())
        if said is None:
            break
        address = said
    return str(address or UNKNOWN)


def peer_address(client: tuple[str, int] | None, trusted: Sequence[Network]) -> str | None:
    """The other end of a connection, if that stands for itself alone.

    None for a trusted proxy, which stands for many, and where there is no address.
    """
    if client is None:
        return None
    address = _folded(client[0])
    if address is None or any(address in network for network in trusted):
        return None
    return str(address)


@lru_cache(maxsize=8192)
def _spelt(text: str) -> str:
    return str(_folded(text) or UNKNOWN)


def _folded(text: str) -> Address | None:
    """The address, an IPv4 one that is mapped into IPv6 taken for itself (RFC 4291 2.5.5.2)."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
