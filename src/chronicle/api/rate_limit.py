"""Budgets over HTTP: spends them, and tells in headers how they stand.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10. `RateLimit-Policy` names every
window that was asked, `RateLimit` the one that will refuse first. They stand in every answer once
a budget was asked, whatever comes of it.
"""

import math
from collections.abc import Awaitable

from starlette.types import Scope

from chronicle.security.limits import OverBudget, Standing

# Where in the scope the headers are gathered that stand in every answer, good or bad.
ANSWER_HEADERS = "chronicle.answer_headers"

# Where in the scope it stands what was told of the budgets that were asked before.
_TOLD = "chronicle.told_standing"

DOCUMENTED = {
    "RateLimit-Policy": "Every window that was asked: `q` requests in any `w` seconds.",
    "RateLimit": "The window that will refuse first: `r` are left, more come in `t` seconds.",
}


async def spend(scope: Scope, spending: Awaitable[Standing | None]) -> None:
    """Wait for a budget to be spent, and have the answer say how it stands.

    Raises:
        OverBudget, Unavailable: as the spending does.
    """
    try:
        standing = await spending
    except OverBudget as refused:
        _tell(scope, refused.standing)
        raise
    if standing is not None:
        _tell(scope, standing)


def _tell(scope: Scope, standing: Standing) -> None:
    """Have the answer say how all budgets stand that were asked: one header of each kind."""
    before: Standing | None = scope.get(_TOLD)
    if before is not None:
        standing = Standing(before.limits + standing.limits, before.levels + standing.levels)
    scope[_TOLD] = standing
    limit, level = standing.tightest
    policies = ", ".join(
        f'"{each.policy}";q={each.window.count};w={each.window.seconds}' for each in standing.limits
    )
    now = f'"{limit.policy}";r={level.remaining};t={math.ceil(level.more_in_seconds)}'
    said = {b"ratelimit-policy": policies.encode(), b"ratelimit": now.encode()}
    headers: list[tuple[bytes, bytes]] = scope[ANSWER_HEADERS]
    headers[:] = [*(header for header in headers if header[0] not in said), *said.items()]
