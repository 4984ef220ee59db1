"""Verifying a password against a hash in any format that is known: ours, and other systems'.

Accounts that come from elsewhere bring their hashes along, and get one of ours when their owners
next sign in. A format that is not known, or costs more than `password_bounds` allows, matches no
password. Nothing here makes hashes; `password_schemes` does.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError, VerifyMismatchError

from chronicle.auth import password_bounds as bounds
from chronicle.auth.password_schemes import bcrypt_sha256_digest

# Digests shorter than 16 bytes are none that a sound system makes, and might match by chance.
_SALT = r"[A-Za-z0-9+/]{1,88}"
_DIGEST = r"[A-Za-z0-9+/]{22,88}"
_ARGON2 = re.compile(
    r"\$argon2(?:id|i|d)\$(?:v=(?:16|19)\$)?m=([0-9]{1,7}),t=([0-9]{1,5}),p=([0-9]{1,3})"
    rf"\${_SALT}\${_DIGEST}"
)
_BCRYPT_SHA256 = re.compile(
    r"\$bcrypt-sha256\$v=2,t=2b,r=([0-9]{1,2})\$([./A-Za-z0-9]{22})\$([./A-Za-z0-9]{31})"
)
_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_SCRYPT = re.compile(
    rf"\$scrypt\$ln=([0-9]{{1,2}}),r=([0-9]{{1,4}}),p=([0-9]{{1,4}})\$({_SALT})\$({_DIGEST})"
)
_PBKDF2_DJANGO = re.compile(
    rf"pbkdf2_sha256\$([0-9]{{1,9}})\$([A-Za-z0-9]{{1,88}})\$({_DIGEST})={{0,2}}"
)
_PBKDF2_PASSLIB = re.compile(
    r"\$pbkdf2-sha256\$([0-9]{1,9})\$([A-Za-z0-9./]{1,88})\$([A-Za-z0-9./]{22,88})"
)
_PBKDF2_PHC = re.compile(
    rf"\$pbkdf2-sha256\$i=([0-9]{{1,9}})(?:,l=[0-9]{{1,2}})?\$({_SALT})\$({_DIGEST})"
)
_BCRYPT_BYTES = 72
_argon2 = PasswordHasher()


def is_password(password: str, password_hash: str) -> bool | None:
    """Whether a hash is that of a normalised password; None when nothing could be computed.

    Takes at most a second or two of one core, whatever the hash says.
    """
    for pattern, verify in _FORMATS:
        match = pattern.fullmatch(password_hash)
        if match is not None:
            try:
                return verify(match, password.encode())
            except ValueError:  # too costly, or base64 and salts that only look right
                return None
    return None


def _argon2_matches(match: re.Match[str], password: bytes) -> bool:
    memory, passes, lanes = int(match[1]), int(match[2]), int(match[3])
    if (
        memory > bounds.ARGON2_MOST_MEMORY_KIB
        or memory * passes > bounds.ARGON2_MOST_WORK_KIB
        or lanes > bounds.ARGON2_MOST_LANES
    ):
        raise _too_costly()
    try:
        return _argon2.verify(match[0], password)
    except VerifyMismatchError:
        return False
    except VerificationError as error:
        raise ValueError("no argon2 hash") from error


def _bcrypt_sha256_matches(match: re.Match[str], password: bytes) -> bool:
    _check_bcrypt_cost(int(match[1]))
    salt = f"$2b${int(match[1]):02}${match[2]}".encode()
    return hmac.compare_digest(bcrypt_sha256_digest(password, salt), match[3].encode())


def _bcrypt_matches(match: re.Match[str], password: bytes) -> bool:
    _check_bcrypt_cost(int(match[1]))
    # Whoever made the hash had bcrypt look at this much; today's library refuses more.
    return bcrypt.checkpw(password[:_BCRYPT_BYTES], match[0].encode())


def _check_bcrypt_cost(cost: int) -> None:
    least, highest = bounds.BCRYPT_COSTS
    if not least <= cost <= highest:
        raise _too_costly()


def _scrypt_matches(match: re.Match[str], password: bytes) -> bool:
    n, r, p = 2 ** int(match[1]), int(match[2]), int(match[3])
    memory = 128 * n * r
    if (
        memory > bounds.SCRYPT_MOST_MEMORY_BYTES
        or memory * p > bounds.SCRYPT_MOST_WORK_BYTES
        or 128 * r * p > bounds.SCRYPT_MOST_MEMORY_BYTES
    ):
        raise _too_costly()
    digest = _base64(match[5])
    computed = hashlib.scrypt(
        password,
        salt=_base64(match[4]),
        n=n,
        r=r,
        p=p,
        maxmem=3 * bounds.SCRYPT_MOST_MEMORY_BYTES,
        dklen=len(digest),
    )
    return hmac.compare_digest(computed, digest)


def _django_matches(match: re.Match[str], password: bytes) -> bool:
    # Django's salt is text; the other two formats decode theirs.
    return _pbkdf2_matches(match, password, salt=match[2].encode(), digest=_base64(match[3]))


def _passlib_matches(match: re.Match[str], password: bytes) -> bool:
    salt, digest = (_base64(text.replace(".", "+")) for text in match.group(2, 3))
    return _pbkdf2_matches(match, password, salt=salt, digest=digest)


def _phc_matches(match: re.Match[str], password: bytes) -> bool:
    salt, digest = (_base64(text) for text in match.group(2, 3))
    return _pbkdf2_matches(match, password, salt=salt, digest=digest)


def _pbkdf2_matches(match: re.Match[str], password: bytes, *, salt: bytes, digest: bytes) -> bool:
    iterations = int(match[1])
    # Past one block of SHA-256, each further one costs the whole work again and protects nothing.
    if iterations > bounds.PBKDF2_MOST_ITERATIONS or len(digest) > hashlib.sha256().digest_size:
        raise _too_costly()
    computed = hashlib.pbkdf2_hmac("sha256", password, salt, iterations, len(digest))
    return hmac.compare_digest(computed, digest)


def _too_costly() -> ValueError:
    return ValueError("costs more than a hash may")


def _base64(text: str) -> bytes:
    """Standard base64 without its padding."""
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


_FORMATS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], bytes], bool]], ...] = (
    (_ARGON2, _argon2_matches),
    (_BCRYPT_SHA256, _bcrypt_sha256_matches),
    (_BCRYPT, _bcrypt_matches),
    (_SCRYPT, _scrypt_matches),
    (_PBKDF2_DJANGO, _django_matches),
    (_PBKDF2_PASSLIB, _passlib_matches),
    (_PBKDF2_PHC, _phc_matches),
)
