"""Whoever asks for an account learns nothing from the work: it is counted, not timed.

The services as they are wired, over a database and a Valkey of their own, with nothing beside them
that works on its own. The statements are those that SQLite runs, and the commands those that Valkey
has counted.
"""

import asyncio
import itertools
import re
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from chronicle import settings
from chronicle.auth.mail_delivery import QueuedMailer
from chronicle.auth.password_formats import is_password
from chronicle.auth.password_schemes import Argon2id
from chronicle.auth.ports import Mail
from chronicle.errors import Failure
from chronicle.security.visitors import Visitor
from chronicle.users.emails import EmailAddress, parse_email
from chronicle.wiring.mail import wire_mail
from chronicle.wiring.people import People, password_policy
from chronicle.wiring.storage import load_keys, open_storage, shared_state_url
from chronicle.world import World
from tests.auth.conftest import CountingHashing
from tests.running_server import CHEAP_HASHES, PASSWORD

BROWSER = Visitor("192.0.2.7", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
STRANGER = Visitor("203.0.113.9", "curl/8.0")
WRONG = "seven lamps over another harbour"
LITERAL = re.compile(r"x?'(?:[^']|'')*'|\b-?\d+\b|\bNULL\b", re.IGNORECASE)
# Valkey's commands that tell of other calls, or of a connection that was made anew.
ASIDE = {"info", "hello", "client", "auth", "select", "ping", "script"}
_numbers = itertools.count(1)


class CountingMailer:
    """Queues mails as ever, and keeps what kind each was and whether anybody gets it."""

    def __init__(self, mailer: QueuedMailer) -> None:
        self._mailer = mailer
        self.queued: list[Mail] = []

    async def send(self, mail: Mail) -> None:
        self.queued.append(mail)
        await self._mailer.send(mail)


@dataclass(frozen=True)
class Work:
    """What one call did: how it ended, hashes, statements, calls to Valkey, mails queued."""

    ended: str
    hashes: int
    statements: Counter[str]
    commands: Counter[str]
    mails: int


class House:
    """The services, and how much they do."""

    def __init__(
        self,
        people: People,
        mailer: CountingMailer,
        hashing: "WatchedHashing",
        hashes_go_on: threading.Event,
    ) -> None:
        self.people, self.mailer, self.hashing = people, mailer, hashing
        self.hashes_go_on = hashes_go_on
        self.statements: list[str] = []
        self.commands: Callable[[], Awaitable[Counter[str]]]

    async def work_of(self, act: Awaitable[object]) -> Work:
        """Do it, and count."""
        hashes, mails = self.hashing.computed, len(self.mailer.queued)
        commands = await self.commands()
        self.statements.clear()
        try:
            await act
            ended = "done"
        except Failure as failure:
            ended = failure.code
        statements = Counter(LITERAL.sub("?", one) for one in self.statements)
        return Work(
            ended,
            self.hashing.computed - hashes,
            statements,
            await self.commands() - commands,
            len(self.mailer.queued) - mails,
        )

    async def sign_up(self) -> EmailAddress:
        email = somebody()
        issued = await self.people.registration.start(email, PASSWORD, "Ada")
        code = self.mailer.queued[-1].subject.split()[0]
        await self.people.registration.finish(issued.ticket, code, BROWSER)
        return email

    async def guess(self, email: EmailAddress, password: str = WRONG) -> Work:
        return await self.work_of(self.people.sign_in.with_password(email, password, STRANGER))


class WatchedHashing(CountingHashing):
    """Tells when so many hashes were asked for."""

    async def reached(self, count: int) -> None:
        async with asyncio.timeout(20):
            while self.computed < count:  # noqa: ASYNC110 - what counts is the fakes' own
                await asyncio.sleep(0)


def waiting_at(gate: threading.Event) -> Callable[[str, str], bool | None]:
    """Verifies as ever, once the gate is open."""

    def verify(password: str, password_hash: str) -> bool | None:
        gate.wait()
        return is_password(password, password_hash)

    return verify


def somebody() -> EmailAddress:
    return parse_email(f"somebody-{next(_numbers):04}@example.org")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    chosen = settings.load({"CHRONICLE_DATA_DIR": str(tmp_path), **CHEAP_HASHES})
    world = World()
    async with AsyncExitStack() as stack:
        keys = load_keys(chosen)
        url = await shared_state_url(chosen, stack, [])
        storage = await open_storage(chosen, url, stack)
        scheme = Argon2id(memory_kib=64, time_cost=1, parallelism=1)
        gate = threading.Event()
        gate.set()
        hashing = WatchedHashing(scheme, threads=1, queue=2, verify=waiting_at(gate))
        stack.callback(hashing.close)
        mailer = CountingMailer(wire_mail(chosen, keys, storage, stack, world).mailer)
        people = People(
            settings=chosen,
            keys=keys,
            storage=storage,
            mailer=mailer,  # type: ignore[arg-type]
            hashing=hashing,
            policy=await password_policy(chosen, stack),
            world=world,
        )
        house = House(people, mailer, hashing, gate)
        engine = storage.accounts._engine  # type: ignore[attr-defined]
        for connection in (engine._reader, engine._writer):
            connection.set_trace_callback(house.statements.append)

        async def commands() -> Counter[str]:
            told = await storage.shared_state.ask("INFO", "commandstats", key="any")
            calls = re.findall(r"cmdstat_([\w|]+):calls=(\d+)", told.decode())
            return Counter({name: int(n) for name, n in calls if name not in ASIDE})

        house.commands = commands
        yield house


async def without_password(house: House) -> EmailAddress:
    """Somebody whose password is void, as after "this wasn't me"."""
    email = await house.sign_up()
    account = await house.people.book.find(email)
    assert account is not None
    assert await house.people.book.change_password(account, None, how="report") is not None
    return email


async def test_a_refused_sign_in_is_the_same_work_whoever_it_is_for(house: House) -> None:
    known, bare, unknown = await house.sign_up(), await without_password(house), somebody()
    works = {
        who: [await house.guess(email) for _ in range(8)]
        for who, email in (("known", known), ("no password", bare), ("unknown", unknown))
    }
    assert works["known"] == works["unknown"]
    assert works["no password"] == works["unknown"]
    ends = ["invalid_credentials"] * 5 + ["too_many_attempts"] * 3
    assert [work.ended for work in works["known"]] == ends
    assert [work.hashes for work in works["known"]] == [1] * 8
    # The fifth begins the lock and tells the owner, or queues a mail to nobody.
    assert [work.mails for work in works["known"]] == [0, 0, 0, 0, 1, 0, 0, 0]
    assert all(work.statements for work in works["known"])


async def test_while_it_is_locked_the_right_password_is_the_work_of_a_wrong_one(
    house: House,
) -> None:
    known, unknown = await house.sign_up(), somebody()
    for _ in range(5):
        await house.guess(known)
        await house.guess(unknown)
    works = [
        await house.guess(known, PASSWORD),
        await house.guess(known),
        await house.guess(unknown, PASSWORD),
    ]
    assert works[0] == works[1] == works[2]
    assert (works[0].ended, works[0].hashes) == ("too_many_attempts", 1)


async def test_a_forgotten_password_is_the_same_work_with_and_without_an_account(
    house: House,
) -> None:
    start = house.people.password_reset.start
    known, bare = await house.sign_up(), await without_password(house)
    works = [await house.work_of(start(email)) for email in (known, bare, somebody())]
    assert works[0] == works[1] == works[2]
    assert (works[0].ended, works[0].mails) == ("done", 1)
    assert works[0].commands


async def test_a_mailed_code_is_the_same_work_with_and_without_an_account(house: House) -> None:
    start = house.people.code_sign_in.start
    known, bare = await house.sign_up(), await without_password(house)
    works = [await house.work_of(start(email)) for email in (known, bare, somebody())]
    assert works[0] == works[1] == works[2]
    assert (works[0].ended, works[0].mails) == ("done", 1)


async def test_a_sign_up_is_the_same_work_for_a_taken_address(house: House) -> None:
    known = await house.sign_up()
    start = house.people.registration.start
    works = [await house.work_of(start(email, PASSWORD, "Ada")) for email in (known, somebody())]
    assert works[0] == works[1]
    assert (works[0].ended, works[0].hashes, works[0].mails) == ("done", 1, 1)


async def ticket_for(people: People, way: str, email: EmailAddress) -> str:
    if way == "forgot":
        return (await people.password_reset.start(email)).ticket
    if way == "code":
        return (await people.code_sign_in.start(email)).ticket
    return (await people.registration.start(email, PASSWORD, None)).ticket


def enter_wrong_code(people: People, way: str, ticket: str) -> Awaitable[object]:
    if way == "forgot":
        return people.password_reset.finish_with_code(ticket, "0000-0000", WRONG, STRANGER)
    if way == "code":
        return people.code_sign_in.finish(ticket, "0000-0000", STRANGER)
    return people.registration.finish(ticket, "0000-0000", STRANGER)


@pytest.mark.parametrize("way", ["forgot", "code", "sign-up"])
async def test_a_wrong_code_is_the_same_work_with_and_without_an_account(
    house: House, way: str
) -> None:
    works = []
    for email in (await house.sign_up(), somebody()):
        ticket = await ticket_for(house.people, way, email)
        works.append(
            [await house.work_of(enter_wrong_code(house.people, way, ticket)) for _ in range(6)]
        )
    assert works[0] == works[1]
    assert [work.ended for work in works[0]] == ["invalid_code"] * 5 + ["ticket_expired"]


async def test_when_too_many_sign_in_at_once_nothing_else_is_done_for_anybody(
    house: House,
) -> None:
    known, unknown = await house.sign_up(), somebody()
    before = house.hashing.computed
    house.hashes_go_on.clear()
    try:
        waiting = [asyncio.ensure_future(house.guess(somebody())) for _ in range(3)]
        await house.hashing.reached(before + 3)
        works = [await house.guess(known), await house.guess(unknown)]
    finally:
        house.hashes_go_on.set()
    await asyncio.gather(*waiting)
    assert works[0] == works[1]
    assert (works[0].ended, works[0].hashes, works[0].mails) == ("overloaded", 0, 0)
    assert not works[0].statements
    assert [(await house.guess(known)).ended for _ in range(6)].count("invalid_credentials") == 5


async def test_the_counts_tell_work_apart(house: House) -> None:
    """Otherwise all of the above would hold of counters that count nothing."""
    email = await house.sign_up()
    refused, granted = await house.guess(email), await house.guess(email, PASSWORD)
    assert granted.statements.total() > refused.statements.total() > 3
    assert granted.mails == 1  # of a new device
    issued = await house.work_of(house.people.code_sign_in.start(email))
    assert issued.commands.total() >= 1
