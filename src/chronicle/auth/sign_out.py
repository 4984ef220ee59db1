"""Signing out: one session, the others, or all of them."""

from dataclasses import dataclass

from chronicle.auth.sessions import SessionKeeping
from chronicle.auth.tokens import Identity
from chronicle.security.known_devices import DeviceBook
from chronicle.users.accounts import AccountBook
from chronicle.users.ports import AccountId


@dataclass(frozen=True, slots=True)
class SignOut:
    """Ends sessions by moving the account's security epoch: all at once, on every process.

    A sign-in or a rotation that began before has the epoch of before, so it ends with the rest.
    The devices that the account knows stay known: they open nothing, and can be forgotten one by
    one.
    """

    book: AccountBook
    keeping: SessionKeeping
    devices: DeviceBook

    async def everywhere(self, account_id: AccountId) -> None:
        """End every session of an account."""
        before = await self.book.void_sessions(account_id)
        await self._keep_devices(account_id, before.epoch)

    async def elsewhere(self, identity: Identity) -> None:
        """End every session of the caller but the one that calls.

        The epoch moves first and the session follows: between the two it is refused like the
        others, and if the process dies there, it has ended with them.

        Raises:
            Unauthenticated: the caller's session ended meanwhile; they changed nothing.
            Unavailable: nothing changed, or every session has ended.
        """
        session = await self.keeping.live(identity.session_id)
        seen, account_id = session.epoch, session.account_id
        if not await self.book.accounts.raise_epoch(account_id, seen_epoch=seen):
            # Somebody was faster, and ended this session with the others. If it was another such
            # call of this very session, that one did what this one wants.
            await self.keeping.live(session.id)
            return
        await self.keeping.sessions.carry_over(session.id, seen_epoch=seen, epoch=seen + 1)
        await self._keep_devices(account_id, seen)

    async def _keep_devices(self, account_id: AccountId, seen_epoch: int) -> None:
        await self.devices.keep(account_id, seen_epoch=seen_epoch, epoch=seen_epoch + 1)
