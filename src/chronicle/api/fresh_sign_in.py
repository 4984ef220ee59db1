"""The step-up rule at routes: what is sensitive needs a sign-in of the last ten minutes.

A route that is sensitive whatever it is sent declares `fresh=True`; one that is so only with some
of what it takes calls `require_fresh` itself, and names the problem in its declaration.
"""

from typing import TYPE_CHECKING, Any

from chronicle.auth.fresh_sign_in import check_fresh

if TYPE_CHECKING:
    from chronicle.api.endpoint import SignedInCall

CODE = "fresh_sign_in_required"


def require_fresh(call: "SignedInCall[Any, Any]") -> None:
    """Go on only if the caller signed in lately; `/api/auth/reauthenticate` is how they do.

    Raises:
        Denied: `fresh_sign_in_required`.
    """
    check_fresh(
        call.identity.claims,
        # No account can have a second factor so far. Where it is kept whether one does, in
        # `call.account`, is where this looks.
        has_second_factor=False,
        now=call.app.world.now(),
    )
