"""When somebody who is signed in has to prove once more who is there.

A session lives for months, and whoever gets hold of one should not get the account with it. So
what could take the account away from its owner asks for a sign-in of the last ten minutes, made
with the second factor where the account has one.
"""

from datetime import datetime, timedelta

from chronicle.auth.tokens import Claims, unix_seconds
from chronicle.errors import Denied

FRESH_FOR = timedelta(minutes=10)


def check_fresh(claims: Claims, *, has_second_factor: bool, now: datetime) -> None:
    """Refuse a token whose sign-in is older than `FRESH_FOR`, or weaker than the account allows.

    Raises:
        Denied: `fresh_sign_in_required`.
    """
    age_seconds = unix_seconds(now) - claims.auth_time
    # A sign-in that lies ahead is one of a clock that was set back since: nobody knows its age.
    is_recent = 0 <= age_seconds <= FRESH_FOR.total_seconds()
    if not is_recent or (has_second_factor and claims.acr != "aal2"):
        raise Denied("fresh_sign_in_required", "Confirm first that it is you, then ask again.")
