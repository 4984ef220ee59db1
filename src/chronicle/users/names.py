"""Names of people: whatever people are called, and nothing that shows other than it is."""

import re
import unicodedata

from chronicle.errors import FieldError, Rejected
from chronicle.users import look_alikes

# Seen only by what they do to their neighbours (UTS #31, 2.3).
_JOINER, _NON_JOINER = "\u200d", "\u200c"
_VIRAMA = 9  # its canonical combining class
# Scripts whose letters join, so that ZWNJ changes how a word is written.
_JOINING_SCRIPTS = frozenset({"ARABIC", "SYRIAC", "MONGOLIAN", "NKO", "MANDAIC", "ADLAM"})
_NOT_CHARACTERS = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LONGEST = 200  # code points
_MOST_MARKS = 4  # UTS #39, 5.4
_TOO_MANY_MARKS = _MOST_MARKS + 1

_IN_BRACKETS = re.compile(r"([^()]+) \(([^()]+)\)")
_BETWEEN_WORDS = re.compile(r"[\s()\[\]{}/,;|&+]+")

_OFFICES = """admin admins administrator administration sysadmin chronicle helpdesk moderator
    operator postmaster root security superuser support webmaster"""
_BESIDE_THEM = "account accounts customer official service staff system team the"


def _as_they_look(words: str) -> str:
    return "|".join(map(look_alikes.skeleton, words.split()))


_OFFICE, _BESIDE = _as_they_look(_OFFICES), _as_they_look(_BESIDE_THEM)
_AN_OFFICE = re.compile(f"(?:{_BESIDE})*(?:{_OFFICE})(?:{_BESIDE}|{_OFFICE})*")


def parse_name(text: str) -> str:
    """Read a name that a person gave: in NFC, without white space around it.

    Raises:
        Rejected: `invalid_request` for the field `name`: blank, too long, or with characters that
            can't be seen; `look_alike`: it can be taken for another name, or for who runs this
            server.
    """
    name = unicodedata.normalize("NFC", text.strip())
    if not name:
        raise _refused("invalid_request", "is blank")
    if len(name) > _LONGEST:  # NFC takes some letters apart
        raise _refused("invalid_request", f"is longer than {_LONGEST} characters")
    if any(_is_unseen(name, at) for at in range(len(name))):
        raise _refused("invalid_request", "has a character that can't be seen")
    if _piles_up_marks(name):
        raise _refused("invalid_request", "has too many marks on one letter")
    _refuse_look_alike(name)
    return name


def parse_edited_name(text: str, *, current: str | None) -> str:
    """As `parse_name`, but the name that an account has already is its own, whatever the rules."""
    if current is not None and text.strip() == current.strip():
        return current
    return parse_name(text)


def _refuse_look_alike(name: str) -> None:
    words = _BETWEEN_WORDS.split(name)
    if any(map(look_alikes.mixes_scripts, words)):
        raise _refused("look_alike", "has a word that mixes alphabets: write it in one")
    if look_alikes.mixes_digits(name):
        raise _refused("look_alike", "has digits of different scripts")
    if any(unicodedata.decomposition(character).startswith("<font>") for character in name):
        raise _refused("look_alike", "has letters that are mathematical signs: use plain ones")
    # Alone, Sarah's Russian name, which looks like "Capa", is a name. Beside Latin it poses as it.
    if any(map(_poses_beside_latin, _written_twice(name))):
        raise _refused("look_alike", "has words of two alphabets that look like one: use one")
    if _AN_OFFICE.fullmatch(look_alikes.skeleton(name)):
        raise _refused("look_alike", "is easily taken for whoever runs this server: choose another")


def _written_twice(name: str) -> tuple[str, ...]:
    """A name, and the same in brackets behind it, as people write theirs for two countries."""
    twice = _IN_BRACKETS.fullmatch(name)
    return twice.groups() if twice else (name,)


def _poses_beside_latin(name: str) -> bool:
    return look_alikes.has_latin(name) and any(map(_poses_as_latin, _BETWEEN_WORDS.split(name)))


def _poses_as_latin(word: str) -> bool:
    # A sign, as that between the names of two who married, is of no alphabet.
    scripts = look_alikes.scripts_of(word)
    return bool(scripts) and not look_alikes.has_latin(word) and look_alikes.looks_ascii(word)


def _is_unseen(name: str, at: int) -> bool:
    character = name[at]
    if character in {_JOINER, _NON_JOINER}:
        return not _joins(name, at)
    category = unicodedata.category(character)
    if look_alikes.selects_a_variant(character):
        return not _has_variants(name[at - 1 : at])
    return category in _NOT_CHARACTERS or look_alikes.is_filler(character)


def _joins(name: str, at: int) -> bool:
    """Whether a joiner changes what is seen: by a virama, between joining letters or emoji."""
    before, after = name[:at], name[at + 1 :]
    if any(each and unicodedata.combining(each) == _VIRAMA for each in (before[-1:], after[:1])):
        return True
    left = before.rstrip("".join(filter(_is_mark, before)))[-1:]
    right = after[:1]
    if not left or not right:
        return False
    if name[at] == _NON_JOINER:
        return {look_alikes.script_of(left), look_alikes.script_of(right)} <= _JOINING_SCRIPTS
    return unicodedata.category(left) in {"So", "Sk"} and unicodedata.category(right) == "So"


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _has_variants(character: str) -> bool:
    # Names of people in Japan tell 辻 with one dot from that with two; emoji have a style.
    return bool(character) and (
        look_alikes.script_of(character) == "HAN" or unicodedata.category(character) == "So"
    )


def _piles_up_marks(name: str) -> bool:
    marks = 0
    for character in unicodedata.normalize("NFD", name):
        marks = marks + 1 if unicodedata.category(character) == "Mn" else 0
        if marks == _TOO_MANY_MARKS:
            return True
    return False


def _refused(code: str, why: str) -> Rejected:
    return Rejected(code, f"name: {why}", fields=(FieldError("name", why),))
