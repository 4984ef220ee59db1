"""Deterministic CBOR, cut down to what the ledger stores: text, integers, bytes, lists, maps.

The encoding is DAG-CBOR (https://ipld.io/specs/codecs/dag-cbor/spec/): shortest integers,
definite lengths, text keys sorted by length, then by bytes. Floats, tags, booleans and null do not
occur. There is one encoding of each value, and nothing else is read: an entry that could be
written in two ways could be shown as two entries.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

import cbor2

from chronicle.ledger.failures import Unreadable

Plain: TypeAlias = "str | int | bytes | Sequence[Plain] | Mapping[str, Plain]"

_MAX_DEPTH = 8
_LENGTH_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}
_BYTES, _TEXT, _TAG = 2, 3, 6


def encode(value: Plain) -> bytes:
    """The one encoding of a value."""
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes) -> Plain:
    """The value that these bytes encode: `str`, `int`, `bytes`, `list` or `dict`.

    Raises:
        Unreadable: not CBOR, not its one encoding, or a type that the ledger does not use.
    """
    _refuse_other_types(data)
    try:
        value = cast(
            "Plain",
            cbor2.loads(
                data,
                max_depth=_MAX_DEPTH,
                allow_indefinite=False,
                allow_duplicate_keys=False,
                strict_hashable_types=True,
                object_hook=_refuse_other_keys,
            ),
        )
    except (cbor2.CBORDecodeError, ValueError) as error:
        raise Unreadable("not well-formed CBOR") from error
    if encode(value) != data:
        raise Unreadable("CBOR in another form than its canonical one")
    return value


def _refuse_other_keys(mapping: Mapping[object, object], _immutable: bool) -> object:
    if not all(isinstance(key, str) for key in mapping):
        raise ValueError("the keys of a map are texts")
    return mapping


def _refuse_other_types(data: bytes) -> None:
    # Before the decoder sees them: tags would have it build dates, expressions and shared
    # references, which a hostile proof could make arbitrarily costly.
    position = 0
    while position < len(data):
        major, short = data[position] >> 5, data[position] & 31
        if major >= _TAG:
            raise Unreadable("CBOR with a tag, a float or a simple value")
        position += 1
        length = short
        if short >= 24:
            extra = _LENGTH_BYTES.get(short)
            if extra is None:
                raise Unreadable("CBOR of indefinite length")
            length = int.from_bytes(data[position : position + extra], "big")
            position += extra
        if major in (_BYTES, _TEXT):
            position += length
