from dataclasses import replace

import pytest

from chronicle.auth.password_schemes import Argon2id
from chronicle.auth.passwords import PasswordHashing
from chronicle.errors import Unauthenticated
from chronicle.security.visitors import Visitor
from chronicle.users.emails import parse_email
from tests.auth.conftest import ADA, BROWSER, PASSWORD, Desk
from tests.fakes.faults import Fault

# Each is of "password", and cheap.
FOREIGN = [
    "$2a$04$KTwoR04l09iPKjj1hcBDsuWd.GAzZW1JQ930S.kgYTf0BUmBnjWtG",
    "$scrypt$ln=4,r=8,p=1$c29tZXNhbHQ$7xe5L3Roj67jYaBKf3ePT2Y6rVHHGUWO44Z8iz+O6PQ",
    "pbkdf2_sha256$10$seasalt$5rmNRFiRuUP33Ej2pkHvsHJP9Yky6yHqLYGPG7nFNEE=",
    "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
    "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
]


async def test_within_ten_seconds_a_racing_client_gets_the_same_successor(desk: Desk) -> None:
    first = await desk.sign_up()
    second = await desk.keeping.rotate(first.refresh_token, BROWSER)
    desk.world.pass_time(seconds=10)
    again = await desk.keeping.rotate(first.refresh_token, BROWSER)
    assert again.refresh_token == second.refresh_token


async def test_after_ten_seconds_the_old_token_is_a_replay(desk: Desk) -> None:
    first = await desk.sign_up()
    second = await desk.keeping.rotate(first.refresh_token, BROWSER)
    desk.world.pass_time(seconds=10, microseconds=1)
    with pytest.raises(Unauthenticated):
        await desk.keeping.rotate(first.refresh_token, BROWSER)
    with pytest.raises(Unauthenticated):
        await desk.keeping.rotate(second.refresh_token, BROWSER)
    with pytest.raises(Unauthenticated):
        await desk.keeping.identify(second.access_token)


async def test_once_the_successor_was_used_the_old_token_is_a_replay_at_once(desk: Desk) -> None:
    first = await desk.sign_up()
    second = await desk.keeping.rotate(first.refresh_token, BROWSER)
    third = await desk.keeping.rotate(second.refresh_token, BROWSER)
    with pytest.raises(Unauthenticated):
        await desk.keeping.rotate(first.refresh_token, BROWSER)
    with pytest.raises(Unauthenticated):
        await desk.keeping.rotate(third.refresh_token, BROWSER)


async def test_the_successor_is_kept_sealed_and_then_only_its_hash(desk: Desk) -> None:
    first = await desk.sign_up()
    second = await desk.keeping.rotate(first.refresh_token, BROWSER)
    session = await desk.keeping.sessions.get(first.session_id)
    assert session is not None
    assert session.successor is not None
    assert second.refresh_token.encode() not in session.successor
    desk.world.pass_time(seconds=11)
    assert await desk.keeping.forget_successors() == 1
    session = await desk.keeping.sessions.get(first.session_id)
    assert session is not None
    assert session.successor is None
    assert (await desk.keeping.rotate(second.refresh_token, BROWSER)).session_id == first.session_id


async def test_a_replay_ends_the_session_even_when_no_mail_can_be_sent(desk: Desk) -> None:
    first = await desk.sign_up()
    second = await desk.keeping.rotate(first.refresh_token, BROWSER)
    await desk.keeping.rotate(second.refresh_token, BROWSER)
    desk.mailer.faults.always = Fault.FAILS
    with pytest.raises(Unauthenticated):
        await desk.keeping.rotate(first.refresh_token, BROWSER)
    session = await desk.keeping.sessions.get(first.session_id)
    assert session is not None
    assert session.end_reason == "refresh_token_reused"


async def test_a_replay_stands_once_in_the_history_with_where_it_came_from(desk: Desk) -> None:
    first = await desk.sign_up()
    second = await desk.keeping.rotate(first.refresh_token, BROWSER)
    await desk.keeping.rotate(second.refresh_token, BROWSER)
    thief = Visitor("198.51.100.66", "curl/8.0")
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await desk.keeping.rotate(first.refresh_token, thief)
    page = await desk.events.page(first.account.id, cursor=None, limit=20)
    (replay,) = [event for event in page.events if event.kind == "session_replayed"]
    assert (replay.visitor, replay.session_id) == (thief, first.session_id)


async def test_an_access_token_lives_ten_minutes(desk: Desk) -> None:
    session = await desk.sign_up()
    desk.world.pass_time(minutes=9, seconds=59)
    assert (await desk.keeping.identify(session.access_token))[0].session_id == session.session_id
    desk.world.pass_time(seconds=1)
    with pytest.raises(Unauthenticated):
        await desk.keeping.identify(session.access_token)


async def test_a_step_back_of_the_clock_revives_no_session(desk: Desk) -> None:
    session = await desk.sign_up()
    await desk.keeping.end(session.session_id, "logout")
    desk.world.pass_time(seconds=-3)
    with pytest.raises(Unauthenticated):
        await desk.keeping.rotate(session.refresh_token, BROWSER)


async def test_an_unused_session_ends_after_its_idle_time(desk: Desk) -> None:
    first = await desk.sign_up()
    desk.world.pass_time(days=29)
    second = await desk.keeping.rotate(first.refresh_token, BROWSER)
    desk.world.pass_time(days=29)
    third = await desk.keeping.rotate(second.refresh_token, BROWSER)
    desk.world.pass_time(days=30)
    with pytest.raises(Unauthenticated):
        await desk.keeping.rotate(third.refresh_token, BROWSER)


async def test_no_session_outlives_its_absolute_time(desk: Desk) -> None:
    token = (await desk.sign_up()).refresh_token
    for _ in range(8):
        desk.world.pass_time(days=20)
        token = (await desk.keeping.rotate(token, BROWSER)).refresh_token
    desk.world.pass_time(days=20)
    with pytest.raises(Unauthenticated):
        await desk.keeping.rotate(token, BROWSER)


async def test_a_moved_epoch_voids_every_session_of_before(desk: Desk) -> None:
    session = await desk.sign_up()
    await desk.engine.write(lambda db: db.execute("UPDATE accounts SET epoch = epoch + 1"))
    with pytest.raises(Unauthenticated):
        await desk.keeping.identify(session.access_token)
    with pytest.raises(Unauthenticated):
        await desk.keeping.rotate(session.refresh_token, BROWSER)
    again = await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)
    assert await desk.keeping.identify(again.access_token)


async def test_a_sign_in_that_read_the_account_before_a_reset_gets_no_session(desk: Desk) -> None:
    await desk.sign_up()
    before = await desk.book.find(ADA)
    assert before is not None
    await desk.engine.write(lambda db: db.execute("UPDATE accounts SET epoch = epoch + 1"))
    granted = await desk.sign_in.grant(before, ("pwd",), BROWSER)
    with pytest.raises(Unauthenticated):
        await desk.keeping.identify(granted.access_token)


async def test_every_granted_sign_in_waits_for_the_ledger_and_no_failed_one_does(
    desk: Desk,
) -> None:
    await desk.sign_up()
    with pytest.raises(Unauthenticated):
        await desk.sign_in.with_password(ADA, PASSWORD + "!", BROWSER)
    await desk.sign_in.with_password(ADA, PASSWORD, BROWSER)
    desk.world.pass_time(seconds=2)
    pending = await desk.events.events.pending(due=desk.world.time, limit=10)
    assert len({one.entry for one in pending}) == 2


async def test_a_weak_hash_is_made_stronger_at_sign_in(desk: Desk) -> None:
    await desk.sign_up()
    weak = await desk.book.find(ADA)
    stronger = PasswordHashing(
        Argon2id(memory_kib=64, time_cost=2, parallelism=1), threads=1, queue=1
    )
    await replace(desk.sign_in, hashing=stronger).with_password(ADA, PASSWORD, BROWSER)
    strong = await desk.book.find(ADA)
    stronger.close()
    assert weak is not None
    assert strong is not None
    assert "t=1" in (desk.book.password_hash(weak) or "")
    assert "t=2" in (desk.book.password_hash(strong) or "")


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda foreign: foreign[:12])
async def test_a_hash_from_another_system_is_replaced_by_ours_at_sign_in(
    desk: Desk, foreign: str
) -> None:
    await desk.sign_up()
    ours = await desk.book.find(ADA)
    assert ours is not None
    await desk.book.rehash(ours, foreign)
    with pytest.raises(Unauthenticated):
        await desk.sign_in.with_password(ADA, "another password", BROWSER)
    kept = await desk.book.find(ADA)
    assert kept is not None
    assert desk.book.password_hash(kept) == foreign
    for _ in range(2):
        await desk.sign_in.with_password(ADA, "password", BROWSER)
        upgraded = await desk.book.find(ADA)
        assert upgraded is not None
        assert (desk.book.password_hash(upgraded) or "").startswith("$argon2id$")


async def test_one_hash_is_computed_for_known_and_unknown_accounts(desk: Desk) -> None:
    await desk.sign_up()
    counts = []
    for email, password in ((ADA, PASSWORD + "!"), (parse_email("bob@example.org"), PASSWORD)):
        before = desk.hashing.computed
        with pytest.raises(Unauthenticated, match="invalid_credentials"):
            await desk.sign_in.with_password(email, password, BROWSER)
        counts.append(desk.hashing.computed - before)
    assert counts == [1, 1]
