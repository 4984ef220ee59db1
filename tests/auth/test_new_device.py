import pytest

from chronicle.errors import Failure
from chronicle.security.known_devices import Presented
from chronicle.security.visitors import Visitor
from tests.auth.conftest import ADA, BROWSER, PASSWORD, Desk, remember
from tests.fakes.faults import Fault

PHONE = Visitor("192.0.2.7", "Mozilla/5.0 (iPhone) Safari/604.1")
ELSEWHERE = Visitor("198.51.100.9", BROWSER.agent)


def notices(desk: Desk) -> list[str]:
    return [mail.text for mail in desk.mailer.sent if "/report#token=" in mail.text]


async def test_the_first_sign_in_and_a_familiar_device_tell_nobody(desk: Desk) -> None:
    await desk.sign_up()
    await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)
    assert not notices(desk)


@pytest.mark.parametrize("visitor", [PHONE, ELSEWHERE])
async def test_a_new_device_or_place_is_told_once(desk: Desk, visitor: Visitor) -> None:
    await desk.sign_up()
    for _ in range(2):
        await desk.sign_in.with_password(ADA, PASSWORD, visitor)
    (notice,) = notices(desk)
    assert visitor.device in notice
    assert visitor.address in notice


async def test_a_browser_that_the_account_knows_may_move(desk: Desk) -> None:
    session = await desk.sign_up()
    token = await remember(desk, session.account.id, epoch=0)
    await desk.sign_in.with_password(ADA, PASSWORD, ELSEWHERE, device=Presented(token))
    assert not notices(desk)


async def test_a_mail_that_can_not_be_sent_refuses_nobody(desk: Desk) -> None:
    await desk.sign_up()
    desk.mailer.faults.always = Fault.FAILS
    assert await desk.sign_in.with_password(ADA, PASSWORD, PHONE)


async def test_any_number_of_refused_guesses_hides_no_new_device(desk: Desk) -> None:
    session = await desk.sign_up()
    for _ in range(60):
        with pytest.raises(Failure):
            await desk.sign_in.with_password(ADA, "not the password at all", PHONE)
    await desk.lock.lift(await desk.book.record(session.account.id))
    await desk.sign_in.with_password(ADA, PASSWORD, PHONE)
    assert notices(desk)


async def test_a_history_that_was_forgotten_makes_no_device_familiar(desk: Desk) -> None:
    await desk.sign_up()
    await desk.engine.write(lambda db: db.execute("DELETE FROM events"))
    await desk.sign_in.with_password(ADA, PASSWORD, PHONE)
    assert notices(desk)
