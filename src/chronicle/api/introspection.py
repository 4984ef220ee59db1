"""`POST /api/auth/introspect`: whether a token is good now, for backends with a service key."""

from typing import Annotated

import msgspec

from chronicle.api.endpoint import Call, Routes

endpoint = Routes("Sign-in")


class Introspect(msgspec.Struct, forbid_unknown_fields=True):
    """A token to look at. `token_type_hint` is taken and not needed (RFC 7662 2.1)."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=8192)]
    token_type_hint: Annotated[str, msgspec.Meta(max_length=64)] | None = None


class TokenFacts(msgspec.Struct, omit_defaults=True):
    """Whether the token is good; only of one that is, what it says. Times are Unix seconds."""

    active: bool
    token_type: str | None = None
    iss: str | None = None
    aud: str | None = None
    sub: str | None = None
    client_id: str | None = None
    sid: str | None = None
    jti: str | None = None
    iat: int | None = None
    nbf: int | None = None
    exp: int | None = None
    auth_time: int | None = None
    amr: list[str] | None = None
    acr: str | None = None


@endpoint.post(
    "/api/auth/introspect",
    answers=TokenFacts,
    request_media=("application/x-www-form-urlencoded", "application/json"),
    for_backends=True,
)
async def introspect(call: Call[Introspect, None]) -> TokenFacts:
    """Say whether an access token is good at this moment (RFC 7662).

    For backends, with a service key of `CHRONICLE_INTROSPECTION_KEYS` as the bearer token. What is
    expired, revoked, for somebody else, not an access token, or no token at all is not active.
    """
    claims = await call.app.introspection.claims_of(call.body.token)
    if claims is None:
        return TokenFacts(active=False)
    return TokenFacts(active=True, token_type="Bearer", **msgspec.structs.asdict(claims))
