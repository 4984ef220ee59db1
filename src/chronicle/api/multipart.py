"""multipart/form-data (RFC 7578), streamed: a few short fields and one file of any length.

    form = UploadForm(content_type, body, fields=frozenset({"note"}))
    part = await form.reach_file()
    async for piece in form.file_bytes(): ...
    form.fields     # all of them now; `part.fields_before` holds those that came before the file

The scanning is python-multipart's, whose callbacks keep up with several GB/s; what may be sent, and
how much of it, is decided here. Whatever is not a whole form of known fields is an error, at the
latest when the body ends.
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from chronicle.errors import FieldError, Rejected

_FILE = "file"
_MOST_PARTS = 8
_MOST_HEADERS = 8
_LONGEST_HEADERS = 8 * 1024
_LONGEST_FIELD = 4 * 1024
# What all parts besides the file's bytes can take, delimiters and all. Preamble and epilogue
# (RFC 2046 5.1.1) have to fit in as well.
_MOST_OVERHEAD = 128 * 1024

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# Unquoted values are taken as they come: some clients leave out the quotes that `=` or `/` need.
_PARAMETER = re.compile(rf';[ \t]*({_TOKEN})=([^\s";]+|"(?:[^"\\]|\\.)*")[ \t]*')
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_EXTENDED = re.compile(r"utf-8'[A-Za-z0-9-]*'((?:%[0-9A-Fa-f]{2}|[!#$&+.^_`|~0-9A-Za-z-])*)", re.I)
# How browsers write the three characters that would end a quoted file name (WHATWG HTML,
# "multipart/form-data encoding algorithm").
_BROWSER_ESCAPES = {"%22": '"', "%0D": "\r", "%0A": "\n"}


@dataclass(frozen=True, slots=True)
class FilePart:
    """What stands before the file's bytes: its name and type as sent, and the fields by name."""

    name: str | None
    media_type: str | None
    fields_before: Mapping[str, str]


class UploadForm:
    """One form with one file, read once, in order. `fields` may hold those named and no others."""

    def __init__(
        self, content_type: str, body: AsyncIterator[bytes], *, fields: frozenset[str]
    ) -> None:
        """Take the body.

        Raises:
            Rejected: `invalid_multipart`; the header names no boundary that can be one.
        """
        self._body = body
        self._scanner = _Scanner(_boundary(content_type), fields)

    @property
    def fields(self) -> dict[str, str]:
        """The fields by name; whole once `file_bytes` has ended."""
        return self._scanner.fields

    async def reach_file(self) -> FilePart:
        """Read up to the file's bytes.

        Raises:
            Rejected: `invalid_request` for a field that is not known, too long, or sent twice, or
                when there is no file; `invalid_multipart`; `cut_off`.
        """
        while self._scanner.file is None:
            piece = await anext(self._body, None)
            if piece is None:
                raise self._scanner.ended_without_file()
            self._scanner.feed(piece)
        return self._scanner.file

    async def file_bytes(self) -> AsyncIterator[bytes]:
        """The file's bytes, after `reach_file`; then the rest of the form is read, too.

        Raises:
            Rejected: as `reach_file`; the pieces that were given are then not a whole file.
        """
        for piece in self._scanner.take():
            yield piece
        async for received in self._body:
            self._scanner.feed(received)
            for piece in self._scanner.take():
                yield piece
        if not self._scanner.ended:
            raise _cut_off()


class _Scanner:
    """Sorts what python-multipart finds into fields and pieces of the file."""

    def __init__(self, boundary: str, known: frozenset[str]) -> None:
        self.fields: dict[str, str] = {}
        self.file: FilePart | None = None
        self.ended = False
        self._known = known
        self._pieces: list[bytes] = []
        self._overhead = 0
        self._parts = 0
        self._in_file = False
        self._field = ""
        self._value = bytearray()
        self._headers: list[tuple[bytearray, bytearray]] = []
        self._header_bytes = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_begin": self._header_begins,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._part_data,
                "on_part_end": self._part_ends,
                "on_end": self._end,
            },
            max_header_count=_MOST_HEADERS,
            max_header_size=_LONGEST_HEADERS,
        )

    def feed(self, piece: bytes) -> None:
        self._overhead += len(piece)
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _malformed("its parts are not well formed") from error
        if self._overhead > _MOST_OVERHEAD:
            raise _malformed("it holds too much besides the file")

    def take(self) -> list[bytes]:
        """The pieces of the file that were found since."""
        pieces, self._pieces = self._pieces, []
        return pieces

    def ended_without_file(self) -> Rejected:
        return _wrong(_FILE, "is required") if self.ended else _cut_off()

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise _malformed(f"it has more than {_MOST_PARTS} parts")
        self._headers = []
        self._header_bytes = 0

    def _header_begins(self) -> None:
        self._headers.append((bytearray(), bytearray()))

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._headers[-1][0].extend(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._headers[-1][1].extend(data[start:end])

    def _count_header(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > _LONGEST_HEADERS:
            raise _malformed("the headers of a part are too long")

    def _headers_end(self) -> None:
        headers = _read_headers(self._headers)
        parameters = _form_data_parameters(headers.get("content-disposition", ""))
        name = parameters.get("name", "")
        self._in_file = name == _FILE
        if self._in_file:
            if self.file is not None:
                raise _wrong(_FILE, "was sent twice")
            media_type = headers.get("content-type")
            self.file = FilePart(_file_name(parameters), media_type, dict(self.fields))
            return
        if name not in self._known:
            raise _wrong(name or "body", "is not a known field")
        if name in self.fields:
            raise _wrong(name, "was sent twice")
        self._field, self._value = name, bytearray()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._overhead -= end - start
            self._pieces.append(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > _LONGEST_FIELD:
            raise _wrong(self._field, f"has more than {_LONGEST_FIELD} bytes")

    def _part_ends(self) -> None:
        if not self._in_file:
            try:
                self.fields[self._field] = self._value.decode()
            except UnicodeDecodeError as error:
                raise _wrong(self._field, "is not UTF-8") from error

    def _end(self) -> None:
        self.ended = True


def _boundary(content_type: str) -> str:
    """The boundary that a Content-Type header names (RFC 2046 5.1.1)."""
    essence, parameters = _split(content_type)
    boundary = parameters.get("boundary", "")
    if essence != "multipart/form-data" or not _BOUNDARY.fullmatch(boundary):
        raise _malformed("its Content-Type names no boundary")
    return boundary


def _read_headers(pairs: list[tuple[bytearray, bytearray]]) -> dict[str, str]:
    try:
        headers = {name.decode("ascii").lower(): value.decode().strip() for name, value in pairs}
    except UnicodeDecodeError as error:
        raise _malformed("the headers of a part are not UTF-8") from error
    if len(headers) != len(pairs):
        raise _malformed("a part has a header twice")
    # RFC 7578 4.7 is done with encodings; bytes that were encoded would be stored as they are not.
    if headers.get("content-transfer-encoding", "binary").lower() not in {"7bit", "8bit", "binary"}:
        raise _malformed("a part is encoded for mail")
    return headers


def _form_data_parameters(disposition: str) -> dict[str, str]:
    kind, parameters = _split(disposition)
    if kind != "form-data" or not parameters.get("name"):
        raise _malformed("a part does not say which field it is")
    return parameters


def _split(header: str) -> tuple[str, dict[str, str]]:
    """A header's first word, in lower case, and its parameters."""
    first, _, _ = header.partition(";")
    at = len(first)
    parameters: dict[str, str] = {}
    while at < len(header):
        match = _PARAMETER.match(header, at)
        if match is None or match[1].lower() in parameters:
            raise _malformed("a header's parameters are not well formed")
        parameters[match[1].lower()] = _unquote(match[2])
        at = match.end()
    return first.strip(" \t").lower(), parameters


def _unquote(value: str) -> str:
    if not value.startswith('"'):
        return value
    # Only these two: browsers write a backslash in a name as it is.
    return re.sub(r'\\(["\\])', r"\1", value[1:-1])


def _file_name(parameters: dict[str, str]) -> str | None:
    """The file's name; `filename*` (RFC 5987) goes first: not for forms, yet some send it."""
    extended = parameters.get("filename*")
    if extended is not None:
        match = _EXTENDED.fullmatch(extended)
        try:
            return unquote_to_bytes(match[1]).decode() if match else _no_name()
        except UnicodeDecodeError:
            return _no_name()
    plain = parameters.get("filename")
    if plain is None:
        return None
    return re.sub("%22|%0D|%0A", lambda found: _BROWSER_ESCAPES[found[0]], plain)


def _no_name() -> str:
    raise _malformed("the file's name can't be read")


def _malformed(what: str) -> Rejected:
    return Rejected("invalid_multipart", f"The form can't be read: {what}. Nothing was stored.")


def _cut_off() -> Rejected:
    return Rejected("cut_off", "The form ended early; nothing was stored.")


def _wrong(field: str, message: str) -> Rejected:
    return Rejected(message=f"{field}: {message}", fields=(FieldError(field, message),))
