import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.auth.codes import new_code, read_code, show_code


@given(st.binary(min_size=5, max_size=5))
def test_a_code_is_read_back_however_it_is_typed(drawn: bytes) -> None:
    code = new_code(lambda count: drawn[:count])
    shown = show_code(code)
    assert len(shown) == 9
    for typed in (shown, code, shown.lower(), f" {shown} ", " ".join(code)):
        assert read_code(typed) == code


def test_every_bit_drawn_counts() -> None:
    codes = {new_code(lambda _, bit=bit: (1 << bit).to_bytes(5, "big")) for bit in range(40)}
    assert len(codes) == 40


def test_letters_that_look_like_digits_are_taken_for_them() -> None:
    assert read_code("O1IL-oilq") == "0111011Q"


@pytest.mark.parametrize(
    "typed", ["", "7K3M", "7K3M-Q9TDX", "7K3M-Q9TU", "7K3M-Q9T!", "\u0667K3M-Q9TD"]
)
def test_what_is_no_code_is_none(typed: str) -> None:
    assert read_code(typed) is None
