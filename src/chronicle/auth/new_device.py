"""A notice to the owner when somebody signs in from a device that the account has not seen."""

import logging
from dataclasses import dataclass

from chronicle.auth import mails
from chronicle.auth.ports import Mailer
from chronicle.auth.reports import REPORT_LIFETIME
from chronicle.errors import Unavailable
from chronicle.security.events import EventLog
from chronicle.security.mailed_tokens import TokenDesk, TokenPurpose
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.ports import AccountRecord
from chronicle.world import World

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewDeviceNotice:
    """Tells familiar devices from new ones, and the owner of the new ones."""

    book: AccountBook
    events: EventLog
    tokens: TokenDesk
    mailer: Mailer
    base_url: str
    world: World

    async def is_new(self, account: AccountRecord, visitor: Visitor) -> bool:
        """Whether the account, which does not know this browser, saw no such device there lately.

        Never for one whose address nobody proved: whoever signs up with somebody else's could have
        a mail sent there with each sign-in.
        """
        if not account.email_verified:
            return False
        seen = await self.events.recent_visitors(account.id)
        here = (visitor.device, visitor.address)
        return here not in {(one.device, one.address) for one in seen}

    async def tell(self, account: AccountRecord, visitor: Visitor) -> None:
        """Mail the owner, with a link that says "this wasn't me". A mail that fails is logged."""
        known = self.book.in_the_clear(account)
        try:
            token = await self.tokens.issue(
                TokenPurpose.REPORT, account.id, epoch=account.epoch, lifetime=REPORT_LIFETIME
            )
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
