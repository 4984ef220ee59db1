import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.security.encryption import BlindIndex, FieldCipher, SealBroken
from chronicle.security.keys import Key, Purpose, State
from tests.fakes.world import keyring

PLACE = {"table": "accounts", "record": b"1" * 16, "field": "email"}


@given(st.binary(max_size=300))
def test_a_sealed_value_opens_where_it_was_sealed(plaintext: bytes) -> None:
    cipher = FieldCipher(keyring())
    sealed = cipher.seal(plaintext, **PLACE)
    assert cipher.open(sealed, **PLACE) == plaintext
    assert len(sealed) == len(plaintext) + 37


@pytest.mark.parametrize(
    "elsewhere",
    [{"table": "sessions"}, {"record": b"2" * 16}, {"field": "name"}, {"record": b"1" * 15}],
)
def test_a_value_moved_to_another_place_does_not_open(elsewhere: dict[str, object]) -> None:
    cipher = FieldCipher(keyring())
    sealed = cipher.seal(b"ada@example.org", **PLACE)
    with pytest.raises(SealBroken):
        cipher.open(sealed, **(PLACE | elsewhere))


@given(st.data())
def test_a_value_with_any_bit_turned_does_not_open(data: st.DataObject) -> None:
    cipher = FieldCipher(keyring())
    sealed = bytearray(cipher.seal(b"ada@example.org", **PLACE))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken):
        cipher.open(bytes(sealed), **PLACE)


@given(st.binary(max_size=80))
def test_made_up_bytes_do_not_open(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        FieldCipher(keyring()).open(sealed, **PLACE)


def test_the_same_value_never_looks_the_same_twice() -> None:
    cipher = FieldCipher(keyring())
    assert cipher.seal(b"ada", **PLACE) != cipher.seal(b"ada", **PLACE)


def test_a_retired_key_still_reads_and_no_longer_writes() -> None:
    before = keyring("before")
    old = before.active(Purpose.FIELD)
    sealed = FieldCipher(before).seal(b"ada", **PLACE)
    retired = Key(old.id, old.purpose, State.RETIRED, old.secret)
    after = FieldCipher(keyring("after", retired=(retired,)))
    assert after.open(sealed, **PLACE) == b"ada"
    with pytest.raises(SealBroken):
        FieldCipher(before).open(after.seal(b"ada", **PLACE), **PLACE)


def test_blind_indexes_differ_by_value_by_column_and_by_key() -> None:
    index = BlindIndex(keyring())
    same = index.of("ada@example.org", column="accounts.email")
    assert same == index.of("ada@example.org", column="accounts.email")
    others = {
        index.of("bob@example.org", column="accounts.email"),
        index.of("ada@example.org", column="tickets.code"),
        BlindIndex(keyring("other")).of("ada@example.org", column="accounts.email"),
    }
    assert len(others - {same}) == 3


def test_no_key_shows_its_secret() -> None:
    key = keyring().active(Purpose.FIELD)
    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in repr(key)
