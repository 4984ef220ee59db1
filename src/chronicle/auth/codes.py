"""Codes that people type: eight characters of Crockford's base32, 40 bits."""

from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 8
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})


def new_code(random_bytes: Callable[[int], bytes]) -> str:
    """A fresh code, without its dash."""
    bits = int.from_bytes(random_bytes(5), "big")
    return "".join(_ALPHABET[bits >> shift & 31] for shift in range(35, -1, -5))


def show_code(code: str) -> str:
    """As it is mailed: `7K3M-Q9TD`."""
    return f"{code[:4]}-{code[4:]}"


def read_code(typed: str) -> str | None:
    """What was meant: any case, with or without dashes and spaces, O for 0, I and L for 1."""
    code = typed.upper().replace("-", "").replace(" ", "").translate(_READ_AS)
    if len(code) != _LENGTH or not all(character in _ALPHABET for character in code):
        return None
    return code
