import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.ledger.dag_cbor import decode, encode
from chronicle.ledger.entries import (
    NotThisEntry,
    Opening,
    Value,
    check_commitments,
    check_opening,
    commit,
    compose,
    open_fields,
    parse_entry,
)
from chronicle.ledger.failures import Unreadable
from chronicle.ledger.kinds import Kind, in_words
from chronicle.ledger.merkle import leaf_hash
from tests.fakes.ledger import NOW
from tests.ledger.samples import FIELDS, KIND, LEDGER_KEY, NONCE

VALUES = st.text(max_size=40) | st.binary(max_size=40) | st.integers(-(2**63), 2**63 - 1)
FIELD_MAPS = st.dictionaries(st.from_regex(r"[a-j][a-z0-9_]{0,6}", fullmatch=True), VALUES)


def made(fields=FIELDS, *, kind=KIND, key=LEDGER_KEY, nonce=NONCE, at=NOW):
    return compose(kind, fields, ledger_key=key, nonce=nonce, at=at)


def test_the_format_stands_still():
    # Written down when the format was settled: an entry that encodes otherwise is another format.
    composed = made({"cid": "bafkqaaa", "size": 0}, key=bytes(32), nonce=bytes(16))
    assert composed.entry.hex() == (
        "a461635820"
        "ef3d5ba35cafac77bd6928be0e4728b23246c9f92f324ac0d4d491629f75a519"
        "616e50000000000000000000000000000000006174"
        "1a69a42a40617601"
    )
    assert composed.commitments[0][0] == "cid"
    assert (
        composed.commitments[0][1].hex()
        == "c9615cfd2e6a7c1d771067b6f86b7b19b5750bb2d75420ab02e6cd83cfa22399"
    )


def test_every_entry_is_of_one_size_and_shows_only_its_time():
    entries = {len(made({"name": "x" * length}).entry) for length in (0, 1, 300, 70_000)}
    assert entries == {66}
    parsed = parse_entry(made().entry)
    assert (parsed.at, parsed.nonce) == (NOW, NONCE)
    assert b"harbour" not in made().entry


def test_a_leaf_is_the_hash_of_the_entry():
    assert made().leaf == leaf_hash(made().entry)


def test_whole_seconds_are_all_that_is_told():
    assert made(at=NOW + timedelta(microseconds=999_999)).entry == made().entry


@given(FIELD_MAPS)
def test_what_was_composed_opens_and_every_opening_fits(fields: dict[str, Value]):
    composed = made(fields)
    opened = open_fields(composed.entry, KIND, fields, ledger_key=LEDGER_KEY)
    assert opened.commitments == composed.commitments
    assert check_commitments(composed.entry, opened.commitments)
    assert {name: opening.value for name, opening in opened.openings.items()} == {
        "kind": KIND,
        **fields,
    }
    assert all(
        check_opening(opened.commitments, name, opening)
        for name, opening in opened.openings.items()
    )


@pytest.mark.parametrize(
    "changed",
    [
        {**FIELDS, "size": 13},
        {**FIELDS, "note": ""},
        {name: value for name, value in FIELDS.items() if name != "name"},
        {**FIELDS, "size": "12"},
    ],
)
def test_other_fields_do_not_open_an_entry(changed: dict[str, Value]):
    with pytest.raises(NotThisEntry):
        open_fields(made().entry, KIND, changed, ledger_key=LEDGER_KEY)


def test_another_key_or_kind_does_not_open_an_entry():
    with pytest.raises(NotThisEntry):
        open_fields(made().entry, KIND, FIELDS, ledger_key=bytes(32))
    with pytest.raises(NotThisEntry):
        open_fields(made().entry, "upload.removed", FIELDS, ledger_key=LEDGER_KEY)


def test_only_the_wanted_fields_are_opened():
    opened = open_fields(made().entry, KIND, FIELDS, ledger_key=LEDGER_KEY, only={"cid"})
    assert set(opened.openings) == {"cid"}
    assert {name for name, _ in opened.commitments} == {"kind", *FIELDS}


def test_an_opening_fits_no_other_field_value_or_key():
    opened = open_fields(made().entry, KIND, FIELDS, ledger_key=LEDGER_KEY)
    cid = opened.openings["cid"]
    assert not check_opening(opened.commitments, "name", cid)
    assert not check_opening(opened.commitments, "unknown", cid)
    assert not check_opening(opened.commitments, "cid", Opening("bafkother", cid.r))
    assert not check_opening(opened.commitments, "cid", Opening(cid.value, bytes(32)))


def test_a_short_key_is_no_second_key_of_the_same_commitment():
    # HMAC fills a short key with zeros: without a length, `r` and `r` + 0x00 would be one key.
    with pytest.raises(ValueError, match="32 bytes"):
        commit(Opening("x", bytes(31)))


def test_two_entries_of_one_owner_have_nothing_in_common():
    first, second = made(nonce=b"1" * 16), made(nonce=b"2" * 16)
    assert {each for _, each in first.commitments}.isdisjoint(
        each for _, each in second.commitments
    )


def test_a_kind_is_its_text():
    assert made(kind=Kind.UPLOAD_RECEIVED).entry == made(kind="upload.received").entry
    assert in_words("upload.received") == "a file was received"
    assert in_words("of the future") is None
    assert all(in_words(kind) for kind in Kind)


@pytest.mark.parametrize(
    "arguments",
    [
        {"fields": {"kind": "x"}},
        {"fields": {"Name": "x"}},
        {"fields": {"": "x"}},
        {"fields": {"a" * 33: "x"}},
        {"fields": {"a": True}},
        {"fields": {"a": 1.5}},
        {"fields": {"a": None}},
        {"fields": {"a": 2**63}},
        {"fields": {"a": "\ud800"}},
        {"nonce": bytes(15)},
        {"key": bytes(31)},
        {"at": datetime(1970, 1, 1, tzinfo=UTC)},
    ],
)
def test_what_an_entry_can_not_hold_is_refused(arguments: dict[str, object]):
    with pytest.raises(ValueError):  # noqa: PT011 - each case says it in its own words
        made(**arguments)


@given(st.binary(max_size=100))
def test_any_bytes_are_an_entry_or_unreadable(data: bytes):
    with pytest.raises(Unreadable):
        parse_entry(data)


@given(st.integers(0, 65), st.integers(1, 255))
def test_a_changed_entry_is_another_or_unreadable(at: int, change: int):
    entry = made().entry
    changed = entry[:at] + bytes([entry[at] ^ change]) + entry[at + 1 :]
    with contextlib.suppress(Unreadable):
        assert parse_entry(changed) != parse_entry(entry)


@pytest.mark.parametrize(
    "data",
    [
        "",
        "1800",  # 0 in two bytes
        "1b0000000000000001",
        "5f4100ff",  # indefinite length
        "9fff",
        "c11a69a42a40",  # a tag
        "d81c80",
        "f93c00",  # a float
        "f5",
        "f6",
        "a2616101616102",  # one key twice
        "a2616201616102",  # keys out of order
        "a10102",  # a key that is no text
        "a1416101",
        "61ff",  # no UTF-8
        "0000",  # two values
        "8181818181818181818100",  # too deep
        "5affffffff00",
        "9b7fffffffffffffff",
    ],
)
def test_cbor_in_any_other_form_is_refused(data: str):
    with pytest.raises(Unreadable):
        decode(bytes.fromhex(data))


PLAIN = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@given(PLAIN)
def test_every_plain_value_has_one_encoding(value: object):
    try:
        assert decode(encode(value)) == value
    except Unreadable:
        assert encode(value).count(b"\x81") + encode(value).count(b"\xa1") > 0  # nested too deep


@given(st.binary(max_size=200))
def test_any_bytes_are_the_one_encoding_of_a_value_or_unreadable(data: bytes):
    try:
        value = decode(data)
    except Unreadable:
        return
    assert encode(value) == data
