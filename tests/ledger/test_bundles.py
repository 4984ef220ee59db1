import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.ledger import dag_cbor
from chronicle.ledger.bundles import encode_bundle, parse_bundle
from chronicle.ledger.failures import Unreadable
from tests.ledger.samples import bundle, opened

PROOF = bundle(opened())
LINES = PROOF.decode().split("\n")


def with_extra(extra: object) -> bytes:
    line = "extra " + base64.b64encode(dag_cbor.encode(extra)).decode()  # type: ignore[arg-type]
    return "\n".join([LINES[0], line, *LINES[2:]]).encode()


def test_a_bundle_has_the_lines_of_the_specification():
    assert LINES[0] == "c2sp.org/tlog-proof@v1"
    assert LINES[1].startswith("extra ")
    assert LINES[2] == "index 5"
    blank = LINES.index("")
    assert [len(line) for line in LINES[3:blank]] == [44] * 4
    assert LINES[blank + 1 : blank + 3] == ["log.example/chronicle", "11"]


def test_a_bundle_is_read_back_as_it_was():
    assert encode_bundle(parse_bundle(PROOF)) == PROOF
    assert parse_bundle(PROOF).opened == opened()


def test_a_proof_in_a_log_of_one_entry_has_no_hashes():
    proof = bundle(opened("cid"), index=0, size=1)
    assert parse_bundle(proof).hashes == ()
    assert encode_bundle(parse_bundle(proof)) == proof


def test_a_proof_is_small():
    # Ten million entries put 24 hashes into a proof, of 45 bytes a line.
    assert len(PROOF) + 20 * 45 < 4096
    assert len(bundle(opened("cid", "kind"))) + 20 * 45 < 3072


SHOWN = opened()
PAIRS = [[name, each] for name, each in SHOWN.commitments]


@pytest.mark.parametrize(
    "proof",
    [
        b"",
        b"c2sp.org/tlog-proof@v1",
        PROOF.replace(b"@v1", b"@v2"),
        PROOF.replace(b"\n", b"\r\n"),
        PROOF.replace(b"index 5", b"index 05"),
        PROOF.replace(b"index 5", b"index -5"),
        PROOF.replace(b"index 5", b"index"),
        PROOF.replace(b"index 5", b"index 5\n" + b"A" * 43 + b"=\n" * 1 + b"AAAA"),
        PROOF.replace(b"index 5\n", b"index 5\n" + (b"A" * 43 + b"=\n") * 64),
        "\n".join([LINES[0], *LINES[2:]]).encode(),
        PROOF.replace(b"extra ", b"extra  "),
        PROOF.replace(b"c2sp", b"\xff2sp"),
        PROOF + b"x" * 2_000_000,
        with_extra({}),
        with_extra([]),
        with_extra({"entry": SHOWN.entry, "commitments": PAIRS, "openings": {}, "more": 1}),
        with_extra({"entry": "x", "commitments": PAIRS, "openings": {}}),
        with_extra({"entry": SHOWN.entry, "commitments": PAIRS[::-1], "openings": {}}),
        with_extra({"entry": SHOWN.entry, "commitments": [*PAIRS, PAIRS[-1]], "openings": {}}),
        with_extra({"entry": SHOWN.entry, "commitments": [["a", b"short"]], "openings": {}}),
        with_extra({"entry": SHOWN.entry, "commitments": [["A", bytes(32)]], "openings": {}}),
        with_extra({"entry": SHOWN.entry, "commitments": [b"x"], "openings": {}}),
        with_extra(
            {"entry": SHOWN.entry, "commitments": [], "openings": {"a": {"value": 1, "r": b"x"}}}
        ),
        with_extra(
            {"entry": SHOWN.entry, "commitments": [], "openings": {"a": {"value": [], "r": b""}}}
        ),
        with_extra({"entry": SHOWN.entry, "commitments": [], "openings": {"a": 1}}),
        with_extra({"entry": bytes(65_536), "commitments": [], "openings": {}}),
    ],
)
def test_what_is_no_bundle_is_unreadable(proof: bytes):
    with pytest.raises(Unreadable):
        parse_bundle(proof)


@given(st.binary(max_size=300))
def test_any_bytes_are_unreadable_rather_than_a_crash(data: bytes):
    with pytest.raises(Unreadable):
        parse_bundle(data)


@given(st.binary(max_size=300))
def test_any_extra_line_is_read_or_unreadable(data: bytes):
    line = "extra " + base64.b64encode(data).decode()
    with pytest.raises(Unreadable):
        parse_bundle("\n".join([LINES[0], line, *LINES[2:]]).encode())


@given(st.integers(0, len(PROOF) - 1), st.integers(1, 255))
def test_a_changed_bundle_is_another_or_unreadable(at: int, change: int):
    changed = PROOF[:at] + bytes([PROOF[at] ^ change]) + PROOF[at + 1 :]
    with contextlib.suppress(Unreadable):
        assert encode_bundle(parse_bundle(changed)) == changed
