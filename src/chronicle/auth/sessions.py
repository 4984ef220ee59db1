"""Sessions: their tokens, the rotation of the refresh token, and how they end."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from chronicle.auth import mails
from chronicle.auth.ports import Mailer, Rotation, SessionId, SessionRecord, Sessions
from chronicle.auth.refresh_tokens import RefreshToken, RefreshTokens, digest
from chronicle.auth.tokens import AccessTokens, Claims, Identity, Issuer, unix_seconds
from chronicle.errors import Denied, NotFound, Unauthenticated, Unavailable
from chronicle.security.cursors import Cursors
from chronicle.security.encryption import FieldCipher
from chronicle.security.events import EventKind, EventLog, Happening, Outcome
from chronicle.security.known_devices import DeviceToken
from chronicle.security.risk import Sign, assess
from chronicle.security.visitors import Visitor
from chronicle.users.accounts import Account, AccountBook
from chronicle.users.ports import AccountId, ProfileRecord
from chronicle.world import World, id_text

_log = logging.getLogger(__name__)

_TABLE = "sessions"

RACE_GRACE = timedelta(seconds=10)
FOREIGN_TOKEN_LIFETIME = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long an access token, an unused session and any session live."""

    access: timedelta
    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session as its device gets it; a browser keeps `device_token`, to be known again."""

    access_token: str
    access_token_seconds: int
    session_id: SessionId
    refresh_token: str
    refresh_expires_at: datetime
    account: Account
    device_token: DeviceToken | None = None


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A session as its owner sees it in the list. `last_used_at` is its last rotation."""

    id: SessionId
    visitor: Visitor
    created_at: datetime
    last_used_at: datetime


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Some sessions, newest first, and the cursor behind them, if there are more."""

    sessions: list[ListedSession]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class SessionKeeping:
    """Carries sessions on, and ends them. New ones are granted in `sign_in.py` alone."""

    sessions: Sessions
    book: AccountBook
    access_tokens: AccessTokens
    refresh_tokens: RefreshTokens
    cipher: FieldCipher
    cursors: Cursors
    issuer: Issuer
    lifetimes: Lifetimes
    audiences: frozenset[str]
    events: EventLog
    mailer: Mailer
    base_url: str
    world: World

    async def identify(self, access_token: str | None) -> tuple[Identity, ProfileRecord]:
        """Who calls with this access token, and their profile as it is now.

        Raises:
            Unauthenticated: no token, not ours, expired, or its session has ended.
        """
        if access_token is None:
            raise Unauthenticated
        now = self.world.now()
        identity = self.access_tokens.verify(access_token, now=now)
        owner = await self.sessions.live_owner(identity.session_id, now=now)
        if owner is None:
            raise Unauthenticated
        return identity, owner

    async def page(self, account_id: AccountId, *, cursor: str | None, limit: int) -> SessionPage:
        """An account's live sessions, newest first.

        Raises:
            Rejected: `invalid_cursor`.
        """
        before = None if cursor is None else self.cursors.decode(_TABLE, cursor)
        records = await self.sessions.live_of(
            account_id, now=self.world.now(), before=before, limit=limit + 1
        )
        return self.first_of(records, limit)

    def first_of(self, records: Sequence[SessionRecord], limit: int) -> SessionPage:
        """At most `limit` of these sessions, newest first, as their owner sees them."""
        shown, next_cursor = self.cursors.cut(_TABLE, records, limit)
        return SessionPage([self._listed(record) for record in shown], next_cursor)

    def _listed(self, record: SessionRecord) -> ListedSession:
        return ListedSession(
            id=record.id,
            visitor=self._visitor(record),
            created_at=record.created_at,
            last_used_at=record.last_used_at,
        )

    async def end_own(self, account_id: AccountId, session_id: SessionId) -> None:
        """End one of an account's sessions.

        Raises:
            NotFound: it is not theirs, or has ended.
        """
        session = await self.sessions.get(session_id)
        if session is None or session.account_id != account_id:
            raise NotFound(message="You have no such session.")
        if not await self.end(session_id, "ended_by_owner"):
            raise NotFound(message="This session has ended already.")

    async def rotate(self, presented: str, visitor: Visitor) -> SignedIn:
        """Exchange a refresh token for the next one of its session.

        A client that races itself gets the same successor for ten seconds, until that is used.

        Raises:
            Unauthenticated: made up, expired, or of an ended session; or spent before, and then
                the session has been ended, that was noted, and its owner told.
        """
        token = self.refresh_tokens.read(presented)
        session = await self.live(token.session_id)
        if token.digest == session.refresh_hash:
            successor = self.refresh_tokens.issue(session.id, session.generation + 1)
            if await self.sessions.rotate(session.id, self._rotation(session, token, successor)):
                return await self._carried_on(session, successor)
            # Another call with the same token was faster: what stands now is its successor.
            session = await self.live(token.session_id)
        if self._may_ask_again(session, token):
            return await self._carried_on(session, self._successor(session))
        await self._end_replayed(session, visitor)
        raise Unauthenticated

    async def live(self, session_id: SessionId) -> SessionRecord:
        """The session as stored. Unauthenticated when it has ended, expired, or never was."""
        session = await self.sessions.get(session_id)
        now = self.world.now()
        if session is None or not await self.sessions.live_owner(session_id, now=now):
            raise Unauthenticated
        return session

    async def end(self, session_id: SessionId, reason: str) -> bool:
        """End one session: its tokens are dead on return. False when it had ended before."""
        return await self.sessions.end(session_id, reason=reason, now=self.world.now())

    async def end_by_refresh_token(self, presented: str) -> None:
        """End the session of a refresh token; one that was made up ends nothing."""
        try:
            token = self.refresh_tokens.read(presented)
        except Unauthenticated:
            return
        await self.end(token.session_id, "logout")

    def seal_visitor(self, session_id: SessionId, visitor: Visitor) -> bytes:
        """Who signed in, sealed for the session's row."""
        plain = msgspec.msgpack.encode(visitor)
        return self.cipher.seal(plain, table=_TABLE, record=session_id, field="visitor")

    def _visitor(self, session: SessionRecord) -> Visitor:
        plain = self.cipher.open(session.visitor, table=_TABLE, record=session.id, field="visitor")
        return msgspec.msgpack.decode(plain, type=Visitor)

    async def forget_successors(self) -> int:
        """Drop the sealed successors that nobody may ask for any more."""
        return await self.sessions.forget_successors(rotated_before=self.world.now() - RACE_GRACE)

    async def forget_old(self) -> int:
        """Drop sessions that are past any use, also to tell a replay by; how many."""
        return await self.sessions.forget(before=self.world.now())

    async def _carried_on(self, session: SessionRecord, refresh_token: str) -> SignedIn:
        return self.signed_in(session, refresh_token, await self.book.read(session.account_id))

    def signed_in(
        self,
        session: SessionRecord,
        refresh_token: str,
        account: Account,
        *,
        device_token: DeviceToken | None = None,
    ) -> SignedIn:
        """What the session's device gets: a new access token, and these."""
        now = self.world.now()
        claims = Claims(
            iss=self.issuer.issuer,
            aud=self.issuer.audience,
            sub=id_text(session.account_id),
            client_id=self.issuer.client_id,
            sid=id_text(session.id),
            jti=self.world.random_bytes(16).hex(),
            iat=unix_seconds(now),
            nbf=unix_seconds(now),
            exp=unix_seconds(now + self.lifetimes.access),
            auth_time=unix_seconds(session.created_at),
            amr=session.amr.split(),
            acr=assurance(session.amr.split()),
        )
        return SignedIn(
            access_token=self.access_tokens.sign(claims),
            access_token_seconds=int(self.lifetimes.access.total_seconds()),
            session_id=session.id,
            refresh_token=refresh_token,
            refresh_expires_at=min(now + self.lifetimes.idle, session.expires_at),
            account=account,
            device_token=device_token,
        )

    def token_for(self, identity: Identity, audience: str) -> str:
        """A short-lived token for another backend, from a session that was just identified.

        It can't be traded for anything here: this server takes only tokens for itself.

        Raises:
            Denied: `audience_not_allowed`: nobody configured that backend.
        """
        if audience not in self.audiences:
            raise Denied("audience_not_allowed", "Tokens for this audience are not issued here.")
        now = self.world.now()
        claims = msgspec.structs.replace(
            identity.claims,
            aud=audience,
            jti=self.world.random_bytes(16).hex(),
            iat=unix_seconds(now),
            nbf=unix_seconds(now),
            exp=unix_seconds(now + FOREIGN_TOKEN_LIFETIME),
        )
        return self.access_tokens.sign(claims)

    def _rotation(self, session: SessionRecord, token: RefreshToken, successor: str) -> Rotation:
        now = self.world.now()
        return Rotation(
            refresh_hash=digest(successor),
            previous_hash=token.digest,
            successor=self.cipher.seal(
                successor.encode(), table=_TABLE, record=session.id, field="successor"
            ),
            rotated_at=now,
            idle_expires_at=min(now + self.lifetimes.idle, session.expires_at),
        )

    def _may_ask_again(self, session: SessionRecord, token: RefreshToken) -> bool:
        return (
            token.digest == session.previous_hash
            and session.successor is not None
            and session.rotated_at is not None
            and self.world.now() - session.rotated_at <= RACE_GRACE
        )

    def _successor(self, session: SessionRecord) -> str:
        sealed = session.successor or b""
        return self.cipher.open(sealed, table=_TABLE, record=session.id, field="successor").decode()

    async def _end_replayed(self, session: SessionRecord, visitor: Visitor) -> None:
        if not await self.end(session.id, "refresh_token_reused"):
            return
        _log.warning(
            "refresh token replayed; session ended",
            extra={"session_id": id_text(session.id)},
        )
        # The session is over whether or not its owner hears of it; the log line above stays.
        try:
            await self._note_replay(session, visitor)
            await self._tell_of_replay(session.account_id)
        except Unavailable:
            _log.exception("the owner could not be told of a replayed refresh token")

    async def _note_replay(self, session: SessionRecord, visitor: Visitor) -> None:
        await self.events.note(
            Happening(
                kind=EventKind.SESSION_REPLAYED,
                method="refresh_token",
                outcome=Outcome.REFUSED,
                visitor=visitor,
                account_id=session.account_id,
                session_id=session.id,
                reason="refresh_token_reused",
                assessment=assess([Sign.REPLAYED_TOKEN]),
            )
        )

    async def _tell_of_replay(self, account_id: AccountId) -> None:
        account = await self.book.read(account_id)
        await self.mailer.send(
            mails.refresh_token_replayed(
                account.email, base_url=self.base_url, locale=account.locale
            )
        )


def assurance(amr: Iterable[str]) -> str:
    """The assurance level (`acr`) that the methods used (RFC 8176 `amr` values) stand for."""
    return "aal2" if "mfa" in set(amr) else "aal1"
