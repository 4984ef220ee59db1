import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.errors import Rejected
from chronicle.users.emails import parse_email


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  Ada@Example.ORG ", "ada@example.org"),
        ("STRASSE@example.org", "strasse@example.org"),
        ("straße@example.org", "strasse@example.org"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada.l+tag@example.org", "ada.l+tag@example.org"),
        ("e\u0301ve@example.org", "\u00e9ve@example.org"),
        ("ada@exa\uff4dple.org", "ada@example.org"),
    ],
)
def test_spellings_of_one_address_have_one_canonical_form(typed: str, canonical: str) -> None:
    assert parse_email(typed).canonical == canonical


def test_the_entered_spelling_is_kept_for_delivery() -> None:
    assert parse_email(" Ada.L@Example.org").entered == "Ada.L@example.org"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@example",
        "ada@example.org.",
        "ada@ex ample.org",
        "a da@example.org",
        "ada@@example.org",
        "ada@b@example.org",
        "ada\n@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        "ada\u0000@example.org",
        "ada\u202e@example.org",
        ".ada@example.org",
        "ada.@example.org",
        "a..da@example.org",
        "ada@-example.org",
        "ada@exa_mple.org",
        '"ada"@example.org',
        "Ada <ada@example.org>",
        "a" * 65 + "@example.org",
        "ada@" + "a" * 64 + ".org",
        "ada@" + ".".join(["a" * 60] * 5),
    ],
)
def test_what_is_no_address_is_refused_for_the_field(typed: str) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_email(typed)
    assert [field.field for field in refusal.value.fields] == ["email"]


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_refusal_and_the_form_is_stable(typed: str) -> None:
    try:
        address = parse_email(typed)
    except Rejected:
        return
    assert parse_email(address.entered).canonical == address.canonical
    assert parse_email(address.canonical).canonical == address.canonical
