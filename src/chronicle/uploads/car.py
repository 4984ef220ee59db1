"""CARv1 (https://ipld.io/specs/transport/car/carv1/): blocks in a row behind their root."""

from collections.abc import Iterable

from chronicle.uploads.cids import Cid
from chronicle.uploads.unixfs import Block
from chronicle.uploads.varints import sized

# DAG-CBOR of {"roots": [<CID>], "version": 1}. A CID is tag 42 around a byte string that begins
# with zero; the strings here have 35 or 37 bytes, so their length takes one byte more.
_BEFORE_ROOT = b"\xa2\x65roots\x81\xd8\x2a\x58"
_AFTER_ROOT = b"\x67version\x01"


def encode_car(root: Cid, blocks: Iterable[Block]) -> bytes:
    """A CAR of these blocks. It may hold less than the whole DAG below its root."""
    binary = b"\0" + bytes(root)
    header = b"".join((_BEFORE_ROOT, bytes((len(binary),)), binary, _AFTER_ROOT))
    return b"".join((sized(header), *(sized(bytes(block.cid) + block.data) for block in blocks)))
