"""What follows when a mailed code is refused: a line in the history, and perhaps a stop."""

from dataclasses import dataclass
from typing import Protocol

from chronicle.auth.guesser_stop import GuesserStop
from chronicle.auth.mailed_codes import Refused
from chronicle.auth.tokens import Identity
from chronicle.errors import TooMany
from chronicle.security.events import EventKind, EventLog, Happening, Outcome
from chronicle.security.guesses import MAILED_CODES
from chronicle.security.known_devices import DeviceBook, DeviceToken
from chronicle.security.risk import Sign, assess
from chronicle.security.visitors import Visitor
from chronicle.users.ports import AccountRecord

_TOO_MANY = "too_many_codes"


class OfAnAccount(Protocol):
    """The content of a ticket that anybody can ask for, whether or not there is an account."""

    @property
    def account_id(self) -> bytes | None:
        """The account, if there is one."""

    @property
    def epoch(self) -> int:
        """Its security epoch when the ticket was issued."""


@dataclass(frozen=True, slots=True)
class RefusedCodes:
    """Notes what was refused, and stops somebody who is signed in and guesses."""

    events: EventLog
    devices: DeviceBook
    stop: GuesserStop

    async def by_a_stranger(
        self,
        refused: Refused[OfAnAccount],
        *,
        kind: EventKind,
        method: str,
        visitor: Visitor,
        device: DeviceToken | None,
    ) -> None:
        """Note it; the same look-ups and the same write whether or not there is an account.

        Raises:
            Unavailable: it can't be noted. The guess counts.
        """
        asked = refused.content
        known = await self.devices.recognise(asked.account_id, device, epoch=asked.epoch)
        await self._note(
            refused,
            kind,
            method,
            visitor,
            account_id=asked.account_id,
            subject_index=refused.subject,
            sign=Sign.UNKNOWN_DEVICE if known is None else None,
        )

    async def while_signed_in(
        self,
        refused: Refused[object],
        *,
        kind: EventKind,
        visitor: Visitor,
        identity: Identity,
        account: AccountRecord,
    ) -> None:
        """Note it; with the last guess before a pause, the session ends and the owner is told.

        Raises:
            Unavailable: it can't be noted, or the session could not be ended. The guess counts.
        """
        guess = refused.guess
        if guess.allowed and guess.lock is not None:
            # First: what fails after it leaves the guesser no session.
            await self.stop.stop(identity, account, visitor, guess, rule=MAILED_CODES)
        await self._note(
            refused,
            kind,
            "otp",
            visitor,
            account_id=account.id,
            subject_index=None,
            sign=Sign.WRONG_WHILE_SIGNED_IN,
        )

    async def _note(
        self,
        refused: Refused[object],
        kind: EventKind,
        method: str,
        visitor: Visitor,
        *,
        account_id: bytes | None,
        subject_index: bytes | None,
        sign: Sign | None,
    ) -> None:
        too_many = isinstance(refused.failure, TooMany)
        signs = (sign, Sign.MANY_WRONG_PASSWORDS if too_many else None)
        await self.events.note(
            Happening(
                kind=kind,
                method=method,
                outcome=Outcome.REFUSED,
                visitor=visitor,
                account_id=account_id,
                subject_index=subject_index,
                reason=_TOO_MANY if too_many else refused.failure.code,
                assessment=assess(each for each in signs if each is not None),
            )
        )
