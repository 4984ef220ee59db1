"""Puts Chronicle together: the only file that chooses adapters."""

import asyncio
import gc
import logging
import sqlite3
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2
import uvloop
from redis.asyncio import Redis

from chronicle.adapters import keys_file
from chronicle.adapters.breaches.hibp import HibpBreaches
from chronicle.adapters.database.sqlite.accounts import SqliteAccounts
from chronicle.adapters.database.sqlite.blocks import SqliteBlocks
from chronicle.adapters.database.sqlite.checkpoints import SqliteCheckpoints
from chronicle.adapters.database.sqlite.engine import Engine
from chronicle.adapters.database.sqlite.events import SqliteEvents
from chronicle.adapters.database.sqlite.guess_counts import SqliteGuessCounts
from chronicle.adapters.database.sqlite.known_devices import SqliteKnownDevices
from chronicle.adapters.database.sqlite.mailed_tokens import SqliteMailedTokens
from chronicle.adapters.database.sqlite.mails import SqliteMails
from chronicle.adapters.database.sqlite.migrate import DatabaseTooNew, migrate
from chronicle.adapters.database.sqlite.sessions import SqliteSessions
from chronicle.adapters.database.sqlite.uploads import SqliteUploads
from chronicle.adapters.ipfs.local import LocalContentStore
from chronicle.adapters.mail.brevo import BrevoTransport
from chronicle.adapters.mail.outbox import OutboxFolder
from chronicle.adapters.mail.smtp import SmtpTransport, smtp_server
from chronicle.adapters.shared_state import valkey
from chronicle.adapters.shared_state.valkey_limits import ValkeyLimiter
from chronicle.adapters.shared_state.valkey_locks import ValkeyLocks
from chronicle.adapters.shared_state.valkey_process import ValkeyProcess
from chronicle.adapters.tiles.folder import FolderTiles
from chronicle.api import server
from chronicle.api.application import Application
from chronicle.api.log_lines import configure_logging
from chronicle.auth.account_lock import AccountLock
from chronicle.auth.code_sign_in import CodeSignIn
from chronicle.auth.credentials import Credentials
from chronicle.auth.mail_delivery import MailDelivery, QueuedMailer, SealedMails
from chronicle.auth.mailed_codes import MailedCodes
from chronicle.auth.new_device import NewDeviceNotice
from chronicle.auth.password_policy import PasswordPolicy
from chronicle.auth.password_reset import PasswordReset
from chronicle.auth.password_schemes import Argon2id, BcryptSha256, PasswordScheme
from chronicle.auth.passwords import PasswordHashing
from chronicle.auth.ports import MailTransport
from chronicle.auth.refresh_tokens import RefreshTokens
from chronicle.auth.registration import Registration
from chronicle.auth.report import Report
from chronicle.auth.sessions import Lifetimes, SessionKeeping
from chronicle.auth.sign_in import SignIn
from chronicle.auth.tokens import AccessTokens, Issuer
from chronicle.errors import CannotStart, Failure
from chronicle.ledger.checkpoints import settled_origin
from chronicle.ledger.log_reader import LogReader
from chronicle.ledger.notes import Signer
from chronicle.ledger.sequencer import Sequencer
from chronicle.security.blocklist import Blocklist
from chronicle.security.cursors import Cursors
from chronicle.security.encryption import BlindIndex, FieldCipher
from chronicle.security.events import EventLog
from chronicle.security.guesses import MAILED_CODES, PASSWORDS, Guesses, GuessPurpose
from chronicle.security.keys import Keyring, Purpose
from chronicle.security.known_devices import DeviceBook
from chronicle.security.limits import Limits
from chronicle.security.mailed_tokens import TokenDesk
from chronicle.setting_values import host_of
from chronicle.settings import BreachCheck, Mailer, PasswordHash, Settings
from chronicle.uploads.receive import UploadDesk
from chronicle.users.accounts import AccountBook
from chronicle.worker.schedule import Chore, running
from chronicle.world import World

_log = logging.getLogger(__name__)

_HINT = "Is CHRONICLE_VALKEY_URL right, and is the server there running?"
_CLIENT_ID = "chronicle-console"


def run(settings: Settings) -> None:
    """Serve until told to stop.

    Raises:
        CannotStart: something that is needed is missing; the message says what to do.
    """
    configure_logging(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    try:
        listener = server.listen(settings.host, settings.port)
    except OSError as error:
        raise CannotStart(
            f"Can't listen on {settings.host}:{settings.port}: {error.strerror}. "
            "Set CHRONICLE_PORT to a free port."
        ) from error
    with listener:
        settings = settings.bound_to(listener.getsockname()[1])
        async with open_application(settings, World()) as app:
            # What start-up made stays; the collector need not look at it again.
            gc.collect()
            gc.freeze()
            await server.serve(app, listener, on_ready=lambda: _greet(settings))


def _greet(settings: Settings) -> None:
    print(f"Chronicle is ready at {settings.base_url}", flush=True)  # noqa: T201


@dataclass(frozen=True, slots=True)
class _Storage:
    """Everything that keeps something, opened."""

    accounts: SqliteAccounts
    sessions: SqliteSessions
    events: SqliteEvents
    mailed_tokens: SqliteMailedTokens
    blocks: SqliteBlocks
    guess_counts: SqliteGuessCounts
    known_devices: SqliteKnownDevices
    mails: SqliteMails
    uploads: SqliteUploads
    checkpoints: SqliteCheckpoints
    tiles: FolderTiles
    content: LocalContentStore
    shared_state: Redis
    engine: Engine


@asynccontextmanager
async def open_application(settings: Settings, world: World) -> AsyncIterator[Application]:
    """The application with everything that it needs running, until the block ends.

    Raises:
        CannotStart: as `run`.
    """
    async with AsyncExitStack() as stack:
        keys = _keys(settings)
        jobs: list[Callable[[], Awaitable[None]]] = []
        valkey_url = await _shared_state_url(settings, stack, jobs)
        storage = await _storage(settings, valkey_url, stack)
        origin = await settled_origin(storage.checkpoints, settings.ledger_origin)
        signer = Signer(origin, keys.active(Purpose.LEDGER).secret)
        sequencer = await _ledger(storage, signer, world)
        jobs.append(sequencer.run)
        mail = _mail(settings, keys, storage, stack, world)
        jobs.append(mail.delivery.run)
        hashing = _hashing(settings)
        stack.callback(hashing.close)
        people = _People(
            settings=settings,
            keys=keys,
            storage=storage,
            mailer=mail.mailer,
            hashing=hashing,
            policy=await _password_policy(settings, stack),
            wake_ledger=sequencer.wake,
            world=world,
        )
        blocklist = Blocklist(storage.blocks, people.cipher, people.index, world)
        await blocklist.refresh()
        log = LogReader(storage.tiles)
        app = Application(
            settings=settings,
            world=world,
            book=people.book,
            registration=people.registration,
            code_sign_in=people.code_sign_in,
            credentials=people.credentials,
            password_reset=people.password_reset,
            report=people.report,
            sign_in=people.sign_in,
            sessions=people.sessions,
            events=people.events,
            blocklist=blocklist,
            limits=Limits(
                ValkeyLimiter(storage.shared_state), people.index, scale=settings.limit_scale
            ),
            lock=people.lock,
            devices=people.devices,
            uploads=UploadDesk(
                uploads=storage.uploads,
                contents=storage.content,
                book=people.book,
                cipher=people.cipher,
                index=people.index,
                cursors=people.cursors,
                indexing=sequencer,
                log=log,
                world=world,
                largest_file=settings.upload_limit,
            ),
            log=log,
            log_key=signer.verifier,
            outbox=mail.outbox,
            mail_settled=mail.delivery.settle,
            health=_health(storage, sequencer),
        )
        keep_events = timedelta(days=settings.event_days)
        keep_mails = timedelta(days=settings.mail_days)
        chores = [
            Chore("forget successors", 5, people.sessions.forget_successors),
            Chore("refresh the blocklist", 2, blocklist.refresh),
            Chore("forget old blocks", 3600, blocklist.forget_old, one=True),
            Chore(
                "forget old events", 3600, lambda: people.events.forget_old(keep_events), one=True
            ),
            Chore("forget old guesses", 3600, people.lock.forget_old, one=True),
            Chore("forget old devices", 3600, people.devices.forget_old, one=True),
            Chore(
                "forget old mails", 3600, lambda: mail.delivery.forget_done(keep_mails), one=True
            ),
        ]
        async with running(jobs, chores, ValkeyLocks(storage.shared_state, world)):
            yield app
            await mail.delivery.stop(within_seconds=settings.drain_seconds)
            await sequencer.stop()


@contextmanager
def open_blocklist(settings: Settings) -> Iterator[Blocklist]:
    """The blocklist alone, over the database as it lies there, until the block ends.

    Raises:
        CannotStart: as `run`.
    """
    keys = _keys(settings)
    engine = _database(settings.database_path)
    try:
        yield Blocklist(SqliteBlocks(engine), FieldCipher(keys), BlindIndex(keys), World())
    finally:
        engine.close()


def _keys(settings: Settings) -> Keyring:
    if settings.production:
        return keys_file.load(settings.keys_file)
    return keys_file.load_or_create(settings.keys_file)


async def _shared_state_url(
    settings: Settings, stack: AsyncExitStack, jobs: list[Callable[[], Awaitable[None]]]
) -> str:
    if settings.valkey_url is not None:
        return settings.valkey_url.reveal()
    process = ValkeyProcess(settings.data_dir)
    await process.start()
    stack.push_async_callback(process.stop)
    jobs.append(process.watch)
    return process.url


async def _storage(settings: Settings, valkey_url: str, stack: AsyncExitStack) -> _Storage:
    engine = await asyncio.to_thread(_database, settings.database_path)
    stack.callback(engine.close)
    shared_state = valkey.connect(valkey_url)
    if not await valkey.is_up(shared_state):
        # No reason to refuse: who is signed in can go on, and it may come back at any moment.
        _log.error("Valkey does not answer; until it does, no code is made or checked. %s", _HINT)
    stack.push_async_callback(shared_state.aclose)
    uploads = SqliteUploads(engine)
    content = LocalContentStore(settings.data_dir / "content", has_cid=uploads.has_cid)
    try:
        await content.open()
    except Failure as failure:
        raise CannotStart(f"Can't use {settings.data_dir / 'content'}: {failure}") from failure
    stack.push_async_callback(content.close)
    return _Storage(
        accounts=SqliteAccounts(engine),
        sessions=SqliteSessions(engine),
        events=SqliteEvents(engine),
        mailed_tokens=SqliteMailedTokens(engine),
        blocks=SqliteBlocks(engine),
        guess_counts=SqliteGuessCounts(engine),
        known_devices=SqliteKnownDevices(engine),
        mails=SqliteMails(engine),
        uploads=uploads,
        checkpoints=SqliteCheckpoints(engine),
        tiles=FolderTiles(settings.data_dir / "ledger"),
        content=content,
        shared_state=shared_state,
        engine=engine,
    )


def _database(path: Path) -> Engine:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        migrate(path)
        return Engine(path)
    except (sqlite3.Error, OSError, DatabaseTooNew) as error:
        raise CannotStart(f"The database {path} can't be used: {error}") from error


async def _ledger(storage: _Storage, signer: Signer, world: World) -> Sequencer:
    sequencer = Sequencer(
        store=storage.tiles,
        checkpoints=storage.checkpoints,
        sources=(storage.uploads, storage.events, storage.accounts),
        signer=signer,
        clock=world.now,
    )
    try:
        await sequencer.start()
    except Failure as failure:
        raise CannotStart(
            f"The ledger can't go on ({failure.code}): {failure.message}"
        ) from failure
    return sequencer


@dataclass(frozen=True, slots=True)
class _Mail:
    """How mail is kept and sent; `outbox` where it goes into a folder."""

    mailer: QueuedMailer
    delivery: MailDelivery
    outbox: OutboxFolder | None


def _mail(
    settings: Settings, keys: Keyring, storage: _Storage, stack: AsyncExitStack, world: World
) -> _Mail:
    transport = _transport(settings, stack)
    sealed = SealedMails(FieldCipher(keys), world)
    delivery = MailDelivery(
        storage.mails, transport, sealed, attempt_seconds=settings.mail_seconds, world=world
    )
    outbox = transport if isinstance(transport, OutboxFolder) else None
    return _Mail(QueuedMailer(storage.mails, sealed, delivery.wake), delivery, outbox)


def _transport(settings: Settings, stack: AsyncExitStack) -> MailTransport:
    sender = settings.mail_from
    if settings.mailer is Mailer.SMTP and settings.smtp_url is not None:
        return SmtpTransport(
            smtp_server(settings.smtp_url.reveal()),
            sender=sender,
            step_seconds=settings.mail_seconds,
            tls=ssl.create_default_context(),
        )
    if settings.mailer is Mailer.BREVO and settings.brevo_api_key is not None:
        client = httpx2.AsyncClient(timeout=settings.mail_seconds)
        stack.push_async_callback(client.aclose)
        return BrevoTransport(
            client,
            url=settings.brevo_url,
            api_key=settings.brevo_api_key.reveal(),
            sender=sender,
        )
    return OutboxFolder(settings.data_dir / "outbox", sender=sender)


def _hashing(settings: Settings) -> PasswordHashing:
    scheme: PasswordScheme
    if settings.password_hash is PasswordHash.BCRYPT:
        scheme = BcryptSha256(cost=settings.bcrypt_cost)
    else:
        scheme = Argon2id(
            memory_kib=settings.argon2_memory_kib,
            time_cost=settings.argon2_time_cost,
            parallelism=settings.argon2_parallelism,
        )
    return PasswordHashing(scheme, threads=settings.hash_pool_size, queue=settings.hash_queue_limit)


async def _password_policy(settings: Settings, stack: AsyncExitStack) -> PasswordPolicy:
    breached = None
    if settings.breach_check is BreachCheck.HIBP:
        breached = await stack.enter_async_context(HibpBreaches(settings.breach_url))
    host = host_of(settings.base_url)
    return PasswordPolicy(("chronicle", host, *host.split(".")[:-1]), breached)


class _People:
    """How people sign up, sign in and stay signed in."""

    def __init__(
        self,
        *,
        settings: Settings,
        keys: Keyring,
        storage: _Storage,
        mailer: QueuedMailer,
        hashing: PasswordHashing,
        policy: PasswordPolicy,
        wake_ledger: Callable[[], None],
        world: World,
    ) -> None:
        self.cipher, self.index = FieldCipher(keys), BlindIndex(keys)
        self.cursors = Cursors(keys)
        self.book = AccountBook(storage.accounts, self.cipher, self.index, world)
        issuer = Issuer(settings.base_url, settings.base_url, _CLIENT_ID)
        self.sessions = SessionKeeping(
            sessions=storage.sessions,
            book=self.book,
            access_tokens=AccessTokens(keys, issuer),
            refresh_tokens=RefreshTokens(keys, world.random_bytes),
            cipher=self.cipher,
            issuer=issuer,
            lifetimes=Lifetimes(
                access=timedelta(seconds=settings.access_token_seconds),
                idle=timedelta(seconds=settings.refresh_idle_seconds),
                absolute=timedelta(seconds=settings.refresh_absolute_seconds),
            ),
            audiences=frozenset(settings.audiences),
            mailer=mailer,
            base_url=settings.base_url,
            world=world,
        )
        self.events = EventLog(storage.events, self.cipher, self.index, self.cursors, world)
        tokens = TokenDesk(storage.mailed_tokens, world)
        counts = storage.guess_counts
        self.devices = DeviceBook(storage.known_devices, self.cipher, world)
        self.lock = AccountLock(
            by_identifier=Guesses(counts, GuessPurpose.PASSWORD, PASSWORDS, world),
            by_device=Guesses(counts, GuessPurpose.PASSWORD_ON_DEVICE, PASSWORDS, world),
            devices=self.devices,
            book=self.book,
            tokens=tokens,
            mailer=mailer,
            base_url=settings.base_url,
        )
        self.sign_in = SignIn(
            book=self.book,
            keeping=self.sessions,
            hashing=hashing,
            events=self.events,
            lock=self.lock,
            new_device=NewDeviceNotice(
                book=self.book,
                events=self.events,
                devices=self.devices,
                tokens=tokens,
                mailer=mailer,
                base_url=settings.base_url,
                world=world,
            ),
            world=world,
            wake_ledger=wake_ledger,
        )
        tickets = valkey.ValkeyTickets(storage.shared_state)
        code_guesses = Guesses(counts, GuessPurpose.MAILED_CODE, MAILED_CODES, world)
        codes = MailedCodes(tickets, self.cipher, self.index, code_guesses, world)
        self.code_sign_in = CodeSignIn(
            book=self.book,
            codes=codes,
            sign_in=self.sign_in,
            spent=storage.mailed_tokens,
            mailer=mailer,
            base_url=settings.base_url,
            world=world,
        )
        self.credentials = Credentials(
            book=self.book,
            keeping=self.sessions,
            hashing=hashing,
            policy=policy,
            events=self.events,
            tokens=tokens,
            mailer=mailer,
            base_url=settings.base_url,
            world=world,
        )
        self.password_reset = PasswordReset(
            book=self.book,
            codes=codes,
            credentials=self.credentials,
            lock=self.lock,
            tokens=tokens,
            mailer=mailer,
            base_url=settings.base_url,
        )
        self.report = Report(
            book=self.book,
            events=self.events,
            tokens=tokens,
            mailer=mailer,
            base_url=settings.base_url,
        )
        self.registration = Registration(
            book=self.book,
            sign_in=self.sign_in,
            hashing=hashing,
            policy=policy,
            codes=codes,
            mailer=mailer,
            base_url=settings.base_url,
            world=world,
        )


def _health(storage: _Storage, sequencer: Sequencer) -> dict[str, Callable[[], Awaitable[bool]]]:
    async def database() -> bool:
        try:
            storage.engine.one("SELECT 1 FROM checkpoint", ())
        except Failure:
            return False
        return True

    async def ledger() -> bool:
        return sequencer.trouble is None

    return {
        "database": database,
        "shared_state": lambda: valkey.is_up(storage.shared_state),
        "ledger": ledger,
    }
