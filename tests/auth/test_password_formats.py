"""Hashes of other systems, with vectors from the standards and from those systems' documents."""

import base64
import hashlib

import bcrypt
import pytest
from argon2.low_level import Type, hash_secret
from hypothesis import given, settings
from hypothesis import strategies as st

from chronicle.auth.password_bounds import ARGON2_MOST_MEMORY_KIB
from chronicle.auth.password_formats import is_password
from chronicle.auth.password_schemes import Argon2id, BcryptSha256

passwords = st.text(
    # HMAC fills its key up with zeros, so scrypt and PBKDF2 can't tell NULs at the end.
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"),
    max_size=256,
)
SALT = b"sixteen byte salt"


def phc64(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")


def scrypt_hash(password: str, *, ln: int = 4, r: int = 8, p: int = 1, length: int = 32) -> str:
    digest = hashlib.scrypt(password.encode(), salt=SALT, n=2**ln, r=r, p=p, dklen=length)
    return f"$scrypt$ln={ln},r={r},p={p}${phc64(SALT)}${phc64(digest)}"


def pbkdf2_digest(password: str, salt: bytes = SALT, length: int = 32) -> str:
    return phc64(hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 10, length))


def argon2_hash(password: str, kind: Type) -> str:
    hashed = hash_secret(password.encode(), SALT, 1, 8, 1, 32, kind)
    return hashed.decode()


MAKERS = {
    "argon2id": Argon2id(memory_kib=8, time_cost=1, parallelism=1).hash,
    "argon2i": lambda password: argon2_hash(password, Type.I),
    "argon2d": lambda password: argon2_hash(password, Type.D),
    "bcrypt-sha256": BcryptSha256(cost=4).hash,
    "scrypt": scrypt_hash,
    "pbkdf2-django": lambda password: (
        f"pbkdf2_sha256$10$seasalt${pbkdf2_digest(password, b'seasalt')}="
    ),
    "pbkdf2-passlib": lambda password: (
        f"$pbkdf2-sha256$10${phc64(SALT)}${pbkdf2_digest(password)}".replace("+", ".")
    ),
    "pbkdf2-phc": lambda password: (
        f"$pbkdf2-sha256$i=10,l=32${phc64(SALT)}${pbkdf2_digest(password)}"
    ),
}


@pytest.mark.parametrize(
    ("password", "password_hash"),
    [
        pytest.param(
            "password",
            "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
            id="argon2i, the reference implementation's test",
        ),
        pytest.param(
            "password",
            "$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            id="argon2i of version 1.0, from the same test",
        ),
        pytest.param(
            "password",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ"
            "$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            id="argon2id, from the same test",
        ),
        pytest.param(
            "U*U",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
            id="bcrypt 2a, crypt_blowfish's test",
        ),
        pytest.param(
            "U*U*",
            "$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK",
            id="bcrypt 2y, from the same test",
        ),
        pytest.param(
            "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
            "chars after 72 are ignored",
            "$2b$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
            id="bcrypt of more than it looks at, from the same test",
        ),
        pytest.param(
            "password",
            "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2",
            id="bcrypt_sha256, passlib's documents",
        ),
        pytest.param(
            "password",
            "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
            id="scrypt, passlib's documents",
        ),
        pytest.param(
            "pleaseletmein",
            "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$"
            + phc64(
                bytes.fromhex(
                    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                    "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
                )
            ),
            id="scrypt, RFC 7914 section 12",
        ),
        pytest.param(
            "lètmein",
            "pbkdf2_sha256$260000$seasalt$YlZ2Vggtqdc61YjArZuoApoBh9JNGYoDRBUGu6tcJQo=",
            id="pbkdf2, Django's tests",
        ),
        pytest.param(
            "password",
            "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ",
            id="pbkdf2, passlib's tests",
        ),
        pytest.param(
            "Password",
            "$pbkdf2-sha256$i=80000$TmFDbA$"
            + phc64(
                bytes.fromhex("4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56")
            ),
            id="pbkdf2, RFC 7914 section 11",
        ),
    ],
)
def test_a_known_hash_is_that_of_its_password_and_of_no_other(
    password: str, password_hash: str
) -> None:
    assert is_password(password, password_hash)
    assert not is_password(password[:-1] if len(password) < 72 else password[1:], password_hash)


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=25)
@given(password=passwords, other=passwords)
def test_a_hash_is_that_of_its_password_alone(name: str, password: str, other: str) -> None:
    password_hash = MAKERS[name](password)
    assert is_password(password, password_hash)
    assert is_password(other, password_hash) is (other == password)


@pytest.mark.parametrize("version", ["2a", "2b", "2y"])
def test_a_foreign_bcrypt_looks_at_72_bytes_as_it_always_did(version: str) -> None:
    made = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode().replace("$2b$", f"${version}$")
    assert is_password("x" * 80, made)
    assert not is_password("x" * 71, made)


def test_our_own_bcrypt_looks_at_every_byte() -> None:
    made = BcryptSha256(cost=4).hash("x" * 255 + "1")
    assert is_password("x" * 255 + "1", made)
    assert not is_password("x" * 255 + "2", made)
    assert not is_password("x" * 255, made)


# Computed, each of these would take minutes or gigabytes, or fail with something else than "no".
@pytest.mark.parametrize(
    "password_hash",
    [
        f"$argon2id$v=19$m={ARGON2_MOST_MEMORY_KIB + 1},t=1,p=1$c29tZXNhbHQ${'A' * 43}",
        f"$argon2id$v=19$m=9999999,t=1,p=1$c29tZXNhbHQ${'A' * 43}",
        f"$argon2i$v=19$m=65536,t=99999,p=1$c29tZXNhbHQ${'A' * 43}",
        f"$argon2d$v=19$m=65536,t=1,p=999$c29tZXNhbHQ${'A' * 43}",
        f"$argon2id$v=19$m=0,t=0,p=0$c29tZXNhbHQ${'A' * 43}",
        f"$argon2id$v=19$m={'9' * 5000},t=1,p=1$c29tZXNhbHQ${'A' * 43}",
        "$2b$31$" + "." * 53,
        "$2b$16$" + "." * 53,
        "$2b$03$" + "." * 53,
        f"$bcrypt-sha256$v=2,t=2b,r=31${'.' * 22}${'.' * 31}",
        f"$scrypt$ln=63,r=8,p=1$c29tZXNhbHQ${'A' * 43}",
        f"$scrypt$ln=18,r=8,p=1$c29tZXNhbHQ${'A' * 43}",
        f"$scrypt$ln=17,r=8,p=3$c29tZXNhbHQ${'A' * 43}",
        f"$scrypt$ln=1,r=9999,p=9999$c29tZXNhbHQ${'A' * 43}",
        f"$scrypt$ln=0,r=0,p=0$c29tZXNhbHQ${'A' * 43}",
        f"pbkdf2_sha256$999999999$seasalt${'A' * 43}=",
        f"pbkdf2_sha256$0$seasalt${'A' * 43}=",
        f"$pbkdf2-sha256$999999999$c29tZXNhbHQ${'A' * 43}",
        f"$pbkdf2-sha256$i=999999999$c29tZXNhbHQ${'A' * 43}",
        f"$pbkdf2-sha256$i=1000000$c29tZXNhbHQ${'A' * 86}",
    ],
)
def test_a_hash_that_costs_too_much_matches_nothing(password_hash: str) -> None:
    assert not is_password("password", password_hash)


@pytest.mark.parametrize(
    "password_hash",
    [
        "",
        "password",
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
        "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e",
        "$argon2id$broken",
        "$scrypt$ln=4,r=8,p=1$c29tZXNhbHQ$",
        "$scrypt$ln=4,r=8,p=1$c29tZXNhbHQ$AA",
        f"$scrypt$ln=4,r=8,p=1$c29tZ${'A' * 43}",
        "pbkdf2_sha256$10$seasalt$AA==",
        f"pbkdf2_sha1$10$seasalt${'A' * 27}=",
        "!unusable",
    ],
)
def test_a_format_that_is_not_known_matches_nothing(password_hash: str) -> None:
    assert not is_password("password", password_hash)
    assert not is_password("", password_hash)


@given(
    password=st.text(st.characters(exclude_categories=("Cs",))), password_hash=st.text(max_size=200)
)
def test_no_text_at_all_breaks_verifying(password: str, password_hash: str) -> None:
    assert not is_password(password, password_hash)


@settings(max_examples=200)
@given(
    name=st.sampled_from(sorted(MAKERS)),
    at=st.integers(0, 400),
    instead=st.characters(codec="ascii"),
)
def test_no_change_of_a_hash_makes_another_password_match(name: str, at: int, instead: str) -> None:
    made = MAKERS[name]("correct")
    at %= len(made)
    changed = made[:at] + instead + made[at + 1 :]
    assert not is_password("wrong", changed)


@pytest.mark.parametrize(
    ("scheme", "other"),
    [
        (
            Argon2id(memory_kib=8, time_cost=1, parallelism=1),
            Argon2id(memory_kib=16, time_cost=1, parallelism=1),
        ),
        (BcryptSha256(cost=4), BcryptSha256(cost=5)),
    ],
)
def test_a_scheme_knows_its_own_hashes_from_all_others(
    scheme: Argon2id | BcryptSha256, other: Argon2id | BcryptSha256
) -> None:
    own = scheme.hash("password")
    assert scheme.is_current(own)
    assert not other.is_current(own)
    for name, make in MAKERS.items():
        if not own.startswith(f"${name}$"):
            assert not scheme.is_current(make("password"))
