"""Texts that can be taken for others: by their scripts, and by the skeleton of what they look like.

After Unicode Technical Standard #39: a word keeps to one script, or to those that Japanese, Korean
and Chinese are written in together with Latin ("Highly Restrictive", section 5.2), and its digits
to one system (5.3). One that keeps to one script can still look like ASCII throughout, such as a
Cyrillic "coco"; what it looks like is in Unicode's table of confusables (section 4).
"""

import contextlib
import itertools
import re
import string
import unicodedata
from importlib import resources

import msgspec
from confusable_homoglyphs import categories

_OF_EVERY_SCRIPT = frozenset({"COMMON", "INHERITED"})
_LATIN = "LATIN"
_WRITTEN_TOGETHER = (
    frozenset({_LATIN, "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({_LATIN, "HAN", "BOPOMOFO"}),
    frozenset({_LATIN, "HAN", "HANGUL"}),
)
# Letters of living alphabets: Turkish, Kabyle, Ewe, Kabiye, Danish, French. They look like "i",
# "y", "u", "i", "ae", "oe".
_LETTERS_IN_USE = frozenset("\u0131\u0263\u028b\u0269\u00e6\u00c6\u0153\u0152")
_LEFT_TO_RIGHT_MARK = "\u200e"
# Default-ignorable code points that are letters, marks or signs: fillers, Khmer's inherent vowels,
# a joiner.
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")


# Letters of ASCII in another dress, which Unicode's table leaves out for the most part.
_DRESSED = (
    "LATIN LETTER SMALL CAPITAL {}",
    "NEGATIVE CIRCLED LATIN CAPITAL LETTER {}",
    "NEGATIVE SQUARED LATIN CAPITAL LETTER {}",
)


class _Alike(msgspec.Struct):
    c: str


def _read_ascii_look_alikes() -> dict[str, str]:
    # The library's own reader takes 14 MiB and a tenth of a second, for names of characters too.
    file = resources.files("confusable_homoglyphs").joinpath("confusables.json")
    table = msgspec.json.decode(file.read_bytes(), type=dict[str, list[_Alike]])
    look_alikes = {}
    for character, alike in table.items():
        for each in alike:
            plain = each.c.strip(_LEFT_TO_RIGHT_MARK)
            if not character.isascii() and plain.isascii() and plain.isalnum():
                look_alikes[character.strip(_LEFT_TO_RIGHT_MARK)] = plain
    return look_alikes


def _dressed_letters() -> dict[str, str]:
    letters = {}
    for dress, letter in itertools.product(_DRESSED, string.ascii_uppercase):
        with contextlib.suppress(KeyError):  # no letter Q or X is a small capital
            letters[unicodedata.lookup(dress.format(letter))] = letter.lower()
    return letters


_ASCII_LOOK_ALIKES = _read_ascii_look_alikes() | _dressed_letters()


def script_of(character: str) -> str:
    """The character's script, as "LATIN"; "COMMON" or "INHERITED" for what goes with any."""
    name: str = categories.alias(character)
    return name


def scripts_of(text: str) -> frozenset[str]:
    """The scripts of a text, without what goes with any."""
    return frozenset(map(script_of, text)) - _OF_EVERY_SCRIPT


def is_filler(character: str) -> bool:
    """Whether it is never seen, though its category says that it could be."""
    return character in _FILLERS


def selects_a_variant(character: str) -> bool:
    """Whether it only says how the character before it is drawn."""
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def mixes_scripts(word: str) -> bool:
    """Whether a word is written in scripts that nobody writes one word in."""
    scripts = scripts_of(word)
    return len(scripts) > 1 and not any(scripts <= together for together in _WRITTEN_TOGETHER)


def mixes_digits(text: str) -> bool:
    """Whether its digits are of more than one system, as in "1२"."""
    zeros = {
        ord(character) - unicodedata.decimal(character)
        for character in text
        if unicodedata.category(character) == "Nd"
    }
    return len(zeros) > 1


def looks_ascii(word: str) -> bool:
    """Whether a word that is not ASCII looks like one that is, but for accents."""
    foreign = [
        character
        for character in unicodedata.normalize("NFD", word)
        if not character.isascii() and unicodedata.category(character) != "Mn"
    ]
    return bool(foreign) and all(
        character in _ASCII_LOOK_ALIKES and character not in _LETTERS_IN_USE
        for character in foreign
    )


def has_latin(text: str) -> bool:
    """Whether any of it is written in Latin letters."""
    return _LATIN in scripts_of(text)


def is_latin(word: str) -> bool:
    """Whether all of it is."""
    return scripts_of(word) == {_LATIN}


def skeleton(text: str) -> str:
    """What a text looks like, as small ASCII letters and digits where it looks like any.

    Accents, spaces and punctuation are left out. Coarser than UTS #39's skeleton, for comparing
    with a few words and nothing else: l, I and 1 are one here, as are 0 and O, rn and m.
    """
    plain = "".join(map(_looks_like, unicodedata.normalize("NFKD", text)))
    return _as_drawn("".join(filter(str.isalnum, plain)))


def _looks_like(character: str) -> str:
    small = character.casefold()
    look = _ASCII_LOOK_ALIKES.get(character) or _ASCII_LOOK_ALIKES.get(small) or small
    return look.casefold()


def _as_drawn(plain: str) -> str:
    return re.sub("[l1]", "i", plain).replace("0", "o").replace("rn", "m")
