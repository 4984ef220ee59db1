"""A database that fails between the two writes of a change: what is done is told as done."""

from dataclasses import replace

from chronicle.adapters.database.sqlite.sessions import SqliteSessions
from chronicle.auth.credentials import Credentials
from chronicle.auth.ports import SessionId
from chronicle.errors import Unavailable
from tests.auth.conftest import ADA, BASE_URL, BROWSER, PASSWORD, Desk, desk

__all__ = ["desk"]

NEW = "another fifteen characters"


class FailsAfterTheChange(SqliteSessions):
    """Fails where the caller's session is to follow a change of the account."""

    async def carry_over(self, session_id: SessionId, *, seen_epoch: int, epoch: int) -> None:
        raise Unavailable


async def test_a_password_that_is_changed_is_not_told_to_have_failed(desk: Desk) -> None:
    signed_in = await desk.sign_up()
    identity, _ = await desk.keeping.identify(signed_in.access_token)
    credentials = Credentials(
        book=desk.book,
        keeping=replace(desk.keeping, sessions=FailsAfterTheChange(desk.engine)),
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
    await credentials.change_password(identity, PASSWORD, NEW, BROWSER)
    await desk.sign_in.with_password(ADA, NEW, BROWSER)
