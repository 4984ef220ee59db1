"""Gathers a profile with its histories by one read."""

from dataclasses import dataclass

from chronicle.auth.sessions import SessionKeeping, SessionPage
from chronicle.errors import Unauthenticated
from chronicle.overview.ports import Overviews, Part
from chronicle.security.events import EventLog, EventPage
from chronicle.uploads.receive import Page, UploadDesk
from chronicle.users.accounts import Account, AccountBook
from chronicle.users.ports import AccountId
from chronicle.world import World


@dataclass(frozen=True, slots=True)
class Overview:
    """An account in the clear; a part that was not asked for is None."""

    account: Account
    login_events: EventPage | None
    sessions: SessionPage | None
    uploads: Page | None


@dataclass(frozen=True, slots=True)
class OverviewDesk:
    """Shows an account to its owner."""

    overviews: Overviews
    book: AccountBook
    events: EventLog
    sessions: SessionKeeping
    uploads: UploadDesk
    world: World

    async def of(self, account_id: AccountId, parts: frozenset[Part], *, limit: int) -> Overview:
        """The account with the first page of each part, of at most `limit`.

        Raises:
            Unauthenticated: the account is gone.
        """
        # One more than is shown tells whether there is another page.
        found = await self.overviews.gather(
            account_id, parts, now=self.world.now(), limit=limit + 1
        )
        if found is None:
            raise Unauthenticated
        return Overview(
            account=self.book.in_the_clear(found.profile),
            login_events=(
                self.events.first_of(found.login_events, limit)
                if Part.LOGIN_EVENTS in parts
                else None
            ),
            sessions=(
                self.sessions.first_of(found.sessions, limit) if Part.SESSIONS in parts else None
            ),
            uploads=self.uploads.first_of(found.uploads, limit) if Part.UPLOADS in parts else None,
        )
