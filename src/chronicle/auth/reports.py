"""The "this wasn't me" link of a notice: its token, and how long it works."""

from datetime import timedelta

from chronicle.security.mailed_tokens import TokenDesk, TokenPurpose
from chronicle.users.ports import AccountRecord

_LIFETIME = timedelta(hours=72)


async def report_token(tokens: TokenDesk, account: AccountRecord) -> str:
    """A token by which the account's owner can report what a notice tells of.

    Raises:
        Unavailable: it can't be kept.
    """
    return await tokens.issue(
        TokenPurpose.REPORT, account.id, epoch=account.epoch, lifetime=_LIFETIME
    )
