"""What HTTP says around a file's bytes: ranges, entity tags, and the name to save it under."""

import re
from urllib.parse import quote

from chronicle.errors import Rejected

_ONE_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)
# No file has so many bytes; Python refuses to read numbers of thousands of digits.
_MOST_DIGITS = 18
_ENTITY_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
# RFC 8187's attr-char, as far as `quote` does not keep them on its own.
_UNQUOTED = "!#$&+^`|"


class RangeNotSatisfiable(Rejected):
    """The range lies outside of the `size` bytes that there are."""

    code = "range_not_satisfiable"

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(message=f"The file has {size} bytes.")


def parse_range(header: str | None, size: int) -> range | None:
    """The one range of bytes that a Range header asks for; None where it is to be ignored.

    Several ranges, other units and what is not well formed are ignored, as RFC 9110 14.2 allows.

    Raises:
        RangeNotSatisfiable: the range begins behind the end.
    """
    match = _ONE_RANGE.fullmatch(header) if header is not None else None
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        start, stop = size - min(_number(match[2]), size), size
    else:
        start, stop = _number(match[1]), size
        if match[2]:
            last = _number(match[2])
            if last < start:
                return None
            stop = min(last + 1, size)
    if start >= size:
        raise RangeNotSatisfiable(size)
    return range(start, stop)


def _number(digits: str) -> int:
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS


def has_matching_tag(if_none_match: str | None, tag: str) -> bool:
    """Whether If-None-Match names this entity tag, by weak comparison (RFC 9110 13.1.2)."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == "*" or tag in _ENTITY_TAG.findall(if_none_match)


def range_still_applies(if_range: str | None, tag: str) -> bool:
    """Whether If-Range lets a Range count: only for the very same tag (RFC 9110 13.1.5)."""
    return if_range is None or if_range.strip() == tag


def attachment(name: str) -> str:
    """A Content-Disposition that saves the file under its name (RFC 6266, RFC 8187)."""
    plain = "".join(
        character if " " <= character <= "~" and character not in '"\\%/' else "_"
        for character in name
    )
    if plain == name:
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_UNQUOTED)}"
