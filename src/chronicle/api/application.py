"""What the routes can reach: built once by `wiring`, handed to every call as `call.app`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from chronicle.api.challenge import ChallengeDesk
from chronicle.auth.account_lock import AccountLock
from chronicle.auth.code_sign_in import CodeSignIn
from chronicle.auth.credentials import Credentials
from chronicle.auth.email_change import EmailChange
from chronicle.auth.email_undo import EmailUndo
from chronicle.auth.immediate_registration import ImmediateRegistration
from chronicle.auth.introspection import Introspection
from chronicle.auth.password_reset import PasswordReset
from chronicle.auth.ports import Outbox
from chronicle.auth.reauthentication import Reauthentication
from chronicle.auth.registration import Registration
from chronicle.auth.report import Report
from chronicle.auth.sessions import SessionKeeping
from chronicle.auth.sign_in import SignIn
from chronicle.auth.sign_out import SignOut
from chronicle.circuit import CircuitState
from chronicle.ledger.log_reader import LogReader
from chronicle.ledger.notes import Verifier
from chronicle.overview.gather import OverviewDesk
from chronicle.security.blocklist import Blocklist
from chronicle.security.events import EventLog
from chronicle.security.known_devices import DeviceBook
from chronicle.security.limits import Limits
from chronicle.security.ports import Places
from chronicle.settings import Settings
from chronicle.uploads.receive import UploadDesk
from chronicle.users.accounts import AccountBook
from chronicle.world import World


@dataclass(frozen=True, slots=True)
class Application:
    """The domains' services, and the few settings that routes need.

    `outbox` is there where mail goes into a folder, in development only, and `mail_settled` waits
    until what was mailed so far was handed over once. `health` checks one dependency by name, and
    `circuits` tells the state of its circuit breaker where it has one.
    """

    settings: Settings
    world: World
    book: AccountBook
    registration: Registration
    immediate_registration: ImmediateRegistration
    code_sign_in: CodeSignIn
    credentials: Credentials
    password_reset: PasswordReset
    report: Report
    email_change: EmailChange
    email_undo: EmailUndo
    reauthentication: Reauthentication
    sign_in: SignIn
    sign_out: SignOut
    sessions: SessionKeeping
    introspection: Introspection
    events: EventLog
    blocklist: Blocklist
    limits: Limits
    challenges: ChallengeDesk
    lock: AccountLock
    devices: DeviceBook
    places: Places
    uploads: UploadDesk
    overviews: OverviewDesk
    log: LogReader
    log_key: Verifier
    outbox: Outbox | None
    mail_settled: Callable[[], Awaitable[None]]
    health: Mapping[str, Callable[[], Awaitable[bool]]]
    circuits: Mapping[str, Callable[[], CircuitState]]
