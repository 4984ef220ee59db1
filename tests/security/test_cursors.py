import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.errors import Rejected
from chronicle.security.cursors import Cursors
from tests.fakes.world import keyring


@given(st.binary(max_size=64))
def test_a_cursor_leads_back_to_its_position(position: bytes) -> None:
    cursors = Cursors(keyring())
    assert cursors.decode("uploads", cursors.encode("uploads", position)) == position


@given(st.text(max_size=80))
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Rejected, match="invalid_cursor"):
        Cursors(keyring()).decode("uploads", cursor)


def test_a_cursor_of_one_list_is_refused_by_another() -> None:
    cursors = Cursors(keyring())
    cursor = cursors.encode("uploads", b"x")
    with pytest.raises(Rejected, match="invalid_cursor"):
        cursors.decode("sessions", cursor)


def test_a_cursor_under_another_key_is_refused() -> None:
    cursor = Cursors(keyring("theirs")).encode("uploads", b"x")
    with pytest.raises(Rejected, match="invalid_cursor"):
        Cursors(keyring("ours")).decode("uploads", cursor)
