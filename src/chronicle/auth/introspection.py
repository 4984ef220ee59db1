"""Whether a token is good at this moment, for backends that can't wait until it expires (RFC 7662).

A backend that checks a Bridge JWT alone takes it until it expires, up to two minutes after its
session ended. One that asks here knows at once.
"""

import hmac
from dataclasses import dataclass

from chronicle.auth.ports import Sessions
from chronicle.auth.tokens import AccessTokens, Claims
from chronicle.errors import Unauthenticated
from chronicle.world import World


@dataclass(frozen=True, slots=True)
class Introspection:
    """Answers backends that hold one of the service keys."""

    access_tokens: AccessTokens
    sessions: Sessions
    audiences: frozenset[str]
    service_keys: tuple[str, ...]
    world: World

    def demand(self, service_key: str | None) -> None:
        """Return when it is one of the service keys.

        Raises:
            Unauthenticated: `invalid_service_key`; also where none is configured.
        """
        given = (service_key or "").encode()
        # Each is looked at, so that the time says nothing of which one came close.
        matches = [hmac.compare_digest(given, key.encode()) for key in self.service_keys]
        if not any(matches):
            raise Unauthenticated(
                "invalid_service_key", "Backends ask with one of the configured service keys."
            )

    async def claims_of(self, token: str) -> Claims | None:
        """What a token says while it is good and its session goes on; None for anything else.

        Access tokens only, for this server or a configured backend: of a refresh token, which
        nobody but its device holds, a backend learns nothing.
        """
        now = self.world.now()
        try:
            identity = self.access_tokens.verify(token, now=now, audiences=self.audiences)
        except Unauthenticated:
            return None
        owner = await self.sessions.live_owner(identity.session_id, now=now)
        return None if owner is None else identity.claims
