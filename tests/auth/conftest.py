"""The sign-in services over a real database file and a world that tests own."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chronicle.adapters.database.sqlite.engine import Engine
from chronicle.adapters.database.sqlite.migrate import migrate
from chronicle.auth.account_lock import AccountLock
from chronicle.auth.code_sign_in import CodeSignIn
from chronicle.auth.email_change import EmailChange
from chronicle.auth.email_undo import EmailUndo
from chronicle.auth.guesser_stop import GuesserStop
from chronicle.auth.immediate_registration import ImmediateRegistration
from chronicle.auth.mailed_codes import MailedCodes, TicketKeys
from chronicle.auth.new_device import NewDeviceNotice
from chronicle.auth.password_again import PasswordAgain
from chronicle.auth.password_policy import PasswordPolicy
from chronicle.auth.password_schemes import Argon2id
from chronicle.auth.passwords import PasswordHashing
from chronicle.auth.proof_of_address import ProofOfAddress
from chronicle.auth.refresh_tokens import RefreshTokens
from chronicle.auth.refused_codes import RefusedCodes
from chronicle.auth.registration import Registration
from chronicle.auth.sessions import Lifetimes, SessionKeeping, SignedIn
from chronicle.auth.sign_in import SignIn
from chronicle.auth.tokens import AccessTokens, Issuer
from chronicle.errors import Unavailable
from chronicle.security.cursors import Cursors
from chronicle.security.encryption import BlindIndex, FieldCipher
from chronicle.security.events import EventLog
from chronicle.security.guesses import MAILED_CODES, PASSWORDS, Guesses, GuessPurpose
from chronicle.security.known_devices import MOST_OF_AN_ACCOUNT, DeviceBook
from chronicle.security.mailed_tokens import TokenDesk
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import AccountBook
from chronicle.users.addresses import AddressBook
from chronicle.users.emails import parse_email
from chronicle.wiring.databases import Tables, sqlite_tables
from tests.fakes.auth import InMemoryTickets, KeptMailer
from tests.fakes.world import FakeWorld, keyring

BASE_URL = "http://localhost:8000"
PASSWORD = "seven lamps over a quiet harbour"
BROWSER = Visitor("192.0.2.7", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
ADA = parse_email("ada@example.org")


class CountingHashing(PasswordHashing):
    """Hashes as ever, and counts; or, while it is `full`, refuses."""

    computed = 0
    full = False

    async def hash(self, password: str) -> str:
        if self.full:
            raise Unavailable("overloaded")
        self.computed += 1
        return await super().hash(password)

    async def matches(
        self, password: str, password_hash: str | None, *, known_at: bytes | None = None
    ) -> bool:
        if self.full:
            raise Unavailable("overloaded")
        self.computed += 1
        return await super().matches(password, password_hash, known_at=known_at)


@dataclass
class Desk:
    """Everything about signing in, and what tests look at."""

    world: FakeWorld
    engine: Any
    book: AccountBook
    keeping: SessionKeeping
    events: EventLog
    lock: AccountLock
    devices: DeviceBook
    sign_in: SignIn
    registration: Registration
    tickets: InMemoryTickets
    mailer: KeptMailer
    hashing: CountingHashing
    addresses: AddressBook
    again: PasswordAgain
    email_change: EmailChange
    email_undo: EmailUndo
    immediate: ImmediateRegistration
    code_sign_in: CodeSignIn

    def newest_code(self) -> str:
        return self.mailer.sent[-1].subject.split()[0]

    async def sign_up(self) -> SignedIn:
        issued = await self.registration.start(ADA, PASSWORD, "Ada")
        return await self.registration.finish(issued.ticket, self.newest_code(), BROWSER)


async def remember(desk: Desk, account_id: bytes, *, epoch: int) -> str:
    """Have an account know a browser; the token that the browser keeps."""
    token, record = desk.devices.first_use(account_id, BROWSER, epoch=epoch)
    await desk.devices.devices.add(record, keep=MOST_OF_AN_ACCOUNT)
    return token


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    path = tmp_path / "chronicle.sqlite"
    migrate(path)
    engine = Engine(path)
    desk = furnish(sqlite_tables(engine), InMemoryTickets(), KeptMailer(), engine)
    yield desk
    desk.hashing.close()
    engine.close()


def furnish(tables: Tables, tickets: InMemoryTickets, mailer: KeptMailer, engine: Any) -> Desk:
    """A desk over a database, that is to be closed by closing what hashes for it."""
    world, keys = FakeWorld(), keyring()
    cipher, index = FieldCipher(keys), BlindIndex(keys)
    book = AccountBook(tables.accounts, cipher, index, world.world)
    hashing = CountingHashing(
        Argon2id(memory_kib=64, time_cost=1, parallelism=1), threads=2, queue=8
    )
    issuer = Issuer(BASE_URL, BASE_URL, "test")
    events = EventLog(tables.events, cipher, index, Cursors(keys), world.world)
    keeping = SessionKeeping(
        sessions=tables.sessions,
        book=book,
        access_tokens=AccessTokens(keys, issuer),
        refresh_tokens=RefreshTokens(keys, world.world.random_bytes),
        cipher=cipher,
        cursors=Cursors(keys),
        issuer=issuer,
        lifetimes=Lifetimes(
            access=timedelta(minutes=10), idle=timedelta(days=30), absolute=timedelta(days=180)
        ),
        audiences=frozenset({"https://api.example.org"}),
        events=events,
        mailer=mailer,
        base_url=BASE_URL,
        world=world.world,
    )
    counts = tables.guess_counts
    devices = DeviceBook(tables.known_devices, cipher, index, world.world)
    addresses = AddressBook(book)
    lock = AccountLock(
        by_identifier=Guesses(counts, GuessPurpose.PASSWORD, PASSWORDS, world.world),
        by_device=Guesses(counts, GuessPurpose.PASSWORD_ON_DEVICE, PASSWORDS, world.world),
        book=book,
        addresses=addresses,
        tokens=TokenDesk(tables.mailed_tokens, world.world),
        mailer=mailer,
        base_url=BASE_URL,
    )
    code_guesses = Guesses(counts, GuessPurpose.MAILED_CODE, MAILED_CODES, world.world)
    new_device = NewDeviceNotice(
        book=book,
        events=events,
        tokens=TokenDesk(tables.mailed_tokens, world.world),
        mailer=mailer,
        base_url=BASE_URL,
        world=world.world,
    )
    sign_in = SignIn(
        book, keeping, tables.grants, hashing, events, devices, lock, new_device, world.world
    )
    registration = Registration(
        book=book,
        addresses=addresses,
        sign_in=sign_in,
        hashing=hashing,
        policy=PasswordPolicy(("chronicle",), breached=None),
        codes=MailedCodes(tickets, cipher, TicketKeys(keys), code_guesses, world.world),
        mailer=mailer,
        base_url=BASE_URL,
        world=world.world,
    )
    stop = GuesserStop(book, keeping, lock.tokens, mailer, BASE_URL)
    again = PasswordAgain(
        guesses=Guesses(counts, GuessPurpose.PASSWORD_AGAIN, PASSWORDS, world.world),
        hashing=hashing,
        book=book,
        events=events,
        stop=stop,
    )
    refused = RefusedCodes(events, devices, stop)
    email_change = EmailChange(
        addresses=addresses,
        codes=registration.codes,
        refused=refused,
        keeping=keeping,
        devices=devices,
        events=events,
        tokens=lock.tokens,
        mailer=mailer,
        base_url=BASE_URL,
    )
    email_undo = EmailUndo(addresses, devices, events, lock.tokens, mailer, BASE_URL)
    immediate = ImmediateRegistration(
        book=book,
        sign_in=sign_in,
        hashing=hashing,
        policy=registration.policy,
        codes=registration.codes,
        email_change=email_change,
        mailer=mailer,
        world=world.world,
    )
    code_sign_in = CodeSignIn(
        book=book,
        codes=registration.codes,
        refused=refused,
        sign_in=sign_in,
        proof=ProofOfAddress(book, devices, mailer, BASE_URL),
        spent=lock.tokens.tokens,
        mailer=mailer,
        base_url=BASE_URL,
        world=world.world,
    )
    return Desk(
        world,
        engine,
        book,
        keeping,
        events,
        lock,
        devices,
        sign_in,
        registration,
        tickets,
        mailer,
        hashing,
        addresses,
        again,
        email_change,
        email_undo,
        immediate,
        code_sign_in,
    )
