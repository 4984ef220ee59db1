"""Asks somebody who is signed in for the password again, and stops whoever guesses.

A stolen session must be no way to find the password out. Its guesses are counted for the account,
and not for the identifier: so they lock nobody out of signing in, and signing in gives them no
new ones. With the lock that they begin, the session that guessed ends, and the owner is told.
"""

from dataclasses import dataclass

from chronicle.auth.guesser_stop import GuesserStop
from chronicle.auth.passwords import PasswordHashing, normalize_password
from chronicle.auth.tokens import Identity
from chronicle.errors import Unauthenticated, Unavailable
from chronicle.security.events import EventKind, EventLog, Happening, Outcome
from chronicle.security.guesses import Guesses
from chronicle.security.risk import Sign, assess
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.ports import AccountRecord

_TOO_MANY = "too_many_attempts"
_SIGNS: dict[str, tuple[Sign, ...]] = {
    "invalid_credentials": (Sign.WRONG_WHILE_SIGNED_IN,),
    _TOO_MANY: (Sign.MANY_WRONG_PASSWORDS,),
}
_METHOD = {EventKind.SIGN_IN: "pwd", EventKind.PASSWORD_CHANGE: "password"}


@dataclass(frozen=True, slots=True)
class PasswordAgain:
    """Checks the password of somebody who is signed in."""

    guesses: Guesses
    hashing: PasswordHashing
    book: AccountBook
    events: EventLog
    stop: GuesserStop

    async def demand(
        self,
        identity: Identity,
        account: AccountRecord,
        password: str,
        visitor: Visitor,
        *,
        before: EventKind,
        known_device: bool = False,
    ) -> None:
        """Return when it is the account's password. `before` is what it was asked for.

        What comes from a `known_device` has a place for its hash.

        Raises:
            Unauthenticated: `invalid_credentials`; noted. With the fifth in a row, the session is
                over and the owner has been told.
            TooMany: `too_many_attempts`: guessed too often; nothing was checked.
            Unavailable: `overloaded`; the guess does not count.
        """
        guess = await self.guesses.begin(account.id)
        if not guess.allowed:
            await self._note(account, visitor, before, _TOO_MANY)
            raise guess.refusal()
        try:
            stored = self.book.password_hash(account)
            matched = await self.hashing.matches(
                normalize_password(password), stored, known_at=account.id if known_device else None
            )
        except Unavailable:
            await self.guesses.give_back(account.id)
            raise
        if matched:
            await self.guesses.settle(account.id)
            return
        if guess.lock is not None:
            # First: what fails after it leaves the guesser no session.
            await self.stop.stop(identity, account, visitor, guess, rule=self.guesses.rule)
        await self._note(account, visitor, before, "invalid_credentials")
        raise Unauthenticated("invalid_credentials", "The password is not right.")

    async def _note(
        self, account: AccountRecord, visitor: Visitor, kind: EventKind, reason: str
    ) -> None:
        await self.events.note(
            Happening(
                kind=kind,
                method=_METHOD[kind],
                outcome=Outcome.REFUSED,
                visitor=visitor,
                account_id=account.id,
                reason=reason,
                assessment=assess(_SIGNS[reason]),
            )
        )
