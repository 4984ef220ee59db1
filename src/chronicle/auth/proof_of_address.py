"""The first proof of an address by somebody who is not signed in: what was there before is void.

With CHRONICLE_REGISTRATION=immediate anybody can make an account for an address that is not theirs,
and wait for its owner. Such an account holds nothing yet, and its owner shall not share it: when
they sign in by a mailed code, the password, every session and every known device of before is
gone. The same holds for a reset, which sets a password of their own at once.

Whoever is signed in, and confirms the address with a code from the mailbox, keeps what they have:
they have shown that both are theirs.
"""

import logging
from dataclasses import dataclass

from chronicle.auth import mails
from chronicle.auth.ports import Mailer
from chronicle.errors import Unavailable
from chronicle.security.known_devices import DeviceBook
from chronicle.users.accounts import AccountBook
from chronicle.users.ports import AccountRecord

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProofOfAddress:
    """Voids what an account was given before its address was proved."""

    book: AccountBook
    devices: DeviceBook
    mailer: Mailer
    base_url: str

    async def take_over(self, account: AccountRecord) -> AccountRecord | None:
        """Verify the address of an unverified account, and void all that came before, in one write.

        The account as it is then; None if it moved on meanwhile, and then it is as it was.
        """
        taken = await self.book.change_password(account, None, how="mail", proves_address=True)
        if taken is None:
            return None
        # Void already, with the epoch; their rows need not wait to expire.
        await self.devices.revoke_all(account.id)
        await self._tell(taken)
        return taken

    async def _tell(self, account: AccountRecord) -> None:
        known = self.book.in_the_clear(account)
        try:
            await self.mailer.send(
                mails.address_proved(known.email, base_url=self.base_url, locale=known.locale)
            )
        except Unavailable:
            _log.exception("the mail about a proved address could not be sent")
