"""Tokens in mailed links: 128 bits, stored as a hash, good once and for one purpose.

A link carries its token in the fragment, which browsers send to no server; the page behind it
posts the token when a person presses its button, because scanners follow links.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from chronicle.security.ports import MailedTokenRecord, MailedTokens
from chronicle.world import World

_TOKEN_BYTES = 16


class TokenPurpose(StrEnum):
    """What a mailed token may do."""

    RESET = "reset"
    REPORT = "report"
    UNLOCK = "unlock"
    UNDO_EMAIL = "undo_email"


@dataclass(frozen=True, slots=True)
class MailedToken:
    """A token that was good: its account, and the account's epoch when it was issued."""

    account_id: bytes
    epoch: int


@dataclass(frozen=True, slots=True)
class TokenDesk:
    """Issues mailed tokens and takes them back."""

    tokens: MailedTokens
    world: World

    async def issue(
        self, purpose: TokenPurpose, account_id: bytes | None, *, epoch: int, lifetime: timedelta
    ) -> str:
        """A new token for an account: base64url text of 22 characters."""
        raw = self.world.random_bytes(_TOKEN_BYTES)
        token = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        expires_at = self.world.now() + lifetime
        record = MailedTokenRecord(_hash(token), purpose, account_id, epoch, expires_at)
        await self.tokens.add(record)
        return token

    async def find(self, purpose: TokenPurpose, token: str) -> MailedToken | None:
        """Whose token it is and of which epoch, without spending it; None when it is not good."""
        return _of_account(
            await self.tokens.find(_hash(token), purpose=purpose, now=self.world.now())
        )

    async def forget_old(self) -> int:
        """Drop tokens that have expired; how many."""
        return await self.tokens.forget(before=self.world.now())

    async def spend(self, purpose: TokenPurpose, token: str) -> MailedToken | None:
        """Whose token it was and of which epoch, for the one call that spends it; else None."""
        return _of_account(
            await self.tokens.spend(_hash(token), purpose=purpose, now=self.world.now())
        )


def _of_account(record: MailedTokenRecord | None) -> MailedToken | None:
    if record is None or record.account_id is None:
        return None
    return MailedToken(record.account_id, record.epoch)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
