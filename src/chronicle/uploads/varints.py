"""Unsigned LEB128 (https://github.com/multiformats/unsigned-varint), as dag-pb and CAR use it."""


def varint(number: int) -> bytes:
    """A number in groups of seven bits, the lowest first."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def sized(data: bytes) -> bytes:
    """Bytes behind their length."""
    return varint(len(data)) + data
