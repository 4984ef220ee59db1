"""Another code is another mail into somebody's box, and is paid for like the first."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from chronicle.api.auth import Resend, resend_code
from chronicle.api.rate_limit import ANSWER_HEADERS
from chronicle.errors import Gone, TooMany
from chronicle.security import budgets
from chronicle.security.encryption import BlindIndex
from chronicle.security.limits import Limits
from tests.auth.conftest import ADA, BROWSER, PASSWORD, Desk, desk
from tests.fakes.limits import InMemoryLimiter
from tests.fakes.world import keyring

__all__ = ["desk"]

MAILS_AN_HOUR = budgets.CODE.identifier[0].count


def asking(desk: Desk, ticket: str) -> Any:
    limits = Limits(InMemoryLimiter(desk.world.world.now), BlindIndex(keyring()))
    app = SimpleNamespace(registration=desk.registration, limits=limits)
    scope: dict[str, list[object]] = {ANSWER_HEADERS: []}
    return cast(Any, SimpleNamespace(app=app, body=Resend(ticket), visitor=BROWSER, scope=scope))


async def test_no_ticket_mails_more_codes_than_its_address_may_get(desk: Desk) -> None:
    issued = await desk.registration.start(ADA, PASSWORD, None)
    call = asking(desk, issued.ticket)
    with pytest.raises(TooMany):
        await resend_code(call)
    for _ in range(MAILS_AN_HOUR):
        desk.world.pass_time(minutes=1)
        await resend_code(call)
    mailed = len(desk.mailer.sent)
    desk.world.pass_time(minutes=1)
    with pytest.raises(TooMany):
        await resend_code(call)
    assert len(desk.mailer.sent) == mailed == 1 + MAILS_AN_HOUR
    # What was refused changed nothing: the code that was mailed last is still good.
    assert await desk.registration.finish(issued.ticket, desk.newest_code(), BROWSER)


async def test_a_ticket_that_is_over_costs_its_address_nothing(desk: Desk) -> None:
    issued = await desk.registration.start(ADA, PASSWORD, None)
    call = asking(desk, issued.ticket)
    desk.world.pass_time(minutes=10)
    with pytest.raises(Gone):
        await resend_code(call)
    assert not call.app.limits._limiter.subjects
