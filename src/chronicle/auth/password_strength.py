"""How hard a password is to guess, whoever's it is, and what makes one easy, in words.

The judge is zxcvbn: it tries a password as guessers do, from lists of common passwords, words and
names, along keyboards and alphabets, with repeats, dates and the usual swaps of letters.
"""

from collections.abc import Iterator, Sequence

from zxcvbn_rs_py import Warning as Hint
from zxcvbn_rs_py import zxcvbn

ENOUGH_GUESSES_LOG10 = 10
"""Ten thousand million guesses: years, even for a thief of hashes, at the cost of one of ours."""

ENOUGH_BESIDE_A_FACTOR_LOG10 = 8
"""A hundred million: what eight characters drawn at random stand; a thief needs the factor, too."""

_JUDGED = 64
_PIECE = 32
_KINDS = 10
_STANDS_FOR_A_LETTER = frozenset("4@8({[<3691!|70$5+%2")

_ADVICE = "; a few words that have nothing to do with each other are strong"
_UNNAMED = "it is put together from common parts"
_A_LISTED_ONE = "it is, or is close to, a password that many people use"
# Pairs and no mapping: these warnings compare, and do not hash.
_REASONS = (
    (Hint.StraightRowsOfKeysAreEasyToGuess, "it runs along the keys"),
    (Hint.ShortKeyboardPatternsAreEasyToGuess, "it runs along the keys"),
    (Hint.RepeatsLikeAaaAreEasyToGuess, "it repeats itself"),
    (Hint.RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess, "it repeats itself"),
    (Hint.ThisIsATop10Password, _A_LISTED_ONE),
    (Hint.ThisIsATop100Password, _A_LISTED_ONE),
    (Hint.ThisIsACommonPassword, _A_LISTED_ONE),
    (Hint.ThisIsSimilarToACommonlyUsedPassword, _A_LISTED_ONE),
    (Hint.SequencesLikeAbcAreEasyToGuess, "it counts, or follows the alphabet"),
    (Hint.RecentYearsAreEasyToGuess, "it is made of years or dates"),
    (Hint.DatesAreOftenEasyToGuess, "it is made of years or dates"),
    (Hint.AWordByItselfIsEasyToGuess, "it is a common word"),
    (Hint.NamesAndSurnamesByThemselvesAreEasyToGuess, "it is a common name"),
    (Hint.CommonNamesAndSurnamesAreEasyToGuess, "it is made of common names"),
)


def weakness(
    password: str,
    known_words: Sequence[str] = (),
    *,
    enough_log10: float = ENOUGH_GUESSES_LOG10,
) -> str | None:
    """Why a password is easy to guess, as words that follow its name; None when it is not.

    `known_words` are those that a guesser would try first for this person; `enough_log10` is the
    logarithm of how many guesses it must stand. A long password is
    judged by the strongest piece of its beginning, which is never stronger than the whole.
    """
    hint = None
    for piece in _pieces(password):
        judged = zxcvbn(piece, list(known_words))
        if judged.guesses_log10 >= enough_log10:
            return None
        hint = hint or (judged.feedback.warning if judged.feedback else None)
    reasons = (reason for known, reason in _REASONS if known == hint)
    return f"is easy to guess: {next(reasons, _UNNAMED)}{_ADVICE}"


def _pieces(password: str) -> Iterator[str]:
    """The beginning of a password, in pieces that each take milliseconds to judge.

    zxcvbn tries every way in which characters may stand for letters, so that 64 well chosen ones
    hold a core for a second. A word that is spelled with more than ten of them is none.
    """
    piece, kinds = "", set[str]()
    for character in password[:_JUDGED]:
        further = kinds | ({character} & _STANDS_FOR_A_LETTER)
        if len(piece) == _PIECE or len(further) > _KINDS:
            yield piece
            piece, further = "", {character} & _STANDS_FOR_A_LETTER
        piece, kinds = piece + character, set(further)
    yield piece
