import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.uploads.cids import DAG_PB, RAW, Cid, InvalidCid

HELLO_V0 = "QmZULkCELmmk5XNfCgTnCyFgAVxBRBXyDHGGMVoLFLiXEN"
EMPTY_V1 = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"

cids = st.builds(
    lambda form, digest: Cid(*form, digest),
    st.sampled_from([(0, DAG_PB), (1, DAG_PB), (1, RAW)]),
    st.binary(min_size=32, max_size=32),
)


@given(cids)
def test_every_cid_reads_back_from_its_text_and_from_its_bytes(cid: Cid) -> None:
    assert Cid.parse(str(cid)) == cid
    assert Cid.from_bytes(bytes(cid)) == cid


def test_known_cids_mean_what_the_world_means_by_them() -> None:
    assert Cid.parse(EMPTY_V1) == Cid(1, RAW, hashlib.sha256(b"").digest())
    assert Cid.parse(HELLO_V0).version == 0
    assert Cid.parse(HELLO_V0).codec == DAG_PB


@given(st.text(max_size=70))
def test_any_text_is_either_a_canonical_cid_or_refused(text: str) -> None:
    try:
        cid = Cid.parse(text)
    except InvalidCid:
        return
    assert str(cid) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(EMPTY_V1.upper(), id="upper case"),
        pytest.param(EMPTY_V1 + "a", id="too long"),
        pytest.param(EMPTY_V1[:-1], id="too short"),
        pytest.param(EMPTY_V1 + "\n", id="trailing newline"),
        pytest.param(EMPTY_V1[:-1] + "v", id="spare bits set"),
        pytest.param(
            "b" + base64.b32encode(b"\x01\x71\x12\x20" + bytes(32)).decode().lower().rstrip("="),
            id="dag-cbor codec",
        ),
        pytest.param(
            "b" + base64.b32encode(b"\x01\x55\x16\x20" + bytes(32)).decode().lower().rstrip("="),
            id="another hash",
        ),
        pytest.param(HELLO_V0.replace("U", "0", 1), id="not base58"),
        pytest.param("Qm" + "z" * 44, id="more than 34 bytes"),
        pytest.param("QM" + HELLO_V0[2:], id="version 0 in another case"),
        pytest.param("../../etc/passwd", id="a path"),
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidCid):
        Cid.parse(text)


def test_a_version_0_cid_of_a_raw_block_can_not_be_made() -> None:
    with pytest.raises(ValueError, match="version and codec"):
        Cid(0, RAW, bytes(32))
