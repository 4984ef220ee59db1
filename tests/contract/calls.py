"""One call of each method of every database port, over rows for which it has something to do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chronicle.auth.ports import Granted, Rotation, SessionRecord, WaitingMail
from chronicle.errors import Conflict
from chronicle.ledger.ports import Placed
from chronicle.overview.ports import Part
from chronicle.security.guesses import LockRule
from chronicle.security.ports import (
    BlockRecord,
    DeviceUse,
    EventRecord,
    KnownDeviceRecord,
    MailedTokenRecord,
    RightGuess,
)
from chronicle.uploads.ports import UploadRecord
from chronicle.users.ports import AccountRecord, AddressChange, CredentialChange
from chronicle.wiring.databases import Tables
from tests.contract.test_accounts import a_change, an_account, another_address
from tests.contract.test_checkpoints import a_checkpoint
from tests.contract.test_events import a_granted, an_event
from tests.contract.test_every_table import REFUSED
from tests.contract.test_known_devices import a_device
from tests.contract.test_mailed_tokens import a_token
from tests.contract.test_sessions import a_rotation, a_session
from tests.contract.test_uploads import an_upload
from tests.fakes.world import FakeWorld

RULE = LockRule(every=9, lengths=(timedelta(minutes=1),), forgotten_after=timedelta(hours=1))
MICROSECOND = timedelta(microseconds=1)


@dataclass
class Rows:
    """What is stored, and as `new_*` what is to be."""

    now: datetime
    account: AccountRecord
    unverified: AccountRecord
    change_id: bytes
    new_account: AccountRecord
    session: SessionRecord
    new_session: SessionRecord
    rotation: Rotation
    event: EventRecord
    new_event: EventRecord
    token: MailedTokenRecord
    new_token: MailedTokenRecord
    device: KnownDeviceRecord
    new_device: KnownDeviceRecord
    upload: UploadRecord
    new_upload: UploadRecord
    claimed: WaitingMail
    new_mail: WaitingMail
    change: CredentialChange
    new_address: AddressChange
    right_guess: RightGuess


async def stock(tables: Tables, world: FakeWorld, *, checkpoint: bool = True) -> Rows:
    """Store a row of each kind, and of each kind that is to be forgotten one that has expired."""
    long_ago, account = world.time, an_account(world)
    unverified = replace(an_account(world, b"u" * 32), email_verified=False)
    moved = an_account(world, b"m" * 32)
    for each in (account, unverified, moved):
        await tables.accounts.add(each)
    move = another_address(world, b"n" * 32)
    await tables.accounts.change_email(moved.id, move, seen_epoch=0)
    expired_session, expired_device = a_session(world, account), a_device(account.id, world)
    await tables.sessions.add(expired_session)
    await tables.known_devices.add(expired_device, keep=50)
    await tables.mailed_tokens.add(a_token(world, account))
    await tables.blocks.put(BlockRecord(b"old", b"sealed", long_ago, long_ago + timedelta(days=1)))
    await tables.events.add(an_event(world, account.id))
    await tables.guess_counts.count("password", b"old", rule=RULE, now=long_ago)
    await tables.mails.add(WaitingMail(world.world.new_id(), b"sealed", 0, long_ago))
    (done,) = await tables.mails.claim(now=long_ago, until=world.time, limit=1)
    await tables.mails.mark_sent(done, now=long_ago)
    world.pass_time(days=400)
    now = world.time
    session, rotated = a_session(world, account), a_session(world, account)
    event, token = replace(a_granted(world), account_id=account.id), a_token(world, account)
    device, upload = a_device(account.id, world), an_upload(world, account)
    upload = replace(upload, key_index=b"k" * 32)
    await tables.sessions.add(session)
    await tables.sessions.add(rotated)
    await tables.sessions.rotate(rotated.id, a_rotation(world, old=b"h0", new=b"h1"))
    await tables.events.add(event)
    await tables.mailed_tokens.add(token)
    await tables.known_devices.add(device, keep=50)
    await tables.uploads.add(upload)
    await tables.blocks.put(BlockRecord(b"one", b"sealed", now, None))
    for _ in range(2):
        await tables.guess_counts.count("password", b"ada", rule=RULE, now=now)
    await tables.mails.add(WaitingMail(world.world.new_id(), b"sealed", 0, now))
    (claimed,) = await tables.mails.claim(now=now, until=now + timedelta(minutes=1), limit=1)
    await tables.mails.add(WaitingMail(world.world.new_id(), b"sealed", 0, now))
    await tables.clock_floor.put(long_ago)
    if checkpoint:
        await tables.checkpoints.start(a_checkpoint(0))
    world.pass_time(seconds=1)
    return Rows(
        now=world.time,
        account=account,
        unverified=unverified,
        change_id=move.changes[0].id,
        new_account=an_account(world, b"+" * 32),
        session=session,
        new_session=a_session(world, account),
        rotation=a_rotation(world, old=b"h0", new=b"h1"),
        event=event,
        new_event=a_granted(world),
        token=token,
        new_token=a_token(world, account),
        device=device,
        new_device=a_device(account.id, world),
        upload=upload,
        new_upload=an_upload(world, account),
        claimed=claimed,
        new_mail=WaitingMail(world.world.new_id(), b"sealed", 0, world.time),
        change=a_change(world),
        new_address=another_address(world, b"j" * 32),
        right_guess=RightGuess("password", b"ada", RULE, world.time, counted=False),
    )


Call = Callable[[Tables, Rows], Awaitable[Any]]
_MINUTE = timedelta(minutes=1)

WRITES: dict[str, Call] = {
    "accounts.add": lambda t, r: t.accounts.add(r.new_account),
    "accounts.save_profile": lambda t, r: t.accounts.save_profile(
        r.account.id,
        name=b"new",
        locale=None,
        timezone=None,
        seen_updated_at=r.account.updated_at,
        now=r.now,
    ),
    "accounts.change_password": lambda t, r: t.accounts.change_password(
        r.account.id, seen_epoch=0, password_hash=b"new", change=r.change
    ),
    "accounts.verify_email": lambda t, r: t.accounts.verify_email(
        r.unverified.id, seen_epoch=0, now=r.now
    ),
    "accounts.change_email": lambda t, r: t.accounts.change_email(
        r.account.id, r.new_address, seen_epoch=0
    ),
    "accounts.release_email": lambda t, r: t.accounts.release_email(
        r.unverified.id, seen_epoch=0, email=b"none", email_index=b"0" * 32
    ),
    "accounts.forget_former_emails": lambda t, r: t.accounts.forget_former_emails(before=r.now),
    "accounts.raise_epoch": lambda t, r: t.accounts.raise_epoch(r.account.id, seen_epoch=0),
    "accounts.save_password_hash": lambda t, r: t.accounts.save_password_hash(
        r.account.id, seen_epoch=0, password_hash=b"stronger"
    ),
    "accounts.record_placed": lambda t, r: t.accounts.record_placed([Placed(r.change_id, 5)]),
    "sessions.add": lambda t, r: t.sessions.add(r.new_session),
    "sessions.rotate": lambda t, r: t.sessions.rotate(r.session.id, r.rotation),
    "sessions.carry_over": lambda t, r: t.sessions.carry_over(r.session.id, seen_epoch=0, epoch=1),
    "sessions.end": lambda t, r: t.sessions.end(r.session.id, reason="logout", now=r.now),
    "sessions.forget_successors": lambda t, r: t.sessions.forget_successors(rotated_before=r.now),
    "sessions.forget": lambda t, r: t.sessions.forget(before=r.now),
    "grants.add": lambda t, r: t.grants.add(
        Granted(r.new_event, r.new_session, r.right_guess, r.new_device, keep_devices=50)
    ),
    "events.add": lambda t, r: t.events.add(r.new_event),
    "events.forget": lambda t, r: t.events.forget(before=r.now),
    "events.record_placed": lambda t, r: t.events.record_placed([Placed(r.event.id, 7)]),
    "mailed_tokens.add": lambda t, r: t.mailed_tokens.add(r.new_token),
    "mailed_tokens.spend": lambda t, r: t.mailed_tokens.spend(
        r.token.hash, purpose=r.token.purpose, now=r.now
    ),
    "mailed_tokens.claim": lambda t, r: t.mailed_tokens.claim(r.new_token, now=r.now),
    "mailed_tokens.forget": lambda t, r: t.mailed_tokens.forget(before=r.now),
    "blocks.put": lambda t, r: t.blocks.put(BlockRecord(b"two", b"sealed", r.now, None)),
    "blocks.remove": lambda t, r: t.blocks.remove(b"one"),
    "blocks.forget": lambda t, r: t.blocks.forget(before=r.now),
    "guess_counts.count": lambda t, r: t.guess_counts.count(
        "password", b"ada", rule=RULE, now=r.now
    ),
    "guess_counts.give_back": lambda t, r: t.guess_counts.give_back("password", b"ada", rule=RULE),
    "guess_counts.clear": lambda t, r: t.guess_counts.clear("password", b"ada"),
    "guess_counts.forget": lambda t, r: t.guess_counts.forget(before=r.now - _MINUTE),
    "known_devices.add": lambda t, r: t.known_devices.add(r.new_device, keep=2),
    "known_devices.touch": lambda t, r: t.known_devices.touch(
        DeviceUse(r.device.id, b"new", r.now, r.now + _MINUTE)
    ),
    "known_devices.carry_over": lambda t, r: t.known_devices.carry_over(
        r.account.id, seen_epoch=r.device.epoch, epoch=9
    ),
    "known_devices.revoke": lambda t, r: t.known_devices.revoke(r.account.id, r.device.id),
    "known_devices.forget": lambda t, r: t.known_devices.forget(before=r.now),
    "mails.add": lambda t, r: t.mails.add(r.new_mail),
    "mails.claim": lambda t, r: t.mails.claim(now=r.now, until=r.now + _MINUTE, limit=10),
    "mails.mark_sent": lambda t, r: t.mails.mark_sent(r.claimed, now=r.now),
    "mails.put_off": lambda t, r: t.mails.put_off(r.claimed, reason="down", until=r.now + _MINUTE),
    "mails.give_up": lambda t, r: t.mails.give_up(r.claimed, reason="never", now=r.now),
    "mails.forget_done": lambda t, r: t.mails.forget_done(before=r.now),
    "uploads.add": lambda t, r: t.uploads.add(r.new_upload),
    "uploads.record_placed": lambda t, r: t.uploads.record_placed([Placed(r.upload.id, 3)]),
    "checkpoints.start": lambda t, r: t.checkpoints.start(a_checkpoint(0)),
    "checkpoints.advance": lambda t, r: t.checkpoints.advance(
        a_checkpoint(0).head, a_checkpoint(1)
    ),
    "clock_floor.raise_to": lambda t, r: t.clock_floor.raise_to(r.now),
    "clock_floor.put": lambda t, r: t.clock_floor.put(r.now),
}

READS: dict[str, Call] = {
    "accounts.get": lambda t, r: t.accounts.get(r.account.id),
    "accounts.find_by_email": lambda t, r: t.accounts.find_by_email(r.account.email_index),
    "accounts.pending": lambda t, r: t.accounts.pending(due=r.now, limit=10),
    "sessions.get": lambda t, r: t.sessions.get(r.session.id),
    "sessions.live_of": lambda t, r: t.sessions.live_of(
        r.account.id, now=r.now, before=None, limit=10
    ),
    "sessions.live_owner": lambda t, r: t.sessions.live_owner(r.session.id, now=r.now),
    "events.page": lambda t, r: t.events.page(r.account.id, before=None, limit=10),
    "events.granted": lambda t, r: t.events.granted(r.account.id, limit=10),
    "events.pending": lambda t, r: t.events.pending(due=r.now, limit=10),
    "mailed_tokens.find": lambda t, r: t.mailed_tokens.find(
        r.token.hash, purpose=r.token.purpose, now=r.now
    ),
    "guess_counts.find": lambda t, r: t.guess_counts.find("password", b"ada"),
    "blocks.all": lambda t, r: t.blocks.all(),
    "blocks.revision": lambda t, r: t.blocks.revision(),
    "known_devices.find": lambda t, r: t.known_devices.find(r.device.token_hash, now=r.now),
    "known_devices.of_account": lambda t, r: t.known_devices.of_account(r.account.id, now=r.now),
    "uploads.get": lambda t, r: t.uploads.get(r.account.id, r.upload.id),
    "uploads.find_by_key": lambda t, r: t.uploads.find_by_key(b"k" * 32),
    "uploads.page": lambda t, r: t.uploads.page(r.account.id, before=None, limit=10),
    "uploads.has_cid": lambda t, r: t.uploads.has_cid(r.upload.cid),
    "uploads.pending": lambda t, r: t.uploads.pending(due=r.now, limit=10),
    "overviews.gather": lambda t, r: t.overviews.gather(
        r.account.id, frozenset(Part), now=r.now, limit=10
    ),
    "checkpoints.load": lambda t, r: t.checkpoints.load(),
    "clock_floor.read": lambda t, r: t.clock_floor.read(),
}

# What a call answers when it is made again; all others answer what they answered before.
SECOND_ANSWERS: dict[str, object] = {
    "accounts.add": Conflict,
    "accounts.save_profile": False,
    "accounts.change_password": False,
    "accounts.change_email": False,
    "accounts.release_email": False,
    "accounts.forget_former_emails": 0,
    "accounts.raise_epoch": False,
    "sessions.add": REFUSED,
    "sessions.rotate": False,
    "sessions.end": False,
    "sessions.forget_successors": 0,
    "sessions.forget": 0,
    "grants.add": REFUSED,
    "events.add": REFUSED,
    "events.forget": 0,
    "mailed_tokens.add": REFUSED,
    "mailed_tokens.spend": None,
    "mailed_tokens.claim": False,
    "mailed_tokens.forget": 0,
    "blocks.remove": False,
    "blocks.forget": 0,
    "guess_counts.forget": 0,
    "known_devices.add": REFUSED,
    "known_devices.revoke": False,
    "known_devices.forget": 0,
    "mails.add": REFUSED,
    "mails.claim": [],
    "mails.mark_sent": False,
    "mails.give_up": False,
    "mails.forget_done": 0,
    "uploads.add": REFUSED,
    "checkpoints.advance": False,
}

# A guess that may have been counted is counted again, so that nobody has more than there are; one
# is given back once, whatever comes of it; a revision only says that there may be something new.
DONE_AGAIN = {"guess_counts.count", "guess_counts.give_back", "blocks.put", "blocks.remove"}
