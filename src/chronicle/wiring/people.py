"""How people sign up, sign in and stay signed in."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta

from chronicle.adapters.breaches.hibp import HibpBreaches
from chronicle.adapters.shared_state.valkey_tickets import ValkeyTickets
from chronicle.auth.account_lock import AccountLock
from chronicle.auth.code_sign_in import CodeSignIn
from chronicle.auth.credentials import Credentials
from chronicle.auth.email_change import EmailChange
from chronicle.auth.email_undo import EmailUndo
from chronicle.auth.guesser_stop import GuesserStop
from chronicle.auth.immediate_registration import ImmediateRegistration
from chronicle.auth.introspection import Introspection
from chronicle.auth.mail_delivery import QueuedMailer
from chronicle.auth.mailed_codes import MailedCodes, TicketKeys
from chronicle.auth.new_device import NewDeviceNotice
from chronicle.auth.password_again import PasswordAgain
from chronicle.auth.password_policy import PasswordPolicy
from chronicle.auth.password_reset import PasswordReset
from chronicle.auth.password_schemes import Argon2id, BcryptSha256, PasswordScheme
from chronicle.auth.passwords import PasswordHashing
from chronicle.auth.proof_of_address import ProofOfAddress
from chronicle.auth.reauthentication import Reauthentication
from chronicle.auth.refresh_tokens import RefreshTokens
from chronicle.auth.refused_codes import RefusedCodes
from chronicle.auth.registration import Registration
from chronicle.auth.report import Report
from chronicle.auth.sessions import Lifetimes, SessionKeeping
from chronicle.auth.sign_in import SignIn
from chronicle.auth.sign_out import SignOut
from chronicle.auth.tokens import AccessTokens, Issuer
from chronicle.security.cursors import Cursors
from chronicle.security.encryption import BlindIndex, FieldCipher
from chronicle.security.events import EventLog
from chronicle.security.guesses import MAILED_CODES, PASSWORDS, Guesses, GuessPurpose
from chronicle.security.keys import Keyring
from chronicle.security.known_devices import DeviceBook
from chronicle.security.mailed_tokens import TokenDesk
from chronicle.setting_choices import BreachCheck, PasswordHash
from chronicle.setting_values import host_of
from chronicle.settings import Settings
from chronicle.users.accounts import AccountBook
from chronicle.users.addresses import AddressBook
from chronicle.wiring.storage import Storage
from chronicle.world import World


def password_hashing(settings: Settings, on_strain: Callable[[], None]) -> PasswordHashing:
    """The pool that hashes, with the scheme that the settings name."""
    scheme: PasswordScheme
    if settings.password_hash is PasswordHash.BCRYPT:
        scheme = BcryptSha256(cost=settings.bcrypt_cost)
    else:
        scheme = Argon2id(
            memory_kib=settings.argon2_memory_kib,
            time_cost=settings.argon2_time_cost,
            parallelism=settings.argon2_parallelism,
        )
    return PasswordHashing(
        scheme,
        threads=settings.hash_pool_size,
        queue=settings.hash_queue_limit,
        reserved=settings.hash_queue_reserved,
        on_strain=on_strain,
    )


async def password_policy(settings: Settings, stack: AsyncExitStack) -> PasswordPolicy:
    """What decides which passwords can be set."""
    breached = None
    if settings.breach_check is BreachCheck.HIBP:
        breached = await stack.enter_async_context(HibpBreaches(settings.breach_url))
    host = host_of(settings.base_url)
    return PasswordPolicy(("chronicle", host, *host.split(".")[:-1]), breached)


class People:
    """How people sign up, sign in and stay signed in."""

    def __init__(
        self,
        *,
        settings: Settings,
        keys: Keyring,
        storage: Storage,
        mailer: QueuedMailer,
        hashing: PasswordHashing,
        policy: PasswordPolicy,
        world: World,
    ) -> None:
        self.world = world
        self.cipher, self.index = FieldCipher(keys), BlindIndex(keys)
        self.cursors = Cursors(keys)
        self.book = AccountBook(storage.accounts, self.cipher, self.index, world)
        self.events = EventLog(storage.events, self.cipher, self.index, self.cursors, world)
        issuer = Issuer(settings.base_url, settings.base_url, settings.client_id)
        self.sessions = SessionKeeping(
            sessions=storage.sessions,
            book=self.book,
            access_tokens=AccessTokens(keys, issuer),
            refresh_tokens=RefreshTokens(keys, world.random_bytes),
            cipher=self.cipher,
            cursors=self.cursors,
            issuer=issuer,
            lifetimes=Lifetimes(
                access=timedelta(seconds=settings.access_token_seconds),
                idle=timedelta(seconds=settings.refresh_idle_seconds),
                absolute=timedelta(seconds=settings.refresh_absolute_seconds),
            ),
            audiences=frozenset(settings.audiences),
            events=self.events,
            mailer=mailer,
            base_url=settings.base_url,
            world=world,
        )
        self.introspection = Introspection(
            access_tokens=self.sessions.access_tokens,
            sessions=storage.sessions,
            audiences=self.sessions.audiences,
            service_keys=tuple(key.reveal() for key in settings.introspection_keys),
            world=world,
        )
        self.tokens = tokens = TokenDesk(storage.mailed_tokens, world)
        counts = storage.guess_counts
        self.devices = DeviceBook(storage.known_devices, self.cipher, self.index, world)
        self.addresses = AddressBook(self.book)
        self.lock = AccountLock(
            by_identifier=Guesses(counts, GuessPurpose.PASSWORD, PASSWORDS, world),
            by_device=Guesses(counts, GuessPurpose.PASSWORD_ON_DEVICE, PASSWORDS, world),
            book=self.book,
            addresses=self.addresses,
            tokens=tokens,
            mailer=mailer,
            base_url=settings.base_url,
        )
        self.sign_in = SignIn(
            book=self.book,
            keeping=self.sessions,
            grants=storage.grants,
            hashing=hashing,
            events=self.events,
            devices=self.devices,
            lock=self.lock,
            new_device=NewDeviceNotice(
                book=self.book,
                events=self.events,
                tokens=tokens,
                mailer=mailer,
                base_url=settings.base_url,
                world=world,
            ),
            world=world,
        )
        self.sign_out = SignOut(self.book, self.sessions, self.devices)
        tickets = ValkeyTickets(storage.shared_state)
        code_guesses = Guesses(counts, GuessPurpose.MAILED_CODE, MAILED_CODES, world)
        codes = MailedCodes(tickets, self.cipher, TicketKeys(keys), code_guesses, world)
        stop = GuesserStop(self.book, self.sessions, tokens, mailer, settings.base_url)
        refused = RefusedCodes(self.events, self.devices, stop)
        self.code_sign_in = CodeSignIn(
            book=self.book,
            codes=codes,
            refused=refused,
            sign_in=self.sign_in,
            proof=ProofOfAddress(self.book, self.devices, mailer, settings.base_url),
            spent=storage.mailed_tokens,
            mailer=mailer,
            base_url=settings.base_url,
            world=world,
        )
        again = PasswordAgain(
            guesses=Guesses(counts, GuessPurpose.PASSWORD_AGAIN, PASSWORDS, world),
            hashing=hashing,
            book=self.book,
            events=self.events,
            stop=stop,
        )
        self.reauthentication = Reauthentication(
            sign_in=self.sign_in,
            again=again,
            addresses=self.addresses,
            codes=codes,
            refused=refused,
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
            again=again,
            events=self.events,
            tokens=tokens,
            devices=self.devices,
            mailer=mailer,
            base_url=settings.base_url,
            world=world,
        )
        self.password_reset = PasswordReset(
            book=self.book,
            codes=codes,
            refused=refused,
            credentials=self.credentials,
            lock=self.lock,
            tokens=tokens,
            devices=self.devices,
            mailer=mailer,
            base_url=settings.base_url,
        )
        self.report = Report(
            book=self.book,
            addresses=self.addresses,
            events=self.events,
            tokens=tokens,
            devices=self.devices,
            mailer=mailer,
            base_url=settings.base_url,
        )
        self.registration = Registration(
            book=self.book,
            addresses=self.addresses,
            sign_in=self.sign_in,
            hashing=hashing,
            policy=policy,
            codes=codes,
            mailer=mailer,
            base_url=settings.base_url,
            world=world,
        )
        self.email_change = EmailChange(
            addresses=self.addresses,
            codes=codes,
            refused=refused,
            keeping=self.sessions,
            devices=self.devices,
            events=self.events,
            tokens=tokens,
            mailer=mailer,
            base_url=settings.base_url,
        )
        self.email_undo = EmailUndo(
            addresses=self.addresses,
            devices=self.devices,
            events=self.events,
            tokens=tokens,
            mailer=mailer,
            base_url=settings.base_url,
        )
        self.immediate_registration = ImmediateRegistration(
            book=self.book,
            sign_in=self.sign_in,
            hashing=hashing,
            policy=policy,
            codes=codes,
            email_change=self.email_change,
            mailer=mailer,
            world=world,
        )
