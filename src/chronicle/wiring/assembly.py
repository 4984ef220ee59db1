"""Starts everything, hands it to the server, and stops it again."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta

import uvloop

from chronicle.adapters.key_watch import KeyWatch
from chronicle.adapters.shared_state.valkey_challenges import ValkeySpentChallenges
from chronicle.adapters.shared_state.valkey_limits import ValkeyLimiter
from chronicle.adapters.shared_state.valkey_locks import ValkeyLocks
from chronicle.api import server
from chronicle.api.application import Application
from chronicle.api.challenge import ChallengeDesk
from chronicle.api.log_lines import configure_logging
from chronicle.clock import ClockFloor, guarded
from chronicle.errors import CannotStart, Failure, Unavailable
from chronicle.ledger.checkpoints import settled_origin
from chronicle.ledger.log_reader import LogReader
from chronicle.ledger.notes import Signer
from chronicle.ledger.sequencer import Sequencer
from chronicle.overview.gather import OverviewDesk
from chronicle.security.blocklist import Blocklist
from chronicle.security.challenges import Challenges
from chronicle.security.encryption import BlindIndex, FieldCipher
from chronicle.security.keys import Purpose
from chronicle.security.limits import Limits
from chronicle.security.load_watch import LoadWatch
from chronicle.settings import Settings
from chronicle.uploads.receive import UploadDesk
from chronicle.wiring.databases import open_tables
from chronicle.wiring.mail import MailParts, wire_mail
from chronicle.wiring.people import People, password_hashing, password_policy
from chronicle.wiring.storage import (
    EvictionWatch,
    Storage,
    load_keys,
    open_places,
    open_storage,
    shared_state_url,
)
from chronicle.worker.schedule import Chore, running
from chronicle.world import World

_log = logging.getLogger(__name__)


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


@asynccontextmanager
async def open_application(settings: Settings, world: World) -> AsyncIterator[Application]:
    """The application with everything that it needs running, until the block ends.

    Raises:
        CannotStart: as `run`.
    """
    async with AsyncExitStack() as stack:
        keys = load_keys(settings)
        jobs: list[Callable[[], Awaitable[None]]] = []
        valkey_url = await shared_state_url(settings, stack, jobs)
        storage = await open_storage(settings, valkey_url, stack)
        machine_now = world.now
        world = await guarded(world, storage.clock_floor)
        origin = await settled_origin(storage.checkpoints, settings.ledger_origin)
        signer = Signer(origin, keys.active(Purpose.LEDGER).secret)
        sequencer = await _start_ledger(storage, signer, world)
        jobs.append(sequencer.run)
        mail = wire_mail(settings, keys, storage, stack, world)
        jobs.append(mail.delivery.run)
        load = LoadWatch(world.now, scale=settings.limit_scale)
        hashing = password_hashing(settings, load.strained)
        stack.callback(hashing.close)
        people = People(
            settings=settings,
            keys=keys,
            storage=storage,
            mailer=mail.mailer,
            hashing=hashing,
            policy=await password_policy(settings, stack),
            world=world,
        )
        blocklist = Blocklist(storage.blocks, people.cipher, people.index, world)
        await blocklist.refresh()
        log = LogReader(storage.tiles)
        desk = UploadDesk(
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
        )
        app = Application(
            settings=settings,
            world=world,
            book=people.book,
            registration=people.registration,
            immediate_registration=people.immediate_registration,
            code_sign_in=people.code_sign_in,
            credentials=people.credentials,
            password_reset=people.password_reset,
            report=people.report,
            email_change=people.email_change,
            email_undo=people.email_undo,
            reauthentication=people.reauthentication,
            sign_in=people.sign_in,
            sign_out=people.sign_out,
            sessions=people.sessions,
            introspection=people.introspection,
            events=people.events,
            blocklist=blocklist,
            limits=Limits(
                ValkeyLimiter(storage.shared_state), people.index, scale=settings.limit_scale
            ),
            challenges=ChallengeDesk(
                demand=settings.challenge,
                challenges=Challenges(
                    keys,
                    ValkeySpentChallenges(storage.shared_state),
                    world,
                    difficulty=settings.challenge_difficulty,
                ),
                load=load,
                devices=people.devices,
                book=people.book,
            ),
            lock=people.lock,
            devices=people.devices,
            places=open_places(settings),
            uploads=desk,
            overviews=OverviewDesk(
                overviews=storage.overviews,
                book=people.book,
                events=people.events,
                sessions=people.sessions,
                uploads=desk,
                world=world,
            ),
            log=log,
            log_key=signer.verifier,
            outbox=mail.outbox,
            mail_settled=mail.delivery.settle,
            health=_health_checks(storage, sequencer),
            circuits={"shared_state": lambda: storage.shared_state.circuit},
        )
        # By the clock that `chronicle keys rotate` goes by: a server whose time is ahead of that
        # would sign with a new key before anybody else knows it.
        watch = KeyWatch(settings.keys_file, keys, machine_now)
        eviction = EvictionWatch(storage.shared_state)
        await eviction.look()
        chores = [
            *_chores(settings, people, blocklist, mail, storage),
            Chore("follow keys", 2, watch.look),
            Chore("look whether Valkey evicts", 60, eviction.look),
        ]
        async with running(jobs, chores, ValkeyLocks(storage.shared_state, world)):
            yield app
            ends = (
                mail.delivery.stop(),
                sequencer.stop(),
                _note_the_time(storage.clock_floor, world),
            )
            # At once, since each waits for a database that is down. What is cut off here goes on at
            # the next start.
            try:
                async with asyncio.timeout(settings.drain_seconds):
                    await asyncio.gather(*ends)
            except TimeoutError:
                _log.warning("stopped before mails and ledger had come to an end; they go on later")


async def _note_the_time(floor: ClockFloor, world: World) -> None:
    # Without it, the next start knows the time of up to one turn of the chore ago.
    with suppress(Unavailable):
        await floor.raise_to(world.now())


def _chores(
    settings: Settings, people: People, blocklist: Blocklist, mail: MailParts, storage: Storage
) -> list[Chore]:
    keep_events = timedelta(days=settings.event_days)
    keep_mails = timedelta(days=settings.mail_days)
    hourly: dict[str, Callable[[], Awaitable[object]]] = {
        "forget old blocks": blocklist.forget_old,
        "forget old events": lambda: people.events.forget_old(keep_events),
        "forget old guesses": people.lock.forget_old,
        "forget old devices": people.devices.forget_old,
        "forget old mails": lambda: mail.delivery.forget_done(keep_mails),
        "forget old addresses": people.addresses.forget_old,
        "forget old sessions": people.sessions.forget_old,
        "forget old tokens": people.tokens.forget_old,
    }
    return [
        Chore("forget successors", 5, people.sessions.forget_successors),
        Chore("refresh the blocklist", 2, blocklist.refresh),
        Chore("note the time", 5, lambda: storage.clock_floor.raise_to(people.world.now())),
        *(Chore(name, 3600, do, one=True) for name, do in hourly.items()),
    ]


@asynccontextmanager
async def open_blocklist(settings: Settings) -> AsyncIterator[Blocklist]:
    """The blocklist alone, over the database as it lies there, until the block ends.

    Raises:
        CannotStart: as `run`.
    """
    keys = load_keys(settings)
    async with AsyncExitStack() as stack:
        tables = await open_tables(settings, stack)
        yield Blocklist(tables.blocks, FieldCipher(keys), BlindIndex(keys), World())


@asynccontextmanager
async def open_clock_floor(settings: Settings) -> AsyncIterator[ClockFloor]:
    """The highest time seen, in the database as it lies there, until the block ends.

    Raises:
        CannotStart: as `run`.
    """
    async with AsyncExitStack() as stack:
        yield (await open_tables(settings, stack)).clock_floor


async def _start_ledger(storage: Storage, signer: Signer, world: World) -> Sequencer:
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


def _health_checks(
    storage: Storage, sequencer: Sequencer
) -> dict[str, Callable[[], Awaitable[bool]]]:
    async def ledger() -> bool:
        return sequencer.trouble is None

    return {
        "database": storage.database_is_up,
        "shared_state": storage.shared_state.is_up,
        "ledger": ledger,
    }
