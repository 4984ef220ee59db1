"""A changed password that races what ends all sessions: what was ended stays ended."""

from dataclasses import replace
from typing import Any

import pytest

from chronicle.adapters.database.sqlite.accounts import SqliteAccounts
from chronicle.auth.credentials import Credentials
from chronicle.errors import Unauthenticated, Unavailable
from chronicle.users.ports import AccountId, CredentialChange
from tests.auth.conftest import BASE_URL, BROWSER, PASSWORD, Desk, remember

NEW = "another fifteen characters"


class OverrunAccounts(SqliteAccounts):
    """Somebody ends all sessions right after each change of the password."""

    async def change_password(
        self,
        account_id: AccountId,
        *,
        seen_epoch: int,
        password_hash: bytes | None,
        change: CredentialChange,
        proves_address: bool = False,
    ) -> bool:
        changed = await super().change_password(
            account_id,
            seen_epoch=seen_epoch,
            password_hash=password_hash,
            change=change,
            proves_address=proves_address,
        )
        await self.raise_epoch(account_id, seen_epoch=seen_epoch + 1)
        return changed


def credentials(desk: Desk) -> Credentials:
    return Credentials(
        book=desk.book,
        keeping=desk.keeping,
        hashing=desk.hashing,
        policy=desk.registration.policy,
        again=desk.again,
        events=desk.events,
        tokens=desk.lock.tokens,
        devices=desk.devices,
        mailer=desk.mailer,
        base_url=BASE_URL,
        world=desk.world.world,
    )


async def test_the_end_of_all_sessions_also_ends_the_one_that_just_changed_the_password(
    desk: Desk,
) -> None:
    session = await desk.sign_up()
    identity, _ = await desk.keeping.identify(session.access_token)
    overrun = replace(desk.book, accounts=OverrunAccounts(desk.engine))
    changing = replace(credentials(desk), book=overrun)
    await changing.change_password(identity, PASSWORD, NEW, BROWSER)
    with pytest.raises(Unauthenticated):
        await desk.keeping.identify(session.access_token)


async def test_a_session_that_ended_while_the_request_came_in_is_not_carried_over(
    desk: Desk,
) -> None:
    session = await desk.sign_up()
    identity, _ = await desk.keeping.identify(session.access_token)
    await desk.book.void_sessions(session.account.id)
    await credentials(desk).change_password(identity, PASSWORD, NEW, BROWSER)
    with pytest.raises(Unauthenticated):
        await desk.keeping.identify(session.access_token)


async def test_the_session_that_changed_the_password_goes_on_and_devices_stay_known(
    desk: Desk,
) -> None:
    session = await desk.sign_up()
    token = await remember(desk, session.account.id, epoch=0)
    identity, _ = await desk.keeping.identify(session.access_token)
    await credentials(desk).change_password(identity, PASSWORD, NEW, BROWSER)
    assert await desk.keeping.identify(session.access_token)
    assert await desk.devices.recognise(session.account.id, token, epoch=1) is not None


class AnswersAreLost(SqliteAccounts):
    """Changes a password, and then nobody hears of it."""

    async def change_password(self, *args: Any, **kwargs: Any) -> bool:
        await super().change_password(*args, **kwargs)
        raise Unavailable


async def test_a_change_whose_answer_was_lost_is_done_and_its_owner_is_told(desk: Desk) -> None:
    session = await desk.sign_up()
    identity, _ = await desk.keeping.identify(session.access_token)
    changing = replace(
        credentials(desk), book=replace(desk.book, accounts=AnswersAreLost(desk.engine))
    )
    await changing.change_password(identity, PASSWORD, NEW, BROWSER)
    assert await desk.keeping.identify(session.access_token)
    assert "/report#token=" in desk.mailer.sent[-1].text
    page = await desk.events.page(identity.account_id, cursor=None, limit=1)
    assert [event.kind for event in page.events] == ["password_change"]
