"""Who is at the other end: the address and the device, as sign-ins remember and show them."""

import re

import msgspec

_LONGEST_AGENT = 512

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
    def device(self) -> str:
        """A name for people, like "Firefox on Linux". What an agent claims, nothing is proven."""
        browser = _first_match(_BROWSERS, self.agent)
        system = _first_match(_SYSTEMS, self.agent)
        if browser and system:
            return f"{browser} on {system}"
        product = re.match(r"[\w.-]{1,40}", self.agent)
        return browser or system or (product[0] if product else "An unnamed device")


def visitor(address: str, agent: str, *, place: str | None = None) -> Visitor:
    """A visitor with a bounded, printable agent."""
    printable = "".join(character for character in agent if character.isprintable())
    return Visitor(address, printable[:_LONGEST_AGENT], place)


def _first_match(named: tuple[tuple[str, str], ...], agent: str) -> str | None:
    return next((name for name, pattern in named if re.search(pattern, agent)), None)
