import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.errors import Rejected
from chronicle.users.names import parse_name

PEOPLE = {
    "English": "Ada Lovelace",
    "Irish": "Sinéad O'Connor",
    "Irish, typographic": "Sinéad O’Connor",
    "French": "Anaïs d’Œuvre-Lefèvre",
    "Spanish": "M.ª José Núñez",
    "German": "Jörg Weiß, Dr.",
    "Icelandic": "Þórður Ægisson",
    "Polish": "Łukasz Żółć",
    "Serbian": "Đorđe Ǆurić",
    "Dutch": "Ĳsbrand van ’t Hoff",
    "Turkish": "Işıl Yıldırım İnce",
    "Vietnamese": "Nguyễn Thị Phương",
    "Hawaiian": "Kaʻahumanu",
    "Ewe": "Ɖekawɔwɔ Ʋɔnu",
    "Greek": "Γεώργιος Παπαδόπουλος",
    "Russian": "Ольга Сергеевна",
    "Russian that looks Latin": "Сара Рос",
    "Ukrainian": "Дем'янчук Мар’яна",
    "Armenian": "Սոս Հովհաննիսյան",
    "Georgian": "ნინო ბერიძე",
    "Hebrew": "שָׂרָה בַּת־שֶׁבַע",
    "Arabic": "محمّد عبد الرحمـن",
    "Persian with ZWNJ": "سیده\u200cزهرا میرزایی",
    "Hindi with ZWJ": "क्\u200dषमा शर्मा",
    "Nepali with ZWNJ": "श्रीमान्\u200cको राम",
    "Marathi, eyelash ra": "र\u200d्याची",
    "Tamil": "கௌசல்யா",
    "Sinhala with ZWJ": "ශ්\u200dරී ලාල්",
    "Bengali": "প্রিয়াঙ্কা",
    "Thai": "สมชาย ใจดี",
    "Khmer": "សុខ វណ្ណា",
    "Amharic": "ሰላም ኃይሌ",
    "Japanese": "山田　花子",
    "Japanese, all its scripts": "ジョン・Smith山田さくら",
    "Japanese, long vowels": "エリー",
    "Japanese, one of two forms": "辻\U000e0100 渡邉\ufe00",
    "Chinese": "欧阳娜娜",
    "Chinese with Bopomofo": "李ㄌㄧˇ Lee",
    "Korean": "김철수",
    "Korean with Latin": "김철수Kim 金哲秀",
    "two names of one person": "Анна (Anna) Smith",
    "one that looks Latin, written for two countries": "Вера (Vera)",
    "the same the other way round": "Anna Karenina (Анна Карева)",
    "Greek that looks Latin, for two countries": "Ρία (Ria)",
    "two more": "أحمد Ahmed",
    "a Thai nickname": "ดาว Dao",
    "a number": "Louis 2",
    "Devanagari digits": "राम २",
    "emoji": "Ada 🌸",
    "emoji that are joined": "Ada 👩🏽\u200d💻 ❤\ufe0f\u200d🔥",
    "a sign": "Smith × Jones",
    "another": "Ada ∞",
    "emoji of a letter": "Ada 🅰",
    "a surname that is an office": "Joe Root",
    "one more": "Marion Administrator-Jones",
    "one that begins like one": "Rootsey",
}


@pytest.mark.parametrize("name", PEOPLE.values(), ids=PEOPLE)
def test_people_are_called_what_they_are_called(name: str) -> None:
    assert parse_name(name) == unicodedata.normalize("NFC", name)


def test_a_name_is_kept_in_one_form() -> None:
    assert parse_name("  Zoe\u0308 \u3000") == "Zo\u00eb"


def test_a_name_is_as_long_as_it_is_kept() -> None:
    in_two_pieces = "\u0958"  # which is how NFC has it
    assert len(parse_name(in_two_pieces * 100)) == 200
    with pytest.raises(Rejected, match="longer than 200"):
        parse_name(in_two_pieces * 101)


LOOK_ALIKES = {
    "Cyrillic in Latin": "А" + "da",
    "Cyrillic in Latin, at the end": "Ad" + "а",
    "Greek in Latin": "Αlaska",
    "Armenian in Latin": "Ada Lօvelace",
    "Cherokee in Latin": "ᎪdaX",
    "both at a hyphen": "Ольга-Anna",
    "Cyrillic that looks Latin beside Latin": "Сара Lovelace",
    "the same in brackets": "(Сара) Lovelace",
    "Greek that looks Latin beside Latin": "Lovelace Ο.",
    "Kana with Hangul": "カ김",
    "mathematical letters": "𝖠𝖽𝖺",
    "a mathematical digit": "Ada 𝟏",
    "digits of two scripts": "Ada 1२",
    "an office": "Administrator",
    "an office and its team": "The Chronicle Support Team",
    "an office, spaced": "a d m i n",
    "an office with accents": "Ädmín",
    "an office in fullwidth": "ｓｕｐｐｏｒｔ",
    "an office in circles": "ⓢⓔⓒⓤⓡⓘⓣⓨ",
    "an office with signs": "~ root ~",
    "an office with digits that look like letters": "R00t",
    "an office with r and n": "adrnin",
    "an office in phonetic letters": "rᴏᴏt",
    "an office with l": "admln",
    "an office with a one": "Adm1n",
    "an office with a small letter's capital": "Ɑdmin",
    "an office with a capital alone alike": "ƦOOT",
    "an office in small capitals": "ᴀᴅᴍɪɴ",
    "the product in them": "ᴄʜʀᴏɴɪᴄʟᴇ",
    "an office in filled circles": "🅐🅓🅜🅘🅝",
    "an office in filled squares": "🅰🅳🅼🅸🅽",
    "an office in Lisu": "ꓣꓳꓳꓔ",
}


@pytest.mark.parametrize("name", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_a_name_that_passes_for_another_is_refused(name: str) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_name(name)
    assert refusal.value.code == "look_alike"
    assert [field.field for field in refusal.value.fields] == ["name"]


UNSEEN = {
    "nothing": " \u3000\u00a0",
    "a line": "Ada\nLovelace",
    "a null": "Ada\u0000",
    "right-to-left override": "\u202eadA",
    "an isolate": "\u2066Ada\u2069",
    "a mark of direction": "Ada\u200f",
    "a soft hyphen": "A\u00adda",
    "zero-width space": "A\u200bda",
    "a word joiner": "A\u2060da",
    "a tag": "Ada\U000e0041",
    "a filler": "\u3164",
    "a narrow filler": "Ada \uffa0",
    "an empty braille cell": "\u2800",
    "a grapheme joiner": "A\u034fda",
    "a joiner in Latin": "A\u200dda",
    "a non-joiner in Latin": "A\u200cda",
    "a joiner at the end": "राम\u200d",
    "a joiner after emoji": "Ada 🌸\u200d",
    "a non-joiner among emoji": "🌸\u200c🌸",
    "a variant of a letter": "A\ufe0eda",
    "private use": "Ada\ue000",
    "not assigned": "Ada\u0378",
    "a lone surrogate": "Ada\ud800",
    "a pile of marks": "A" + "\u0338\u0315\u031b\u0322\u0327" + "da",
}


@pytest.mark.parametrize("name", UNSEEN.values(), ids=UNSEEN)
def test_a_name_with_what_nobody_sees_is_refused(name: str) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_name(name)
    assert refusal.value.code == "invalid_request"
    assert [field.field for field in refusal.value.fields] == ["name"]


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_a_refusal_and_the_form_is_stable(text: str) -> None:
    try:
        name = parse_name(text)
    except Rejected:
        return
    assert parse_name(name) == name


_CYRILLIC_FOR_LATIN = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")


@given(st.text(alphabet="abcdefopxyABCDEHKMOPTX", min_size=2, max_size=12), st.data())
def test_no_letter_of_a_latin_name_can_be_a_cyrillic_one(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 1))
    name = f"d{name}"
    forged = name[: at + 1] + name[at + 1].translate(_CYRILLIC_FOR_LATIN) + name[at + 2 :]
    if forged == name:
        return
    with pytest.raises(Rejected, match="look_alike"):
        parse_name(forged)
