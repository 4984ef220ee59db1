"""Who is at the other end: the address and the device, as sign-ins remember and show them."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

import msgspec

_LONGEST_AGENT = 512
_NETWORK_BITS = {4: 24, 6: 48}

# The first that matches names it: later ones also stand in the agents of earlier ones.
_BROWSERS = (
    ("Edge", r"\bEdgA?(?:iOS)?/"),
    ("Opera", r"\bOPR/"),
    ("Samsung Internet", r"\bSamsungBrowser/"),
    ("Firefox", r"\b(?:Firefox|FxiOS)/"),
    ("Chrome", r"\b(?:Chrome|CriOS|HeadlessChrome)/"),
    ("Safari", r"\bSafari/"),
    ("curl", r"^curl/"),
)
_SYSTEMS = (
    ("iPhone", r"\biPhone\b"),
    ("iPad", r"\biPad\b"),
    ("Android", r"\bAndroid\b"),
    ("Windows", r"\bWindows\b"),
    ("ChromeOS", r"\bCrOS\b"),
    ("macOS", r"\bMac OS X\b"),
    ("Linux", r"\bLinux\b"),
)


class Visitor(msgspec.Struct, frozen=True):
    """An address (of the client, not of a proxy) and what its user agent calls itself.

    `place` is roughly where the address was at that moment, as "Lyon, France", or None. It is
    sealed with the rest: what is looked up later could be another place.
    """

    address: str
    agent: str
    place: str | None = None

    @property
    def network(self) -> str:
        """The network that its address lies in: a /24 of IPv4, a /48 of IPv6."""
        try:
            parsed = ip_address(self.address.partition("%")[0])
        except ValueError:
            return self.address
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return str(ip_network((parsed, _NETWORK_BITS[parsed.version]), strict=False))

    @property
    def country(self) -> str | None:
        """The country that its place names, if that is known."""
        return None if self.place is None else self.place.rpartition(", ")[2]

    @property
    def device(self) -> str:
        """A name for people, like "Firefox on Linux". What an agent claims, nothing is proven."""
        return _device_of(self.agent)


def visitor(address: str, agent: str, *, place: str | None = None) -> Visitor:
    """A visitor with a bounded, printable agent."""
    printable = "".join(character for character in agent if character.isprintable())
    return Visitor(address, printable[:_LONGEST_AGENT], place)


@lru_cache(maxsize=1024)  # a history is full of the same few, and each takes a dozen patterns
def _device_of(agent: str) -> str:
    browser = _first_match(_BROWSERS, agent)
    system = _first_match(_SYSTEMS, agent)
    if browser and system:
        return f"{browser} on {system}"
    product = re.match(r"[\w.-]{1,40}", agent)
    return browser or system or (product[0] if product else "An unnamed device")


def _first_match(named: tuple[tuple[str, str], ...], agent: str) -> str | None:
    return next((name for name, pattern in named if re.search(pattern, agent)), None)
