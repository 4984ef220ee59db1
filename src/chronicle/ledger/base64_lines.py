"""Standard base64 (RFC 4648 section 4) as notes and proofs write it: padded, one form only."""

import base64
import binascii

from chronicle.ledger.failures import Unreadable


def encode_base64(data: bytes) -> str:
    """The bytes as one line of text."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes:
    """The bytes of one line.

    Raises:
        Unreadable: not base64, or with stray bits after the last byte.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("not base64") from error
    # The decoder lets unused bits pass, so two texts could stand for the same bytes.
    if encode_base64(data) != text:
        raise Unreadable("base64 in another form than its canonical one")
    return data
