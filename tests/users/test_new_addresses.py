"""Addresses that are to become an account's: what passes for another is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.errors import Rejected
from chronicle.users.emails import parse_email, parse_new_email

ADDRESSES = {
    "m as r and n": "modern@example.org",
    "and the other": "modem@example.org",
    "zeros and ones": "l0ve1I@example.org",
    "a German domain": "jörg@bücher.example",
    "sharp s": "strauß@example.org",
    "French": "anaïs.lefèvre+liste@example.fr",
    "French that has no other letter": "sœur@cœur.fr",
    "Danish": "lærke@blåbær.dk",
    "Icelandic": "Ægir@example.is",
    "Turkish": "ışıl@example.com.tr",
    "Turkish elsewhere": "yıldırım@example.org",
    "Vietnamese": "nguyễn@example.vn",
    "Cyrillic": "ольга@пример.рф",
    "Cyrillic elsewhere": "ольга@example.org",
    "Cyrillic that looks Latin, at home": "хор@пример.рф",
    "a Cyrillic label that looks Latin, at home": "ольга@хор.рф",
    "a tag in another script": "ольга+news@example.org",
    "digits": "ольга1985@example.org",
    "Greek": "γιώργος@παράδειγμα.ελ",
    "Hebrew": "שרה@דוגמה.קום",
    "Arabic": "محمد@مثال.السعودية",
    "Hindi": "राम@उदाहरण.भारत",
    "Thai": "สมชาย@ตัวอย่าง.ไทย",
    "Japanese": "山田hanakoさくら@例え.テスト",
    "Korean": "철수kim@예시.한국",
    "Chinese": "李@例子.中国",
}


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_addresses_that_people_have_are_taken(address: str) -> None:
    assert parse_new_email(address) == parse_email(address)


LOOK_ALIKES = {
    "Cyrillic in Latin": "аda@example.org",
    "Greek in Latin": "adaο@example.org",
    "Cyrillic in a Latin label": "ada@exаmple.org",
    "the same, encoded": "ada@xn--exmple-4nf.org",
    "Cyrillic in the top-level domain": "ada@example.оrg",
    "both in two parts of a name": "а.lovelace@example.org",
    "a Cyrillic label that looks Latin": "ada@аррӏе.com",
    "the same in a Cyrillic domain under a Latin one": "ada@сосо.пример.com",
    "a Cyrillic name that looks Latin": "хор@example.org",
    "with a tag": "хор+news@example.org",
    "with an accent": "хо\u0301р@example.org",
    "in capitals": "ВОРОН@example.org",
    "a Greek one": "κοκο@example.org".replace("κ", "ο"),
    "phonetic letters": "gooɡle@example.org",
    "phonetic letters in the domain": "ada@gooɡle.org",
    "a small capital": "ada@ɢoogle.com",
    "another": "ᴀda@example.org",
    "emoji of a letter": "🅰da@example.org",
    "fullwidth": "ａda@example.org",
    "a ligature": "ﬁona@example.org",
    "mathematical": "𝐚𝐝𝐚@example.org",
    "a superscript": "ada²@example.org",
    "a Hangul filler": "ada\u115f@example.org",
    "a grapheme joiner": "a\u034fda@example.org",
    "a variant selector": "ada\ufe00@example.org",
    "one of the later ones": "ada\U000e0100@example.org",
    "Greek capitals of small letters that look Latin": "ΣΟΣ@example.org",
    "digits of two scripts": "राम1२@example.org",
}


@pytest.mark.parametrize("address", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_an_address_that_passes_for_another_is_refused(address: str) -> None:
    parse_email(address)  # an account that has it already goes on signing in
    with pytest.raises(Rejected) as refusal:
        parse_new_email(address)
    assert refusal.value.code == "look_alike"
    assert [field.field for field in refusal.value.fields] == ["email"]


@given(st.text(max_size=60))
def test_any_address_is_taken_as_it_is_or_refused(typed: str) -> None:
    try:
        address = parse_email(typed)
    except Rejected:
        return
    try:
        assert parse_new_email(typed) == address
    except Rejected as refusal:
        assert refusal.code == "look_alike"  # noqa: PT017 - either answer is right


@given(
    st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9+_-]{0,20}[A-Za-z0-9])?", fullmatch=True),
    st.from_regex(r"[a-z0-9]{1,20}\.[a-z]{2,6}", fullmatch=True),
)
def test_no_ascii_address_is_refused_for_its_looks(local: str, domain: str) -> None:
    address = f"{local}@{domain}"
    assert parse_new_email(address) == parse_email(address)
