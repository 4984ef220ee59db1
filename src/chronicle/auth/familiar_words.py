"""Words that count for nothing in a password: famous phrases, and what is known of its owner.

They are found however they are written: in any case, with spaces, punctuation or accents, with
digits and signs in place of letters, and the owner's words backwards too.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby

# Shorter words turn up inside others by chance.
_SHORTEST_WORD = 4

# One letter for each set of signs that are used for each other.
_LOOK_ALIKES = str.maketrans("4@8({[30169!|l5$7+2", "aabccceoiigiiissttz")


@dataclass(frozen=True, slots=True)
class PasswordOwner:
    """What anybody may know of the person whose password it is."""

    email: str
    name: str | None = None

    def words(self) -> Iterator[str]:
        """Address and name, whole and in parts."""
        local, _, domain = self.email.rpartition("@")
        yield from (self.email, local, domain, *domain.split(".")[:-1])
        yield from ("".join(letters) for are, letters in groupby(local, str.isalpha) if are)
        if self.name:
            yield from (self.name, *self.name.split())


def left_without(password: str, words: Iterable[str]) -> int | None:
    """How many characters a password has beside these words; None when it holds none of them.

    Neither white space nor punctuation counts.
    """
    plain = {_plain(word) for word in words}
    both_ways = plain | {word[::-1] for word in plain}
    return _left(password, (word for word in both_ways if len(word) >= _SHORTEST_WORD))


def left_without_famous_phrases(password: str) -> int | None:
    """How many characters a password has beside phrases that everybody knows; else None."""
    return _left(password, _famous_phrases())


@cache
def _famous_phrases() -> frozenset[str]:
    listed = resources.files(__package__).joinpath("famous_phrases.txt").read_text(encoding="utf-8")
    return frozenset(map(_plain, listed.splitlines()))


def _left(password: str, words: Iterable[str]) -> int | None:
    plain = left = _plain(password)
    for word in sorted(words, key=len, reverse=True):
        left = left.replace(word, "")
    return None if left == plain else len(left)


def _plain(text: str) -> str:
    """A text without case, accents, spaces, punctuation, and signs in place of letters."""
    folded = unicodedata.normalize("NFKD", text.casefold()).translate(_LOOK_ALIKES)
    return "".join(each for each in folded if unicodedata.category(each)[0] not in "MPZ")
