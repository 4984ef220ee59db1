import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.api.strict_json import parse
from chronicle.errors import Rejected

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)


@given(values)
def test_what_json_writes_is_read_back(value: object) -> None:
    for ascii_only in (True, False):
        body = json.dumps(value, ensure_ascii=ascii_only).encode()
        assert parse(body) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_refusal(body: bytes) -> None:
    with contextlib.suppress(Rejected):
        parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": 1, "a": 2}',
        b'{"x": {"a": 1, "\\u0061": 2}}',
        b"1e999",
        b"-1e999",
        b"NaN",
        b"Infinity",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b"9" * 5000,
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b"'a'",
    ],
)
def test_hostile_json_is_refused(body: bytes) -> None:
    with pytest.raises(Rejected) as refusal:
        parse(body)
    assert refusal.value.code == "invalid_json"
    assert len(refusal.value.message) < 200
