import hashlib
from collections.abc import Iterator

import cbor2
import pytest

from chronicle.uploads.car import encode_car
from chronicle.uploads.cids import Cid
from chronicle.uploads.unixfs import PROFILES, Importer, Profile


def sections(car: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(car):
        length = shift = 0
        while True:
            byte = car[at]
            length |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                break
        yield car[at : at + length]
        at += length


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES.keys())
def test_a_car_names_its_root_and_holds_each_block_behind_its_cid(profile: Profile) -> None:
    importer = Importer(profile)
    importer.update(bytes(3 << 20))
    imported = importer.finish()
    header, *blocks = sections(encode_car(imported.cid, imported.inner_nodes))
    root = cbor2.CBORTag(42, b"\0" + bytes(imported.cid))
    assert cbor2.loads(header) == {"roots": [root], "version": 1}
    assert header == cbor2.dumps({"roots": [root], "version": 1}, canonical=True)
    assert len(blocks) == 1
    for block in blocks:
        cid_bytes = 34 if profile.cid_version == 0 else 36
        cid = Cid.from_bytes(block[:cid_bytes])
        assert cid.digest == hashlib.sha256(block[cid_bytes:]).digest()
        assert cid == imported.cid
