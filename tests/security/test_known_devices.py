"""Tokens of known devices: what was issued here is told from what was made up, without a table."""

from typing import Any, cast

from hypothesis import example, given
from hypothesis import strategies as st

from chronicle.security.encryption import BlindIndex, FieldCipher
from chronicle.security.known_devices import DeviceBook
from chronicle.security.visitors import Visitor
from tests.fakes.world import FakeWorld, keyring

BROWSER = Visitor("192.0.2.7", "Firefox")


class NoTable:
    """A table that nobody may ask."""

    async def find(self, token_hash: bytes, **_: object) -> None:
        raise AssertionError("the table was asked")


def a_book(installation: str = "test") -> DeviceBook:
    keys = keyring(installation)
    return DeviceBook(cast(Any, NoTable()), FieldCipher(keys), BlindIndex(keys), FakeWorld().world)


def test_a_token_that_was_issued_is_genuine() -> None:
    book = a_book()
    for _ in range(20):
        token, _record = book.first_use(b"a" * 16, BROWSER, epoch=0)
        assert book.genuine(token) == token


@given(place=st.integers(0, 63), other=st.sampled_from("AQgw-_19zZ"))
def test_a_token_with_another_character_in_it_is_not(place: int, other: str) -> None:
    book = a_book()
    token, _ = book.first_use(b"a" * 16, BROWSER, epoch=0)
    altered = token[:place] + other + token[place + 1 :]
    assert book.genuine(altered) == (token if altered == token else None)


def test_a_token_in_another_spelling_of_base64_is_not() -> None:
    book = a_book()
    tokens = [book.first_use(b"a" * 16, BROWSER, epoch=0)[0] for _ in range(20)]
    others = [token.translate(str.maketrans("-_", "+/")) for token in tokens]
    assert others != tokens
    assert not any(map(book.genuine, set(others) - set(tokens)))


@given(st.text(max_size=80) | st.text("AQgw-_=", min_size=60, max_size=68))
@example("")
@example("A" * 64)
@example("A" * 43)
@example("\ud800")
@example("A" * 63 + "é")
def test_what_was_made_up_is_not(token: str) -> None:
    assert a_book().genuine(token) is None


def test_a_token_of_another_installation_is_not() -> None:
    token, _ = a_book("elsewhere").first_use(b"a" * 16, BROWSER, epoch=0)
    assert a_book().genuine(token) is None
