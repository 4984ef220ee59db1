import msgspec
import pytest

from chronicle.errors import Failure
from chronicle.security.encryption import FieldCipher
from chronicle.security.known_devices import Presented
from chronicle.security.visitors import Visitor
from tests.auth.conftest import ADA, BROWSER, PASSWORD, Desk, remember
from tests.fakes.faults import Fault
from tests.fakes.world import keyring

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


@pytest.mark.parametrize(
    ("visitor", "expected"),
    [
        (BROWSER, ("low", ())),
        (PHONE, ("medium", ("new_device",))),
        (ELSEWHERE, ("low", ("new_network",))),
        (Visitor("192.0.2.200", BROWSER.agent), ("low", ())),
        (Visitor("198.51.100.9", PHONE.agent), ("medium", ("new_device", "new_network"))),
        (
            Visitor("198.51.100.9", PHONE.agent, "Tokyo, Japan"),
            ("high", ("new_device", "new_network", "new_country")),
        ),
        (Visitor("198.51.100.9", BROWSER.agent, "Nice, France"), ("low", ("new_network",))),
        (
            Visitor("198.51.100.9", BROWSER.agent, "Japan"),
            ("medium", ("new_network", "new_country")),
        ),
    ],
)
async def test_a_sign_in_is_judged_by_what_is_new_about_it(
    desk: Desk, visitor: Visitor, expected: tuple[str, tuple[str, ...]]
) -> None:
    owner = (await desk.sign_up()).account.id
    at_home = Visitor(BROWSER.address, BROWSER.agent, "Lyon, France")
    await desk.sign_in.with_password(ADA, PASSWORD, at_home)
    await desk.sign_in.with_password(ADA, PASSWORD, visitor)
    newest, _, first = (await desk.events.page(owner, cursor=None, limit=5)).events
    assert (newest.risk, newest.why) == expected
    assert newest.visitor == visitor
    assert (first.risk, first.why) == ("low", ())


@pytest.mark.parametrize(("place", "why"), [("Japan", ("new_country",)), ("Nice, France", ())])
async def test_a_known_device_is_judged_by_its_last_use(
    desk: Desk, place: str, why: tuple[str, ...]
) -> None:
    owner = (await desk.sign_up()).account.id
    at_home = Visitor(BROWSER.address, BROWSER.agent, "Lyon, France")
    signed_in = await desk.sign_in.with_password(
        ADA, PASSWORD, at_home, device=Presented(keeps=True)
    )
    away = Visitor("198.51.100.9", BROWSER.agent, place)
    token = desk.devices.genuine(signed_in.device_token or "")
    await desk.sign_in.with_password(ADA, PASSWORD, away, device=Presented(token, keeps=True))
    await desk.sign_in.with_password(ADA, PASSWORD, away, device=Presented(token, keeps=True))
    again, newest, *_ = (await desk.events.page(owner, cursor=None, limit=5)).events
    assert newest.why == why
    assert again.why == ()


@pytest.mark.parametrize(("failures", "why"), [(2, ()), (3, ("after_wrong_passwords",))])
async def test_wrong_passwords_before_the_right_one_are_told(
    desk: Desk, failures: int, why: tuple[str, ...]
) -> None:
    owner = (await desk.sign_up()).account.id
    for _ in range(failures):
        with pytest.raises(Failure):
            await desk.sign_in.with_password(ADA, "not the password at all", BROWSER)
    await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)
    await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)
    after, newest, *_ = (await desk.events.page(owner, cursor=None, limit=9)).events
    assert newest.why == why
    assert newest.risk == ("medium" if why else "low")
    assert after.why == ()


async def test_refusals_are_judged_by_who_tries_and_how_often(desk: Desk) -> None:
    owner = (await desk.sign_up()).account.id
    token = await remember(desk, owner, epoch=0)
    for shown in (Presented(token), *[Presented()] * 6):
        with pytest.raises(Failure):
            await desk.sign_in.with_password(ADA, "not the password", BROWSER, device=shown)
    found = (await desk.events.page(owner, cursor=None, limit=9)).events
    assert [(one.risk, one.why) for one in reversed(found)][1:] == [
        ("low", ()),
        *[("medium", ("unknown_device",))] * 5,
        ("high", ("unknown_device", "many_wrong_passwords")),
    ]


async def reseal(desk: Desk, table: str, seen: object, key: FieldCipher | None = None) -> None:
    """Have every row of a table tell of another visitor, or be sealed by a key that is gone."""
    for (record_id,) in desk.engine.all(f"SELECT id FROM {table}", ()):
        sealed = (key or desk.events.cipher).seal(
            msgspec.msgpack.encode(seen), table=table, record=record_id, field="visitor"
        )
        row = (sealed, record_id)
        await desk.engine.write(
            lambda db, row=row: db.execute(
                f"UPDATE {table} SET sealed_visitor = ? WHERE id = ?", row
            )
        )


async def test_an_event_from_before_there_were_judgements_has_none(desk: Desk) -> None:
    owner = (await desk.sign_up()).account.id
    await reseal(desk, "events", BROWSER)
    (event,) = (await desk.events.page(owner, cursor=None, limit=5)).events
    assert (event.visitor, event.risk, event.why) == (BROWSER, None, ())
    assert await desk.events.recent_visitors(owner) == [BROWSER]


async def test_a_judgement_of_a_later_version_is_read_as_it_is(desk: Desk) -> None:
    owner = (await desk.sign_up()).account.id
    await reseal(
        desk, "events", msgspec.to_builtins(BROWSER) | {"risk": "critical", "why": ["odd"], "x": 1}
    )
    (event,) = (await desk.events.page(owner, cursor=None, limit=5)).events
    assert (event.visitor, event.risk, event.why) == (BROWSER, "critical", ("odd",))
    assert await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)


GONE = {
    "sealed by a key that is gone": (BROWSER, FieldCipher(keyring("another"))),
    "not a visitor": (["odd"], None),
}


@pytest.mark.parametrize(("seen", "key"), GONE.values(), ids=GONE)
async def test_a_history_that_can_not_be_read_keeps_nobody_out(
    desk: Desk, seen: object, key: FieldCipher | None, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.sign_up()
    await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)
    await reseal(desk, "events", seen, key)
    assert await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)
    assert notices(desk)
    (line,) = [line for line in caplog.records if "can't be read" in line.getMessage()]
    assert vars(line)["unread"] == 2


@pytest.mark.parametrize(("seen", "key"), GONE.values(), ids=GONE)
async def test_a_device_of_which_nothing_can_be_read_gets_in(
    desk: Desk, seen: object, key: FieldCipher | None, caplog: pytest.LogCaptureFixture
) -> None:
    owner = (await desk.sign_up()).account.id
    token = await remember(desk, owner, epoch=0)
    await reseal(desk, "known_devices", seen, key)
    in_japan = Visitor(BROWSER.address, BROWSER.agent, "Tokyo, Japan")
    assert await desk.sign_in.with_password(ADA, PASSWORD, in_japan, device=Presented(token))
    assert "what is known of a device can't be read" in caplog.text
    assert not notices(desk)


async def test_a_history_that_was_forgotten_makes_no_device_familiar(desk: Desk) -> None:
    await desk.sign_up()
    await desk.engine.write(lambda db: db.execute("DELETE FROM events"))
    await desk.sign_in.with_password(ADA, PASSWORD, PHONE)
    assert notices(desk)
