"""What an address of Valkey says: one server, Sentinels and a service's name, or a Cluster."""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_SCHEME = re.compile(r"(?:valkey|redis)(?P<tls>s?)(?:\+(?P<topology>sentinel|cluster))?", re.ASCII)
_HOST = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::(?P<port>\d+))?")
_USUAL_PORT = 6379
_USUAL_SENTINEL_PORT = 26379
_HIGHEST_DATABASE = 65535
_OPTIONS = {"db", "username", "password"}
_SENTINEL_OPTIONS = {"sentinel_username", "sentinel_password"}

SHAPES = (
    "valkey://host:port, redis://, rediss:// (TLS), unix:///socket,"
    " redis+sentinel://host:port,host:port/service or redis+cluster://host:port,host:port"
)


class Topology(StrEnum):
    """How many servers there are, and who says where they are."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Login:
    """A user and its password; either may be missing. `repr` shows neither."""

    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return "Login(***)"


NOBODY = Login()


@dataclass(frozen=True, slots=True)
class ValkeyAddress:
    """A parsed address: `hosts` are servers, Sentinels or nodes of a Cluster; or a `socket`.

    The login of the Sentinels is apart from that of the servers that they watch.
    """

    topology: Topology
    hosts: tuple[tuple[str, int], ...] = ()
    socket: str | None = None
    tls: bool = False
    database: int = 0
    login: Login = NOBODY
    service: str = ""
    sentinel_login: Login = NOBODY

    @property
    def local(self) -> bool:
        """Whether everything that it names is on this machine."""
        return self.socket is not None or all(_is_local(host) for host, _ in self.hosts)


def parse(text: str) -> ValkeyAddress:
    """Read an address. It may hold a password, so no error repeats it.

    Raises:
        ValueError: with what is wrong, or with the shapes that there are.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(f"is not {SHAPES}") from None
    if parts.fragment or "#" in text:
        raise ValueError("holds a '#': write it as %23 in a password")
    options = _options(parts)
    if parts.scheme == "unix":
        return _unix(parts, options)
    match = _SCHEME.fullmatch(parts.scheme)
    if match is None or not parts.netloc:
        raise ValueError(f"is not {SHAPES}")
    topology = Topology(match["topology"] or Topology.SINGLE)
    usual = _USUAL_SENTINEL_PORT if topology is Topology.SENTINEL else _USUAL_PORT
    service, database = _path(topology, parts.path, options)
    return ValkeyAddress(
        topology=topology,
        hosts=_hosts(topology, parts.netloc.rpartition("@")[2], usual),
        tls=bool(match["tls"]),
        database=database,
        login=_login(parts, options),
        service=service,
        sentinel_login=Login(options.get("sentinel_username"), options.get("sentinel_password")),
    )


def canonical(text: str) -> str:
    """The same address under the scheme that redis-py and most other programs know."""
    parse(text)
    scheme, separator, rest = text.partition("://")
    return scheme.lower().replace("valkey", "redis", 1) + separator + rest


def _unix(parts: SplitResult, options: dict[str, str]) -> ValkeyAddress:
    if not parts.path.strip("/") or parts.netloc.rpartition("@")[2]:
        raise ValueError("unix:// needs the socket's path, as unix:///run/valkey/valkey.sock")
    return ValkeyAddress(
        topology=Topology.SINGLE,
        socket=unquote(parts.path),
        database=_number(options.get("db", "0")),
        login=_login(parts, options),
    )


def _options(parts: SplitResult) -> dict[str, str]:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    known = _OPTIONS | (_SENTINEL_OPTIONS if parts.scheme.endswith("+sentinel") else set())
    if unknown := options.keys() - known:
        if any(name.startswith("ssl_") for name in unknown):
            # `ssl_cert_reqs=none` would take any certificate for the right one.
            raise ValueError(
                "holds options for TLS: certificates are always checked, by the system's"
                " authorities or those in CHRONICLE_VALKEY_CA_FILE"
            )
        raise ValueError(f"knows no options but {', '.join(sorted(known))}")
    return options


def _path(topology: Topology, path: str, options: dict[str, str]) -> tuple[str, int]:
    """The service's name, for Sentinel alone, and the number of the database."""
    words = [unquote(word) for word in path.split("/")[1:] if word]
    service = ""
    if topology is Topology.SENTINEL:
        if not words:
            raise ValueError("needs the name of the service: redis+sentinel://host:26379/mymaster")
        service = words.pop(0)
    if len(words) > 1:
        raise ValueError("holds more in its path than the number of a database")
    database = _number(words[0] if words else options.get("db", "0"))
    if topology is Topology.CLUSTER and database:
        raise ValueError("a Cluster has database 0 alone")
    return service, database


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5):
        raise ValueError("holds a database that is no number")
    if int(text) > _HIGHEST_DATABASE:
        raise ValueError(f"holds a database beyond {_HIGHEST_DATABASE}")
    return int(text)


def _hosts(topology: Topology, text: str, usual_port: int) -> tuple[tuple[str, int], ...]:
    hosts = []
    for word in text.split(","):
        match = _HOST.fullmatch(word)
        port = int(match["port"] or usual_port) if match else 0
        if match is None or not 0 < port < 65536:
            raise ValueError("holds a host that is none: write host:port, with commas between them")
        hosts.append((match["ipv6"] or match["name"], port))
    if topology is Topology.SINGLE and len(hosts) > 1:
        raise ValueError("names many hosts: write redis+sentinel:// or redis+cluster://")
    return tuple(hosts)


def _login(parts: SplitResult, options: dict[str, str]) -> Login:
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    return Login(
        options.get("username", unquote(user)) or None,
        options.get("password", unquote(password)) or None,
    )


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
