"""What an uploader says of a file: its name, type, note and visibility, cleaned or refused.

A name is cleaned, so that every file that a browser can pick can be kept: NFC, without the folders
before it, without control characters and without the invisible ones that reorder text. A media type
is taken as its type and subtype alone, in lower case; parameters are dropped. What can't be made
right (too long, nothing left, not a media type) is refused with the field that it is in.
"""

import re
import unicodedata
from dataclasses import dataclass

from chronicle.errors import FieldError, Rejected

DEFAULT_MEDIA_TYPE = "application/octet-stream"
LONGEST_NAME = 255
LONGEST_NOTE = 1000

_PUBLIC, _PRIVATE = "public", "private"

# Bidirectional marks, embeddings, overrides and isolates: "gnp.exe" could read as "exe.png".
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Control characters, lone surrogates, line and paragraph separators.
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_NOTE_CONTROLS = frozenset("\n\t")
# RFC 6838 4.2: what can be registered, a subset of RFC 9110's tokens.
_RESTRICTED_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_ESSENCE = re.compile(rf"{_RESTRICTED_NAME}/{_RESTRICTED_NAME}")
_PARAMETERS = re.compile(
    r"""(?:[ \t]*;[ \t]*(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+="""
    r"""(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t -~])*"))?)*[ \t]*"""
)


@dataclass(frozen=True, slots=True)
class UploadDetails:
    """What is kept about a file besides its bytes."""

    name: str
    media_type: str
    note: str | None
    visibility: str

    @classmethod
    def of(
        cls, *, name: str | None, media_type: str | None, note: str | None, visibility: str | None
    ) -> "UploadDetails":
        """Clean what was sent.

        Raises:
            Rejected: `invalid_request`, with the field; `not_available` for private files.
        """
        return cls(
            name=clean_name(name or ""),
            media_type=clean_media_type(media_type or DEFAULT_MEDIA_TYPE),
            note=clean_note(note or ""),
            visibility=check_visibility(visibility),
        )


def clean_name(text: str) -> str:
    """A name fit to be shown and saved under: 1 to 255 code points."""
    visible = "".join(character for character in _nfc(text) if not _is_unseen(character))
    name = visible.replace("\\", "/").rpartition("/")[2].strip()
    if name in {"", ".", ".."}:
        raise _wrong("name", "is required: what the file is called")
    if len(name) > LONGEST_NAME:
        raise _wrong("name", f"has more than {LONGEST_NAME} characters")
    return name


def clean_media_type(text: str) -> str:
    """The type and subtype of a media type (RFC 9110 8.3.1), in lower case."""
    essence = _ESSENCE.match(text.strip(" \t"))
    if essence is None or not _PARAMETERS.fullmatch(text.strip(" \t"), essence.end()):
        raise _wrong("media_type", "is not a media type such as image/png")
    return essence[0].lower()


def clean_note(text: str) -> str | None:
    """A note of up to 1000 code points, None when it is empty."""
    note = _nfc(text).replace("\r\n", "\n")
    if len(note) > LONGEST_NOTE:
        raise _wrong("note", f"has more than {LONGEST_NOTE} characters")
    if any(_is_unseen(character) and character not in _NOTE_CONTROLS for character in note):
        raise _wrong("note", "has a control character")
    return note or None


def check_visibility(text: str | None) -> str:
    """The visibility, which is always asked for: public means public for good."""
    if text == _PRIVATE:
        raise Rejected("not_available", "Private files are not offered yet. Nothing was stored.")
    if text != _PUBLIC:
        raise _wrong("visibility", "is required: public or private")
    return text


def _is_unseen(character: str) -> bool:
    return character in _REORDERING or unicodedata.category(character) in _UNSEEN_CATEGORIES


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _wrong(field: str, message: str) -> Rejected:
    return Rejected(message=f"{field}: {message}", fields=(FieldError(field, message),))
