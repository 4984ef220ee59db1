"""The Bridge JWT: the short-lived access token by which a session reaches this and any backend.

RFC 9068 profile (`typ: at+jwt`), signed with EdDSA over Ed25519 (RFC 8037). Anyone can verify one
alone with the public keys at `/.well-known/jwks.json`.
"""

import base64
import hashlib
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import OKPKey

from chronicle.auth.ports import SessionId
from chronicle.errors import Unauthenticated
from chronicle.security.encryption import derive
from chronicle.security.keys import Key, Keyring, Purpose
from chronicle.users.ports import AccountId

# RFC 9864 renames "EdDSA" with this curve to "Ed25519". Verifiers in the field know the old name.
warnings.filterwarnings("ignore", "EdDSA is deprecated", SecurityWarning)

# How long a verifier may go on with the JWK set that it has got.
JWKS_SECONDS = 300

_ALGORITHMS = ["EdDSA"]
_TYPE = "at+jwt"
_CACHED_TOKENS = 20_000
_LONGEST_TOKEN = 4096
_NO_OTHERS: frozenset[str] = frozenset()


class Claims(msgspec.Struct, frozen=True):
    """What a Bridge JWT says. Times are seconds since 1970; ids are UUID text."""

    iss: str
    aud: str
    sub: str
    client_id: str
    sid: str
    jti: str
    iat: int
    nbf: int
    exp: int
    auth_time: int
    amr: list[str]
    acr: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is calling, as an access token proves it."""

    account_id: AccountId
    session_id: SessionId
    claims: Claims


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs, and for whom: both are this server's base URL unless a backend asks."""

    issuer: str
    audience: str
    client_id: str


class AccessTokens:
    """Signs and verifies Bridge JWTs. Verified ones are remembered by their SHA-256."""

    def __init__(self, keys: Keyring, issuer: Issuer) -> None:
        self._issuer = issuer
        keys.follow(self._use)

    def _use(self, keys: Keyring) -> None:
        ring = keys.of(Purpose.TOKEN)
        header = {"alg": "EdDSA", "typ": _TYPE, "kid": ring[0].id.hex()}
        # One attribute: a token must never name another key than the one that signs it.
        self._signing = _text(msgspec.json.encode(header)), _signing_key(ring[0])
        self._keys = {key.id.hex(): _private_key(key) for key in ring}
        # Forgotten, too: what a key verified that is no longer there is no longer good.
        self._verified: dict[bytes, Identity] = {}

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set (RFC 7517 5), also those that don't sign yet or any more."""
        return {"keys": [_public_jwk(key_id, key) for key_id, key in self._keys.items()]}

    def sign(self, claims: Claims) -> str:
        """A signed token in the JWS compact form (RFC 7515 7.1)."""
        header, key = self._signing
        signed = f"{header}.{_text(msgspec.json.encode(claims))}"
        return f"{signed}.{_text(key.sign(signed.encode()))}"

    def verify(
        self, token: str, *, now: datetime, audiences: frozenset[str] = _NO_OTHERS
    ) -> Identity:
        """Whose token it is. It is for this server, or else for one of the other `audiences`.

        Raises:
            Unauthenticated: not signed here, for someone else, or expired.
        """
        if len(token) > _LONGEST_TOKEN:
            raise Unauthenticated
        digest = hashlib.sha256(token.encode()).digest()
        identity = self._verified.get(digest)
        if identity is None:
            identity = self._verify_signature(token)
            if len(self._verified) >= _CACHED_TOKENS:
                self._forget_half()
            self._verified[digest] = identity
        audience = identity.claims.aud
        if audience != self._issuer.audience and audience not in audiences:
            raise Unauthenticated
        seconds = now.timestamp()
        if not identity.claims.nbf <= seconds < identity.claims.exp:
            del self._verified[digest]
            raise Unauthenticated
        return identity

    def _verify_signature(self, token: str) -> Identity:
        try:
            decoded = jwt.decode(token, self._key_of(token), algorithms=_ALGORITHMS)
            claims = msgspec.convert(decoded.claims, Claims)
            account, session = _uuid_bytes(claims.sub), _uuid_bytes(claims.sid)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise Unauthenticated from error
        if (claims.iss, decoded.header.get("typ")) != (self._issuer.issuer, _TYPE):
            raise Unauthenticated
        return Identity(AccountId(account), SessionId(session), claims)

    def _key_of(self, token: str) -> OKPKey:
        header = msgspec.json.decode(_base64url(token.partition(".")[0]))
        # The header names one of our keys and brings none of its own: nothing is ever fetched.
        if not isinstance(header, dict) or not header.keys() <= {"alg", "typ", "kid"}:
            raise Unauthenticated
        key = self._keys.get(str(header.get("kid")))
        if key is None:
            raise Unauthenticated
        return key

    def _forget_half(self) -> None:
        for digest in list(self._verified)[: _CACHED_TOKENS // 2]:
            del self._verified[digest]


def unix_seconds(moment: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    return int(moment.timestamp())


def from_unix_seconds(seconds: int) -> datetime:
    """The moment, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def _signing_key(key: Key) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(derive(key.secret, "chronicle/token/v1"))


def _private_key(key: Key) -> OKPKey:
    private = _signing_key(key)
    x, d = private.public_key().public_bytes_raw(), private.private_bytes_raw()
    return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": _text(x), "d": _text(d)})


def _public_jwk(key_id: str, key: OKPKey) -> dict[str, str]:
    x = str(key.as_dict(private=False)["x"])
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": key_id, "alg": "EdDSA", "use": "sig"}


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _base64url(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _uuid_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("-", ""))
