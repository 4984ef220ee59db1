"""JSON as a careful server reads it: UTF-8, no duplicate names, finite numbers, bounded depth."""

import json
from typing import NoReturn

from chronicle.errors import Rejected


def parse(body: bytes) -> object:
    """The value in a JSON text (RFC 8259), read strictly (RFC 7493, I-JSON).

    Raises:
        Rejected: `invalid_json`, with what is wrong in words.
    """
    try:
        text = body.decode("utf-8")
        value: object = _DECODER.decode(text)
        # Lone surrogates arrive as \ud800 escapes: no UTF-8 can hold them, so no store could.
        if "\\u" in text:
            _no_lone_surrogates(value)
    except UnicodeDecodeError as error:
        raise Rejected("invalid_json", "The body is not valid UTF-8.") from error
    except RecursionError as error:
        raise Rejected("invalid_json", "The body is nested too deeply.") from error
    except ValueError as error:
        raise Rejected("invalid_json", _in_words(error)) from error
    return value


def _no_lone_surrogates(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("lone surrogate") from error


def _unique_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate name")
    return members


def _not_a_number(_constant: str) -> NoReturn:
    raise ValueError("not finite")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("not finite")
    return number


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_names, parse_constant=_not_a_number, parse_float=_finite
)

_WORDS = {
    "duplicate name": "A name stands twice in one object.",
    "not finite": "A number is too large, or not a number.",
    "lone surrogate": "A string holds half of a surrogate pair.",
}


def _in_words(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"The body is not valid JSON: {error.msg} at character {error.pos}."
    return _WORDS.get(str(error), "A number in the body is too long.")
