"""A tiny file of places in MaxMind's format, made of a few networks.

The format: https://maxmind.github.io/MaxMind-DB/. Records have 24 bits, and the tree is one of
IPv6, in which IPv4 addresses are the networks below ::/96.
"""

import ipaddress
import struct
from collections.abc import Mapping
from pathlib import Path

LYON = "2.125.160.216"
TOKYO = "2001:218::7"
ICELAND = "5.23.64.9"

Record = Mapping[str, object]


def somewhere(city: str | None, country: str | None) -> Record:
    """A record as GeoLite2 City has it."""
    parts = {"city": city, "country": country}
    return {part: {"names": {"de": "?", "en": name}} for part, name in parts.items() if name}


KNOWN: Mapping[str, Record] = {
    "2.125.160.0/20": somewhere("Lyon", "France"),
    "5.23.64.0/19": somewhere(None, "Iceland"),
    "2001:218::/32": somewhere("Tokyo", "Japan"),
    "127.0.0.0/8": somewhere("Nowhere", "Erewhon"),
    "10.0.0.0/8": somewhere("Nowhere", "Erewhon"),
}


def write_places(
    path: Path, known: Mapping[str, Record] = KNOWN, *, kind: str = "GeoLite2-City"
) -> Path:
    """Write such a file; its path."""
    nodes: list[list[int | bytes | None]] = [[None, None]]
    data = b""
    for text, record in known.items():
        _add(nodes, text, struct.pack(">I", len(data)))
        data += _encoded(record)
    tree = b"".join(_pointer(each, len(nodes)) for node in nodes for each in node)
    metadata = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_700_000_000,
        "database_type": kind,
        "description": {"en": "made by a test"},
        "ip_version": 6,
        "languages": ["de", "en"],
        "node_count": len(nodes),
        "record_size": 24,
    }
    path.write_bytes(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encoded(metadata))
    return path


def _add(nodes: list[list[int | bytes | None]], text: str, leaf: bytes) -> None:
    network = ipaddress.ip_network(text)
    above = 96 if network.version == 4 else 0
    bits = int(network.network_address)
    depth = above + network.prefixlen
    at = 0
    for level in range(depth):
        side = bits >> (127 - level) & 1
        if level == depth - 1:
            nodes[at][side] = leaf
            return
        child = nodes[at][side]
        if child is None:
            nodes.append([None, None])
            child = nodes[at][side] = len(nodes) - 1
        assert isinstance(child, int), "a network lies in another"
        at = child


def _pointer(child: int | bytes | None, count: int) -> bytes:
    if isinstance(child, bytes):
        value = count + 16 + struct.unpack(">I", child)[0]
    else:
        value = count if child is None else child
    return int(value).to_bytes(3, "big")


def _encoded(value: object) -> bytes:
    if isinstance(value, str):
        raw = value.encode()
        return _control(2, len(raw)) + raw
    if isinstance(value, int):
        raw = value.to_bytes(8, "big").lstrip(b"\0")
        return _control(9, len(raw)) + raw
    if isinstance(value, list):
        return _control(11, len(value)) + b"".join(map(_encoded, value))
    assert isinstance(value, Mapping)
    pairs = (_encoded(key) + _encoded(item) for key, item in value.items())
    return _control(7, len(value)) + b"".join(pairs)


def _control(kind: int, size: int) -> bytes:
    assert size < 29
    return bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])
