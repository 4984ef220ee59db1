"""What a request says, read within bounds: its token, its query, its body."""

import asyncio
import re
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from chronicle.errors import FieldError, Rejected, TooLarge

# A name that was made up is said back, so that it is found; not a megabyte of it.
_LONGEST_FIELD_NAME = 100

# What msgspec says of a value of another kind, or out of its bounds.
_EXPECTED = re.compile(
    r"Expected `(?P<kinds>[^`]+)`"
    r"(?:, got .*|(?P<length> of length)? (?P<than>[<>]=?) (?P<bound>\S+))"
)
_KINDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
}
_THAN = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}

# Key in the ASGI scope, there when all of the body came before the answer began.
BODY_IS_HERE = "chronicle.body_is_here"

# Key in the ASGI scope, there when a body was announced that the parser drops.
BODY_IS_LOST = "chronicle.body_is_lost"


def has_body(headers: Headers) -> bool:
    """Whether a body was announced (RFC 9112 6.3)."""
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def read_bounded(
    headers: Headers, receive: Receive, limit: int, *, seconds: float | None
) -> bytes:
    """The whole body, when it has at most `limit` bytes and comes within so many seconds.

    `seconds` is None where all of it has come: setting a clock costs more than reading it.

    Raises:
        TooLarge: by its Content-Length, before a byte is read, or by what came.
        Rejected: `too_slow`, or `cut_off` when the client left half way.
    """
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > limit:
        raise TooLarge(message=f"The body may have at most {limit} bytes.")
    if seconds is None:
        return await _read(receive, limit)
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, limit)
    except TimeoutError as error:
        raise Rejected("too_slow", "The body came too slowly.") from error


async def _read(receive: Receive, limit: int) -> bytes:
    raw, more = bytearray(), True
    while more:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise Rejected("cut_off", "The body ended early.")
        raw += message.get("body", b"")
        if len(raw) > limit:
            raise TooLarge(message=f"The body may have at most {limit} bytes.")
        more = message.get("more_body", False)
    return bytes(raw)


def bearer_token(scope: Scope) -> str | None:
    """The token in `Authorization: Bearer ...` (RFC 6750 2.1), or None."""
    found: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if found is not None:
                return None
            found = value
    if found is None or found[:7].lower() != b"bearer ":
        return None
    return found[7:].strip().decode("latin-1")


def read_query(scope: Scope, kind: Any) -> Any:
    """The query parameters as a Struct, or None; unknown and repeated ones are errors."""
    if kind is type(None):
        if scope["query_string"]:
            raise Rejected("invalid_request", "Nothing can be said in the query here.")
        return None
    if not scope["query_string"]:
        return convert({}, kind)
    parameters = _parameters(scope["query_string"], "The query string")
    for name in _whole_numbers(kind):
        # To msgspec "1.0" and "1e1" are whole numbers too; here a number has one spelling.
        if not re.fullmatch("-?[0-9]+", parameters.get(name, "0")):
            wrong = FieldError(name, "is not a whole number")
            raise Rejected("invalid_request", f"{wrong.field}: {wrong.message}", fields=(wrong,))
    return convert(parameters, kind, strict=False)


def read_form(raw: bytes) -> dict[str, str]:
    """The fields of a form (`application/x-www-form-urlencoded`); repeated ones are errors."""
    return _parameters(raw, "The form") if raw else {}


def _parameters(encoded: bytes, what: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            encoded.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=50,
        )
    except (ValueError, UnicodeError) as error:
        raise Rejected("invalid_request", f"{what} is not well formed.") from error
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise Rejected("invalid_request", f"{what} has a name twice.")
    return parameters


@cache
def _whole_numbers(kind: Any) -> tuple[str, ...]:
    return tuple(
        each.encode_name
        for each in msgspec.structs.fields(kind)
        if isinstance(msgspec.inspect.type_info(each.type), msgspec.inspect.IntType)
    )


def convert(value: object, kind: Any, *, strict: bool = True) -> Any:
    """A parsed value as the declared type.

    Raises:
        Rejected: `invalid_request`, naming the field.
    """
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        wrong = _field_error(str(error))
        raise Rejected(
            "invalid_request", f"{wrong.field}: {wrong.message}", fields=(wrong,)
        ) from error


def _field_error(text: str) -> FieldError:
    """Take msgspec's sentence apart: "Expected `str`, got `int` - at `$.email`"."""
    message, _, place = text.partition(" - at ")
    name = place.strip("`").removeprefix("$").removeprefix(".")
    if "unknown field `" in message or "missing required field `" in message:
        inner = message.split("`")[1]
        name = f"{name}.{inner}" if name else inner
        message = "is not a known field" if "unknown" in message else "is required"
    return FieldError(name[:_LONGEST_FIELD_NAME] or "body", _in_words(message))


def _in_words(said: str) -> str:
    """What msgspec said, in words for people; as it was said where there are none."""
    if said.startswith("Invalid enum value "):
        return "is not one of those that are known"
    if said.startswith("Expected `str` matching regex "):
        return "is not well formed"
    expected = _EXPECTED.fullmatch(said)
    if expected is None:
        return said
    if expected["than"] is None:
        kinds = expected["kinds"].split(" | ")
        return "must be " + " or ".join(_KINDS.get(kind, kind) for kind in kinds)
    bound = f"{_THAN[expected['than']]} {expected['bound']}"
    if expected["length"] is None:
        return f"must be {bound}"
    may = "may" if expected["than"] == "<=" else "must"
    unit = "character" if expected["kinds"] == "str" else "item"
    return f"{may} have {bound} {unit}{'s' * (expected['bound'] != '1')}"
