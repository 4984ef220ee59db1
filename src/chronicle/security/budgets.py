"""Every budget there is: how often what is allowed to whom. `docs/limits.md` shows this table.

A network is a whole office or household, so an address has several times what one person needs;
what protects a single account is the lock on its identifier, not these.
"""

from chronicle.security.limits import Budget, Window

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

# Nothing for the identifier: it would let strangers shut out its owner. Its lock is in
# `auth/account_lock.py`, and leaves known devices alone.
SIGN_IN = Budget(
    "sign-in",
    address=(Window(20, _MINUTE), Window(120, _HOUR), Window(600, _DAY)),
)
# Whatever strangers have mailed to one address, by whichever route and from wherever. More than one
# network gets, so that one stranger does not silence an address; few enough for any mailbox.
_MAILBOX = (Window(20, _HOUR), Window(60, _DAY))

REGISTER = Budget(
    "register",
    address=(Window(10, _MINUTE), Window(30, _HOUR), Window(100, _DAY)),
    identifier=(Window(5, _HOUR), Window(15, _DAY)),
    mailbox=_MAILBOX,
)
# Asking for a mailed code: each is a mail into somebody's box.
CODE = Budget(
    "code",
    address=(Window(10, _MINUTE), Window(40, _HOUR), Window(150, _DAY)),
    identifier=(Window(5, _HOUR), Window(15, _DAY)),
    mailbox=_MAILBOX,
    user=(Window(10, _HOUR), Window(30, _DAY)),
)
RESET = Budget(
    "reset",
    address=(Window(10, _MINUTE), Window(40, _HOUR), Window(150, _DAY)),
    identifier=(Window(5, _HOUR), Window(15, _DAY)),
    mailbox=_MAILBOX,
)
# Typing a code or handing in a mailed token.
GUESS = Budget(
    "guess",
    address=(Window(30, _MINUTE), Window(200, _HOUR), Window(1000, _DAY)),
)
# Nobody guesses a refresh token; and whoever is signed in stays so without the limiter.
REFRESH = Budget("refresh", address=(Window(120, _MINUTE), Window(2000, _HOUR)), essential=False)
# Signed in already, and asked again for a password or a factor; or changing one.
STEP_UP = Budget("step-up", user=(Window(10, _MINUTE), Window(40, _HOUR)))
PROFILE = Budget("profile", user=(Window(30, _MINUTE), Window(300, _HOUR)), essential=False)
UPLOAD = Budget("upload", user=(Window(120, _MINUTE), Window(3000, _HOUR)), essential=False)
LOG = Budget("log", address=(Window(60, _MINUTE), Window(1000, _HOUR)), essential=False)

ALL = (SIGN_IN, REGISTER, CODE, RESET, GUESS, REFRESH, STEP_UP, PROFILE, UPLOAD, LOG)
