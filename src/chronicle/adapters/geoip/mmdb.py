"""Places from a file in MaxMind's format, such as GeoLite2 City or DB-IP City Lite.

The format: https://maxmind.github.io/MaxMind-DB/. The names are those in English.
"""

import ipaddress
import logging
from pathlib import Path

import maxminddb

_log = logging.getLogger(__name__)

# What the types of files that hold places have in their names; others hold networks or companies.
_KINDS = ("City", "Country", "Enterprise")
_LONGEST_NAME = 80
_PROBES = ("1.1.1.1", "2.2.2.2", "8.8.8.8", "80.80.80.80", "2001:4860::1", "2a00::1")


class UnusablePlaces(Exception):
    """The file is not there, is broken, or holds no places. The message says which."""


class MmdbPlaces:
    """`security.ports.Places` on such a file, read whole into memory.

    Mapped into memory instead, a file that somebody copies over the old one would end the process.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            UnusablePlaces: there is nothing to go on with.
        """
        self._reader = _opened(path)
        self._is_warned = False

    def of(self, address: str) -> str | None:
        """As "Lyon, France", or the country alone; None for private and unknown addresses."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return None
        if not parsed.is_global:
            return None
        try:
            return _place(self._reader.get(parsed))
        except Exception:  # noqa: BLE001 - whatever is wrong in the file: nobody's sign-in fails
            self._warn()
            return None

    def _warn(self) -> None:
        if not self._is_warned:
            self._is_warned = True
            _log.exception("the file of places is damaged, or does not know this kind of address")


def _opened(path: Path) -> maxminddb.Reader:
    try:
        reader = maxminddb.reader.Reader(path, maxminddb.MODE_MEMORY)
        kind = reader.metadata().database_type
        for address in _PROBES:
            if reader.metadata().ip_version == 6 or ":" not in address:
                _place(reader.get(address))
    except OSError as error:
        raise UnusablePlaces(f"{path}: {error.strerror}.") from error
    except Exception as error:
        raise UnusablePlaces(f"{path} is no whole file of MaxMind's format (.mmdb).") from error
    if not any(word in kind for word in _KINDS):
        raise UnusablePlaces(
            f"{path} holds no places: it is of the type {kind!r}, and a City or Country file is "
            "needed, such as GeoLite2-City or DBIP-City-Lite."
        )
    return reader


def _place(record: object) -> str | None:
    names = (_name(record, "city"), _name(record, "country"))
    return ", ".join(name for name in names if name) or None


def _name(record: object, part: str) -> str | None:
    """The English name in a part of a record; None unless the file is as it should be there."""
    found = record
    for key in (part, "names", "en"):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, str):
        return None
    return "".join(filter(str.isprintable, found)).strip()[:_LONGEST_NAME] or None
