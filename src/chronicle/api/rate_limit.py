"""Budgets over HTTP: spends them, and tells in headers how they stand.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10. `RateLimit-Policy` names every
window of the budget, `RateLimit` the one that will refuse first. They stand in every answer of a
limited route, whatever comes of it.
"""

import math
from collections.abc import Awaitable

from starlette.types import Scope

from chronicle.security.limits import OverBudget, Standing

# Where in the scope the headers are gathered that stand in every answer, good or bad.
ANSWER_HEADERS = "chronicle.answer_headers"

DOCUMENTED = {
    "RateLimit-Policy": "Every window of this route's budget: `q` requests in any `w` seconds.",
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
    limit, level = standing.tightest
    policies = ", ".join(
        f'"{each.policy}";q={each.window.count};w={each.window.seconds}' for each in standing.limits
    )
    now = f'"{limit.policy}";r={level.remaining};t={math.ceil(level.more_in_seconds)}'
    scope[ANSWER_HEADERS] += (
        (b"ratelimit-policy", policies.encode()),
        (b"ratelimit", now.encode()),
    )
