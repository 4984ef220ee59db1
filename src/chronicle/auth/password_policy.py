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
from chronicle.auth.password_strength import weakness
from chronicle.auth.passwords import normalize_password
from chronicle.auth.ports import BreachedPasswords
from chronicle.errors import FieldError, Rejected, Unavailable

SHORTEST = 15
LONGEST = 256

# An initial is no word: any password could be spelled with a few of them.
_WORD = 3

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """Decides at sign-up, change and reset. Without `breached`, no breach is asked about.

    `service_words` are what a guesser would try first here: the product's name, the host's.
    """

    service_words: tuple[str, ...]
    breached: BreachedPasswords | None

    async def accept(
        self, password: str, owner: PasswordOwner | None = None, *, field: str = "password"
    ) -> str:
        """The NFC form of a password that may be set.

        Where the owner must not be known yet, because the caller has proved nothing, leave them
        out, and call `check_owner` afterwards.

        Raises:
            Rejected: `invalid_request` for `field`.
        """
        normal = normalize_password(password)
        _refuse(field, _length_trouble(normal) or _common_trouble(normal))
        self._check_words(normal, owner.words() if owner else (), field)
        await self._check_breaches(normal, field)
        return normal

    def check_owner(self, accepted: str, owner: PasswordOwner, *, field: str = "password") -> None:
        """Refuse an accepted password that is made of what is known of its owner.

        Raises:
            Rejected: `invalid_request` for `field`.
        """
        self._check_words(accepted, owner.words(), field)

    def _check_words(self, normal: str, of_owner: Iterable[str], field: str) -> None:
        words = (*self.service_words, *of_owner)
        left = left_without(normal, words)
        if left is not None and left < SHORTEST:
            _refuse(
                field,
                "is made of your name, your address or this site's name: without them, "
                f"{left} letters and digits are left; take {SHORTEST} or more",
            )
        _refuse(field, weakness(normal, [word for word in words if len(word) >= _WORD]))

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


def _length_trouble(normal: str) -> str | None:
    if SHORTEST <= len(normal) <= LONGEST:
        return None
    return f"has {len(normal)} characters; take {SHORTEST} to {LONGEST}"


def _common_trouble(normal: str) -> str | None:
    left = left_without_famous_phrases(normal)
    if left is None or left >= SHORTEST:
        return None
    return "is a phrase that everybody knows; take words of your own"


def _refuse(field: str, why: str | None) -> None:
    if why is not None:
        wrong = FieldError(field, why)
        raise Rejected(message=f"{field}: {why}", fields=(wrong,))
