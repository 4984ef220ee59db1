"""Addresses of MongoDB, which name several hosts and so fit no other reader.

Read here without the driver, which takes its time to load and is not needed to check settings.
"""

import re
from urllib.parse import parse_qsl

SCHEMES = ("mongodb://", "mongodb+srv://")

_HOST = r"(?:%2[Ff][^@/?#,:]+|\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?"
_URL = re.compile(
    r"(?P<scheme>mongodb|mongodb\+srv)://(?:[^@/?#:]+(?::[^@/?#:]*)?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)"
    r"(?:/(?P<database>[^/?#.$\"\\ ]*)(?:\?(?P<options>[^#]*))?)?"
)
_UNCHECKED = ("tlsinsecure", "tlsallowinvalidcertificates", "tlsallowinvalidhostnames")


def check(text: str) -> None:
    """Raise ValueError unless it is an address of MongoDB. It may hold a password: none is told."""
    if any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError("the address holds spaces or control characters")
    match = _URL.fullmatch(text)
    if match is None:
        raise ValueError(
            "is not mongodb://user:password@host:27017,host2:27017/database?option=value, with"
            " user and password percent-encoded, or mongodb+srv:// with one host"
        )
    ports = re.findall(r":([0-9]+)(?:,|$)", match["hosts"])
    if any(not 0 < int(port) <= 65535 for port in ports):
        raise ValueError("this is not an address with ports from 1 to 65535")
    if match["scheme"] == "mongodb+srv" and ("," in match["hosts"] or ports):
        raise ValueError("mongodb+srv:// takes one host, without a port")


def hosts(url: str) -> list[str]:
    """The hosts of a checked address, each with its port where it has one."""
    match = _URL.fullmatch(url)
    return match["hosts"].split(",") if match else []


def has_checked_tls(url: str) -> bool:
    """Whether a checked address asks for TLS, and for the server's certificate to be checked."""
    match = _URL.fullmatch(url)
    if match is None:
        return False
    options = {
        name.lower(): value.lower()
        for name, value in parse_qsl(match["options"] or "", keep_blank_values=True)
    }
    by_default = "true" if match["scheme"] == "mongodb+srv" else "false"
    wanted = options.get("tls", options.get("ssl", by_default)) == "true"
    return wanted and not any(options.get(name) == "true" for name in _UNCHECKED)
