"""Which passwords may be set: long ones that nobody would guess and no breach has shown.

Nothing is asked of their composition (NIST SP 800-63B 3.1.1.2). docs/passwords.md has the rules in
words, and ADR 3 what speaks for them.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from chronicle.auth.familiar_words import (
    PasswordOwner,
    left_without,
    left_without_famous_phrases,
)
from chronicle.auth.password_strength import (
    ENOUGH_BESIDE_A_FACTOR_LOG10,
    ENOUGH_GUESSES_LOG10,
    weakness,
)
from chronicle.auth.passwords import normalize_password
from chronicle.auth.ports import BreachedPasswords
from chronicle.errors import FieldError, Rejected, Unavailable

SHORTEST = 15
SHORTEST_WITH_FACTOR = 8
"""Where a second factor is asked for beside it (NIST SP 800-63B 3.1.1.2)."""
LONGEST = 256

# An initial is no word: any password could be spelled with a few of them.
_WORD = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Bar:
    """How long a password must be, and how many guesses it must stand."""

    shortest: int
    guesses_log10: float


ALONE = _Bar(SHORTEST, ENOUGH_GUESSES_LOG10)
WITH_FACTOR = _Bar(SHORTEST_WITH_FACTOR, ENOUGH_BESIDE_A_FACTOR_LOG10)


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """Decides at sign-up, change and reset. Without `breached`, no breach is asked about.

    `service_words` are what a guesser would try first here: the product's name, the host's.
    """

    service_words: tuple[str, ...]
    breached: BreachedPasswords | None

    async def accept(
        self,
        password: str,
        owner: PasswordOwner | None = None,
        *,
        field: str = "password",
        alone: bool = True,
    ) -> str:
        """The NFC form of a password that may be set.

        `alone` says that no second factor is asked for beside it. Where the owner must not be
        known yet, because the caller has proved nothing, leave them out, and call `check_owner`
        afterwards.

        Raises:
            Rejected: `invalid_request` for `field`.
        """
        bar = ALONE if alone else WITH_FACTOR
        normal = normalize_password(password)
        _refuse(field, _length_trouble(normal, bar) or _common_trouble(normal, bar))
        self._check_words(normal, owner.words() if owner else (), field, bar)
        await self._check_breaches(normal, field)
        return normal

    def check_owner(
        self, accepted: str, owner: PasswordOwner, *, field: str = "password", alone: bool = True
    ) -> None:
        """Refuse an accepted password that is made of what is known of its owner.

        Raises:
            Rejected: `invalid_request` for `field`.
        """
        self._check_words(accepted, owner.words(), field, ALONE if alone else WITH_FACTOR)

    def _check_words(self, normal: str, of_owner: Iterable[str], field: str, bar: _Bar) -> None:
        words = (*self.service_words, *of_owner)
        left = left_without(normal, words)
        if left is not None and left < bar.shortest:
            _refuse(
                field,
                "is made of your name, your address or this site's name: without them, "
                f"{left} letters and digits are left; take {bar.shortest} or more",
            )
        known = [word for word in words if len(word) >= _WORD]
        _refuse(field, weakness(normal, known, enough_log10=bar.guesses_log10))

    async def _check_breaches(self, normal: str, field: str) -> None:
        if self.breached is None:
            return
        try:
            known = await self.breached.contains(normal)
        except Unavailable as error:
            # Refusing everybody while a service elsewhere is down would protect nobody.
            _log.warning("a password was not looked up among breached ones: %s", error)
            return
        if known:
            _refuse(field, "has been in a data breach, so guessers know it; take another")


def _length_trouble(normal: str, bar: _Bar) -> str | None:
    if bar.shortest <= len(normal) <= LONGEST:
        return None
    return f"has {len(normal)} characters; take {bar.shortest} to {LONGEST}"


def _common_trouble(normal: str, bar: _Bar) -> str | None:
    left = left_without_famous_phrases(normal)
    if left is None or left >= bar.shortest:
        return None
    return "is a phrase that everybody knows; take words of your own"


def _refuse(field: str, why: str | None) -> None:
    if why is not None:
        wrong = FieldError(field, why)
        raise Rejected(message=f"{field}: {why}", fields=(wrong,))
