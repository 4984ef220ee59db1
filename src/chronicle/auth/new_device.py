"""A notice to the owner when somebody signs in from a device that the account has not seen."""

import logging
from dataclasses import dataclass

from chronicle.auth import mails
from chronicle.auth.ports import Mailer
from chronicle.auth.reports import report_token
from chronicle.errors import Unavailable
from chronicle.security.events import EventLog
from chronicle.security.mailed_tokens import TokenDesk
from chronicle.security.risk import Sign, signs_of_a_stranger
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.ports import AccountRecord
from chronicle.world import World

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Strangeness:
    """Whether the owner is to be told of a sign-in, and what was unusual about it."""

    is_to_be_told: bool
    signs: tuple[Sign, ...]


@dataclass(frozen=True, slots=True)
class NewDeviceNotice:
    """Tells familiar devices from new ones, and the owner of the new ones."""

    book: AccountBook
    events: EventLog
    tokens: TokenDesk
    mailer: Mailer
    base_url: str
    world: World

    async def look(self, account: AccountRecord, visitor: Visitor) -> Strangeness:
        """What is new about a browser that the account does not know, beside lately's sign-ins.

        The mail goes by the exact address, the signs by its network: it can come without any.
        The owner is told of no sign-in with an address that nobody proved: whoever signs up with
        somebody else's could have a mail sent there with each.
        """
        seen = await self.events.recent_visitors(account.id)
        here = (visitor.device, visitor.address)
        is_new = here not in {(one.device, one.address) for one in seen}
        return Strangeness(is_new and account.email_verified, signs_of_a_stranger(visitor, seen))

    async def tell(self, account: AccountRecord, visitor: Visitor) -> None:
        """Mail the owner, with a link that says "this wasn't me". A mail that fails is logged."""
        known = self.book.in_the_clear(account)
        try:
            token = await report_token(self.tokens, account)
            await self.mailer.send(
                mails.new_device(
                    known.email,
                    visitor.device,
                    visitor.address,
                    self.world.now(),
                    token,
                    place=visitor.place,
                    base_url=self.base_url,
                    locale=known.locale,
                )
            )
        except Unavailable:
            # The session is granted and noted; its owner still sees it in the history.
            _log.exception("the mail about a new device could not be sent")
