"""How the text of a setting becomes a value: each reader raises ValueError saying what is right."""

import ipaddress
import re
from collections.abc import Callable
from email.headerregistry import Address
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from chronicle import mongodb_urls, valkey_address

EnumT = TypeVar("EnumT", bound=StrEnum)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SIZE = re.compile(r"([0-9]{1,15}) ?([A-Za-z]*)")
_UNITS = {"": 1, "b": 1} | {
    f"{prefix}{suffix}": base**power
    for power, prefix in enumerate("kmgt", start=1)
    for suffix, base in (("b", 1000), ("ib", 1024))
}
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_SENDER = re.compile(r"""(?:"[^"\\]*"|[^"<>@,;:\\]*?)\s?<(?P<named>\S+@\S+)>|(?P<bare>\S+@\S+)""")
_LOCAL_PART = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_DEFAULT_PORTS = {"http": 80, "https": 443}

SHORTEST_SERVICE_KEY = 32


class SecretUrl:
    """A URL that may hold a password: `reveal` gives it whole, `str` and `repr` hide secrets."""

    __slots__ = ("_url",)

    def __init__(self, url: str) -> None:
        self._url = url

    def reveal(self) -> str:
        """The URL as its driver needs it."""
        return self._url

    def __str__(self) -> str:
        parts = urlsplit(self._url)
        # redis-py takes a password from the query as well, so the query is a secret too.
        hidden = parts._replace(
            netloc="***@" * ("@" in parts.netloc) + parts.netloc.rpartition("@")[2],
            query="***" * bool(parts.query),
            fragment="***" * bool(parts.fragment),
        )
        # Not geturl(): it drops the empty host that `sqlite:///` and `unix:///` need.
        tail = f"?{hidden.query}" * bool(hidden.query) + f"#{hidden.fragment}" * bool(
            hidden.fragment
        )
        return f"{hidden.scheme}://{hidden.netloc}{hidden.path}{tail}"

    def __repr__(self) -> str:
        return f"SecretUrl({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretUrl) and other._url == self._url

    def __hash__(self) -> int:
        return hash(self._url)


class Secret:
    """A text that nobody may see: `reveal` gives it, `str` and `repr` hide it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text as whoever asks for it needs it."""
        return self._text

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return "Secret('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


def one_of(choices: type[EnumT]) -> Callable[[str], EnumT]:
    """A reader for one of the words of an enumeration."""

    def read(text: str) -> EnumT:
        try:
            return choices(text.lower())
        except ValueError as error:
            raise ValueError(f"{text!r} is not one of: {', '.join(choices)}") from error

    return read


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    """A reader for a whole number in a range, both ends included."""

    def read(text: str) -> int:
        # isdecimal() first: int() also takes "1_000", "+1" and a hundred thousand digits.
        plain = text.isascii() and text.isdecimal() and len(text) <= 18
        if not plain or not lowest <= int(text) <= highest:
            raise ValueError(f"{text!r} is not a whole number from {lowest} to {highest}")
        return int(text)

    return read


def size_in_bytes(text: str) -> int:
    """A size such as `5GiB`, `500 MB` or `65536` in bytes; at least one."""
    match = _SIZE.fullmatch(text)
    unit = _UNITS.get(match[2].lower()) if match else None
    size = int(match[1]) * unit if match and unit else 0
    if size < 1:
        raise ValueError(
            f"{text!r} is not a size: write bytes, or a number with KiB, MiB, GiB or TiB, as 5GiB"
        )
    return size


def path(text: str) -> Path:
    """A path, made absolute from the working folder; `~` is the home folder."""
    if "\0" in text:
        raise ValueError("a path holds no NUL character")
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"{text!r}: there is no such home folder") from error


def host(text: str) -> str:
    """A host name or an IP address to listen on, without a port."""
    if not _is_ip(text) and not _HOST_NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not a host name or an IP address; the port has its own name")
    return text


def base_url(text: str) -> str:
    """An origin: scheme, host and port, in lower case, without the scheme's usual port."""
    parts = _split(text)
    if "@" in text:
        raise ValueError("holds a user name; write scheme, host and port, as https://example.org")
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{text!r} is not an http:// or https:// address with a host")
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise ValueError(f"{text!r} holds more than scheme, host and port, as https://example.org")
    if not _is_ip(parts.hostname) and not _HOST_NAME.fullmatch(parts.hostname):
        raise ValueError(f"{text!r}: write the host in letters a-z, digits, '-' (xn-- form) or IP")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{name}{port}"


def database_url(text: str) -> SecretUrl:
    """`sqlite:///relative/path`, `sqlite:////absolute/path`, `mongodb://` or `mongodb+srv://`."""
    if text.startswith(mongodb_urls.SCHEMES):
        mongodb_urls.check(text)
        return SecretUrl(text)
    parts = _split(text)
    if parts.scheme != "sqlite":
        raise ValueError(
            f"the scheme {parts.scheme!r} is not supported; write sqlite:///path/to/chronicle.db,"
            " or mongodb://host/chronicle"
        )
    if parts.netloc or "?" in text or "#" in text or parts.path in ("", "/", "/:memory:"):
        # A database in memory would be another one for each process, and gone after a crash.
        raise ValueError("write a file: sqlite:///relative.db or sqlite:////absolute/path.db")
    return SecretUrl(f"sqlite:///{path(unquote(parts.path[1:]))}")


def valkey_url(text: str) -> SecretUrl:
    """A Valkey or Redis address, under the scheme that redis-py knows it by."""
    _refuse_spaces(text)
    return SecretUrl(valkey_address.canonical(text))


def smtp_url(text: str) -> SecretUrl:
    """A mail server: `smtp://` (STARTTLS) or `smtps://` (TLS from the start)."""
    parts = _split(text)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise ValueError("is not smtp://user:password@host:587 (STARTTLS) or smtps:// (TLS)")
    if parts.path not in ("", "/") or "#" in text:
        raise ValueError("holds more than user, password, host and port")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("holds a user without a password, or a password without a user")
    if "?" in text and (parts.scheme, parts.query) != ("smtp", "starttls=never"):
        raise ValueError("knows one option: smtp://localhost:1025?starttls=never")
    if parts.query and not is_local(text):
        raise ValueError("leaves out TLS, which is allowed to this machine alone")
    return SecretUrl(text)


def secret(text: str) -> Secret:
    """A secret of printable ASCII, as keys for an HTTP API are."""
    if not re.fullmatch(r"[!-~]{1,512}", text):
        raise ValueError("is not a key: it holds spaces, or characters that are not ASCII")
    return Secret(text)


def service_keys(text: str) -> tuple[Secret, ...]:
    """Keys that other servers call with, separated by commas; each too long to be guessed."""
    keys = tuple(secret(part.strip()) for part in text.split(",") if part.strip())
    if any(len(key.reveal()) < SHORTEST_SERVICE_KEY for key in keys):
        raise ValueError(
            f"holds a key of fewer than {SHORTEST_SERVICE_KEY} characters; make one with"
            " `openssl rand -hex 32`"
        )
    return keys


def api_url(text: str) -> str:
    """The origin of an API that is sent secrets: https://, or http:// on this machine."""
    url = base_url(text)
    if url.startswith("http://") and not is_local(url):
        raise ValueError("needs https://, as a key is sent there")
    return url


def mail_from(text: str) -> str:
    """One sender: `Name <address@host>` or an address."""
    # Our own pattern: the standard library's parser ends in an IndexError on `a@`.
    match = _SENDER.fullmatch(text) if text.isprintable() else None
    local, _, domain = (match["named"] or match["bare"] if match else "").rpartition("@")
    if not (_LOCAL_PART.fullmatch(local) and _is_mail_domain(domain)):
        raise ValueError(f"{text!r} is not a sender, as Chronicle <no-reply@example.org>")
    return text


def ledger_origin(text: str) -> str:
    """A log's origin: printable ASCII without spaces and `+` (it is its key's name as well)."""
    if not re.fullmatch(r"[!-*,-~]{1,255}", text):
        raise ValueError(f"{text!r} is not an origin, as example.org/api/web3/log: no space, no +")
    return text


def client_id(text: str) -> str:
    """What access tokens say of who asked for them: printable ASCII without spaces."""
    if not re.fullmatch(r"[!-~]{1,100}", text):
        raise ValueError(f"{text!r} is not 1 to 100 characters of printable ASCII without spaces")
    return text


def host_of(url: str) -> str:
    """The host of an address without its port; an IPv6 address without brackets."""
    return urlsplit(url).hostname or ""


def default_mail_from(url: str) -> str:
    """The sender that stands for a base URL's host (an address literal for an IP, RFC 5321)."""
    name = host_of(url)
    literal = f"[{'IPv6:' * (':' in name)}{name}]" if _is_ip(name) else name
    return str(Address("Chronicle", addr_spec=f"no-reply@{literal}"))


def is_local(url: str) -> bool:
    """Whether an address leads to this machine: a Unix socket, a loopback address, localhost."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    if parts.scheme == "unix" or name == "localhost":
        return True
    return _is_ip(name) and ipaddress.ip_address(name).is_loopback


def _is_mail_domain(text: str) -> bool:
    """A host name, or an address literal (RFC 5321 4.1.3)."""
    if text.startswith("[") and text.endswith("]"):
        return _is_ip(text[1:-1].removeprefix("IPv6:"))
    return bool(_HOST_NAME.fullmatch(text))


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _split(text: str) -> SplitResult:
    """Split a URL, with its port checked. It may hold a password, so no error repeats it."""
    _refuse_spaces(text)
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("this is not an address with a port from 0 to 65535") from None
    return parts


def _refuse_spaces(text: str) -> None:
    if any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError("the address holds spaces or control characters")


def networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks, separated by commas.

    Raises:
        ValueError: one of them is neither.
    """
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError("takes addresses or networks with commas, as 10.0.0.0/8,::1") from error


def names(text: str) -> tuple[str, ...]:
    """Names without white space in them, separated by commas.

    Raises:
        ValueError: one of them has white space in it.
    """
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if any(character.isspace() for name in found for character in name):
        raise ValueError("takes names with commas, as https://api.example.org,reports")
    return found


def origins(text: str) -> tuple[str, ...]:
    """Origins of pages (RFC 6454), separated by commas: scheme, host and port, nothing else.

    Raises:
        ValueError: one of them is none; `*` is none.
    """
    return tuple(base_url(part.strip()) for part in text.split(",") if part.strip())
