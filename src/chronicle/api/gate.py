"""What every request passes before any work is done for it."""

import math

from starlette.types import Scope

from chronicle.api.client_address import client_address
from chronicle.api.general_limit import GeneralLimit
from chronicle.errors import Denied, TooMany
from chronicle.security.blocklist import Blocklist
from chronicle.settings import Settings

# Where in the scope the client's address stands once the request is in.
CLIENT_ADDRESS = "chronicle.client_address"


class Gate:
    """Finds out who asks, and lets in who may."""

    __slots__ = ("_blocklist", "_limit", "_trusted")

    def __init__(self, settings: Settings, blocklist: Blocklist) -> None:
        self._blocklist = blocklist
        self._trusted = settings.trusted_proxies
        self._limit = GeneralLimit(
            per_second=settings.requests_per_second * settings.limit_scale,
            burst=settings.request_burst * settings.limit_scale,
        )

    def admit(self, scope: Scope) -> None:
        """Note the client's address in the scope.

        Raises:
            Denied: `address_blocked`.
            TooMany: `too_many_requests`: this address asks too fast.
        """
        address = scope[CLIENT_ADDRESS] = client_address(scope, self._trusted)
        if self._blocklist.holds(address):
            raise Denied("address_blocked", "Requests from this address are not answered.")
        wait = self._limit.spend(address)
        if wait:
            raise TooMany(
                "too_many_requests",
                "Too many requests from this address. Slow down.",
                retry_after_seconds=math.ceil(wait),
            )
