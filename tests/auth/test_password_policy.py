import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.auth.familiar_words import PasswordOwner, left_without
from chronicle.auth.password_policy import LONGEST, SHORTEST, PasswordPolicy
from chronicle.auth.password_strength import _STANDS_FOR_A_LETTER, _pieces
from chronicle.errors import Rejected
from tests.fakes.breaches import ListedBreaches
from tests.fakes.faults import Fault

POLICY = PasswordPolicy(("chronicle", "records.example.com"), breached=None)
ADA = PasswordOwner("ada.lovelace@engine-works.org", "Augusta Ada King")
GOOD = "seven lamps over a quiet harbour"


async def refusal(
    password: str, owner: PasswordOwner | None = ADA, policy: PasswordPolicy = POLICY
) -> str | None:
    """Why a password is refused, or None."""
    try:
        await policy.accept(password, owner)
    except Rejected as rejected:
        refused = rejected
    else:
        return None
    (wrong,) = refused.fields
    assert (refused.code, wrong.field) == ("invalid_request", "password")
    assert refused.message == f"password: {wrong.message}"
    return wrong.message


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "another fifteen characters",
        "a third one that only I know",
        "xK9#mQ2$vL5nR8w",
        "tkzq wvmb rnpl dhgs",
        "839201746583926150",
        "\U0001f98a\U0001f33b\U0001f6b2\U0001f3bb\U0001f9ed" * 2 + "\U0001f30b\U0001f40c\U0001f9f5"
        "\U0001f511\U0001f955",
        "сегодня в саду тихо и пахнет липой",
        "昨日の夜に港で七つの灯りを見ました",
        "my daughter calls every lace-maker lovely",
        "chronicle of one seven-legged wandering goat",
        "x" * 20 + GOOD,
        GOOD + "!" * (LONGEST - len(GOOD)),
    ],
)
async def test_a_password_that_nobody_would_guess_is_taken(password: str) -> None:
    assert await refusal(password) is None


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "has 0 characters"),
        ("xK9#mQ2$vL5nR8", "has 14 characters"),
        (GOOD + "!" * (LONGEST + 1 - len(GOOD)), "has 257 characters"),
        ("aaaaaaaaaaaaaaa", "repeats itself"),
        ("a" * LONGEST, "repeats itself"),
        ("abcabcabcabcabcabc", "repeats itself"),
        ("passwordpassword", "repeats itself"),
        ("Pa$$w0rdPa$$w0rd", "repeats itself"),
        ("123456789012345", "is easy to guess"),
        ("abcdefghijklmno", "alphabet"),
        ("qwertyuiopasdfghjkl", "is easy to guess"),
        ("password12345678", "is easy to guess"),
        ("Password!!!!!!!!!!", "is easy to guess"),
        ("letmeinplease12", "is easy to guess"),
        ("dragonmonkeyfootball", "is easy to guess"),
        ("1234567890" * 25, "is easy to guess"),
        ("correct horse battery staple", "everybody knows"),
        ("CorrectHorseBatteryStaple", "everybody knows"),
        ("C0rrect-H0rse-Battery-$taple-1", "everybody knows"),
        ("to be or not to be, that is the question", "everybody knows"),
        ("ada.lovelace@engine-works.org", "your name, your address"),
        ("AdaLovelace1815!!", "your name, your address"),
        ("4d4.L0v3l4c3......", "your name, your address"),
        ("L-o-v-e-l-a-c-e-1-8-1-5", "your name, your address"),
        ("ecalevol1815ecalevol", "your name, your address"),
        ("ATSUGUAaugusta1815", "your name, your address"),
        ("engine works 1843", "your name, your address"),
        ("Chronicle-2026-11-23", "your name, your address"),
        ("ch\u0155onicle records!", "your name, your address"),
    ],
)
async def test_a_password_that_a_guesser_tries_early_is_refused_in_words(
    password: str, words: str
) -> None:
    assert words in (await refusal(password) or "was taken")


async def test_what_is_known_of_one_person_is_no_trouble_to_another() -> None:
    password = "lovelace wrote augusta"
    assert "your name" in (await refusal(password) or "")
    assert await refusal(password, PasswordOwner("charles@difference.example.net")) is None


async def test_short_names_inside_other_words_are_no_trouble() -> None:
    owner = PasswordOwner("al@io.org", "Jo Li Al A B C D E F G H I J K")
    assert await refusal(GOOD, owner) is None


async def test_without_its_owner_a_password_waits_for_the_second_look() -> None:
    accepted = await POLICY.accept("augusta ada king lovelace", None)
    with pytest.raises(Rejected) as rejected:
        POLICY.check_owner(accepted, ADA, field="new_password")
    assert rejected.value.fields[0].field == "new_password"


async def test_length_counts_code_points_of_the_nfc_form() -> None:
    assert await POLICY.accept("e\u0301" + "seven lamps ov") == "\u00e9seven lamps ov"
    assert "has 14 characters" in (await refusal("e\u0301" * 14) or "")


async def test_a_breached_password_is_refused() -> None:
    breaches = ListedBreaches(GOOD)
    policy = PasswordPolicy((), breaches)
    assert "data breach" in (await refusal(GOOD, policy=policy) or "")
    assert await refusal(GOOD + " too", policy=policy) is None


async def test_nothing_is_asked_about_a_password_that_is_refused_anyway() -> None:
    breaches = ListedBreaches()
    await refusal("password12345678", policy=PasswordPolicy((), breaches))
    assert breaches.asked == []


async def test_while_breaches_can_not_be_looked_up_passwords_are_taken_and_a_line_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    breaches = ListedBreaches(GOOD)
    breaches.faults.always = Fault.FAILS
    with caplog.at_level(logging.WARNING):
        assert await refusal(GOOD, policy=PasswordPolicy((), breaches)) is None
    (line,) = caplog.records
    assert "not looked up" in line.message
    assert GOOD not in caplog.text


@given(
    st.text(st.sampled_from("4@8({[<3691!|70$5+%2abs"), min_size=SHORTEST, max_size=LONGEST),
)
def test_no_piece_that_is_judged_could_hold_a_core_for_long(password: str) -> None:
    pieces = list(_pieces(password))
    assert "".join(pieces) == password[:64]
    for piece in pieces:
        assert 1 <= len(piece) <= 32
        assert len(set(piece) & _STANDS_FOR_A_LETTER) <= 10


@given(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=LONGEST),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=100),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=200),
)
async def test_any_text_is_judged(password: str, local: str, name: str) -> None:
    owner = PasswordOwner(f"{local}@example.org", name)
    await refusal(password, owner)
    left = left_without(password, owner.words())
    assert left is None or left >= 0


@pytest.mark.parametrize("password", ["xK9#mQ2$", "zebra7kite", "tkzqwvmb", GOOD])
async def test_beside_a_second_factor_eight_characters_will_do(password: str) -> None:
    assert await POLICY.accept(password, ADA, alone=False) == password


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("xK9#mQ2", "has 7 characters; take 8 to 256"),
        ("passw0rd", "is easy to guess"),
        ("qwertyui", "is easy to guess"),
        ("Summer24!", "is easy to guess"),
        ("Ada+King", "is made of your name"),
        ("correct horse battery staple", "is a phrase that everybody knows"),
    ],
)
async def test_also_beside_a_second_factor_a_password_must_not_be_guessed(
    password: str, words: str
) -> None:
    with pytest.raises(Rejected, match=re.escape(words)):
        await POLICY.accept(password, ADA, alone=False)


async def test_a_password_is_alone_unless_it_is_said_that_it_is_not() -> None:
    assert await refusal("xK9#mQ2$") == "has 8 characters; take 15 to 256"
    taken = "Lovelace zebra7kite"
    POLICY.check_owner(taken, ADA, alone=False)
    with pytest.raises(Rejected, match="take 15 or more"):
        POLICY.check_owner(taken, ADA)
