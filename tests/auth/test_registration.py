import pytest

from chronicle.errors import Gone, Rejected, TooMany, Unavailable
from tests.auth.conftest import ADA, BROWSER, PASSWORD, Desk
from tests.fakes.faults import Fault


async def test_a_code_works_for_ten_minutes_and_not_longer(desk: Desk) -> None:
    issued = await desk.registration.start(ADA, PASSWORD, None)
    desk.world.pass_time(minutes=10)
    with pytest.raises(Gone, match="ticket_expired"):
        await desk.registration.finish(issued.ticket, desk.newest_code(), BROWSER)
    assert await desk.book.find(ADA) is None


async def test_a_second_code_replaces_the_first_and_keeps_the_guesses_spent(desk: Desk) -> None:
    issued = await desk.registration.start(ADA, PASSWORD, None)
    first = desk.newest_code()
    for _ in range(4):
        with pytest.raises(Rejected, match="invalid_code"):
            await desk.registration.finish(issued.ticket, "0000-0000", BROWSER)
    desk.world.pass_time(seconds=59)
    with pytest.raises(TooMany) as too_soon:
        await desk.registration.resend(issued.ticket)
    assert too_soon.value.retry_after_seconds == 1 + 1
    desk.world.pass_time(seconds=1)
    assert (await desk.registration.resend(issued.ticket)).ticket == issued.ticket
    assert desk.newest_code() != first
    with pytest.raises(Rejected, match="invalid_code"):
        await desk.registration.finish(issued.ticket, first, BROWSER)
    with pytest.raises(Gone):
        await desk.registration.finish(issued.ticket, desk.newest_code(), BROWSER)


async def test_a_mail_that_can_not_be_sent_leaves_no_ticket(desk: Desk) -> None:
    desk.mailer.faults.always = Fault.FAILS
    with pytest.raises(Unavailable):
        await desk.registration.start(ADA, PASSWORD, None)
    assert not desk.tickets.kept


async def test_without_shared_state_nobody_signs_up_and_nothing_is_mailed(desk: Desk) -> None:
    desk.tickets.faults.always = Fault.FAILS
    with pytest.raises(Unavailable):
        await desk.registration.start(ADA, PASSWORD, None)
    assert not desk.mailer.sent


async def test_a_ticket_that_shared_state_revives_makes_no_second_session(desk: Desk) -> None:
    issued = await desk.registration.start(ADA, PASSWORD, None)
    backup = dict(desk.tickets.kept)
    code = desk.newest_code()
    await desk.registration.finish(issued.ticket, code, BROWSER)
    desk.tickets.kept = backup
    with pytest.raises(Gone, match="ticket_expired"):
        await desk.registration.finish(issued.ticket, code, BROWSER)


async def test_a_ticket_holds_neither_address_nor_password_nor_code_in_plain_text(
    desk: Desk,
) -> None:
    issued = await desk.registration.start(ADA, PASSWORD, "Ada Canary")
    code = desk.newest_code().replace("-", "")
    (ticket,) = desk.tickets.kept.values()
    stored = ticket.key + ticket.content + ticket.code_mac
    for secret in (b"ada@example.org", b"Canary", b"argon2id", code.encode()):
        assert secret not in stored
    assert issued.ticket.encode() not in stored


async def test_a_taken_address_costs_the_same_work(desk: Desk) -> None:
    def work() -> tuple[int, int, int]:
        return desk.hashing.computed, len(desk.mailer.sent), len(desk.tickets.kept)

    before = work()
    issued = await desk.registration.start(ADA, PASSWORD, None)
    for_free = work()
    await desk.registration.finish(issued.ticket, desk.newest_code(), BROWSER)
    registered = work()
    await desk.registration.start(ADA, PASSWORD, None)
    for_taken = work()
    assert [b - a for a, b in zip(before, for_free, strict=True)] == [1, 1, 1]
    assert [b - a for a, b in zip(registered, for_taken, strict=True)] == [1, 1, 1]
