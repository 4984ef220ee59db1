"""Settings that are each right: which contradict each other, and which production refuses."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chronicle import mongodb_urls, valkey_address
from chronicle import setting_values as values
from chronicle.auth import password_bounds as bounds
from chronicle.setting_choices import Mailer, PasswordHash
from chronicle.setting_sources import Problem, Source

if TYPE_CHECKING:
    from chronicle.settings import Settings

# Pairs of memory in KiB and passes that OWASP's password storage cheat sheet counts as equal.
ARGON2_MINIMUMS = ((47104, 1), (19456, 2), (12288, 3), (9216, 4), (7168, 5))

BCRYPT_MINIMUM = 10


def contradictions(settings: "Settings") -> Iterator[Problem]:
    """Values that are right alone and wrong together."""
    if settings.refresh_absolute_seconds < settings.refresh_idle_seconds:
        yield Problem(
            "CHRONICLE_REFRESH_ABSOLUTE_SECONDS",
            f"{settings.refresh_absolute_seconds} is shorter than the idle lifetime"
            f" ({settings.refresh_idle_seconds}); make it at least as long",
        )
    if settings.argon2_memory_kib < 8 * settings.argon2_parallelism:
        yield Problem(
            "CHRONICLE_ARGON2_MEMORY_KIB",
            f"argon2 needs at least 8 KiB a lane: {8 * settings.argon2_parallelism} or more",
        )
    if settings.argon2_memory_kib * settings.argon2_time_cost > bounds.ARGON2_MOST_WORK_KIB:
        yield Problem(
            "CHRONICLE_ARGON2_TIME_COST",
            "hashes would take seconds: memory in KiB times passes is at most"
            f" {bounds.ARGON2_MOST_WORK_KIB}",
        )
    if settings.valkey_key_file is not None and settings.valkey_cert_file is None:
        yield Problem(
            "CHRONICLE_VALKEY_CERT_FILE", "is missing: the key in CHRONICLE_VALKEY_KEY_FILE is its"
        )
    if settings.mailer is Mailer.SMTP and settings.smtp_url is None:
        yield Problem(
            "CHRONICLE_SMTP_URL",
            "CHRONICLE_MAILER=smtp needs the mail server: smtp://user:password@host:587",
        )
    if settings.mailer is Mailer.BREVO and settings.brevo_api_key is None:
        yield Problem("CHRONICLE_BREVO_API_KEY", "CHRONICLE_MAILER=brevo needs the account's key")


def production_refusals(settings: "Settings") -> Iterator[Problem]:
    """What would be unsafe in front of real people."""
    if not settings.production:
        return
    if not settings.base_url.startswith("https://"):
        yield Problem(
            "CHRONICLE_BASE_URL",
            "production needs the https:// address that people open, as https://example.org",
        )
    if settings.sources["keys_file"] is Source.DEFAULT:
        yield Problem(
            "CHRONICLE_KEYS_FILE",
            "production uses no keys that were made by themselves: make a file outside the data"
            " folder with `chronicle keys init --file <path>`, keep a copy of it elsewhere, and"
            " set its path",
        )
    elif settings.keys_file == settings.data_dir / "keys.json":
        yield Problem(
            "CHRONICLE_KEYS_FILE",
            "is where development keeps the keys that it made; make a file outside the data"
            " folder with `chronicle keys init --file <path>` and set its path",
        )
    if settings.mailer is Mailer.OUTBOX:
        yield Problem(
            "CHRONICLE_MAILER",
            "the outbox writes mail to files and delivers none, so production refuses it;"
            " set smtp or brevo",
        )
    if settings.limit_scale != 1:
        yield Problem(
            "CHRONICLE_LIMIT_SCALE",
            f"{settings.limit_scale} would let guesses through that many times as fast; it is for"
            " tests and benchmarks, which come from one address",
        )
    if settings.password_hash is PasswordHash.BCRYPT and settings.bcrypt_cost < BCRYPT_MINIMUM:
        yield Problem(
            "CHRONICLE_BCRYPT_COST", f"weaker than OWASP's minimum; use {BCRYPT_MINIMUM} or more"
        )
    if not _argon2_is_strong(settings):
        yield Problem(
            "CHRONICLE_ARGON2_MEMORY_KIB",
            "weaker than OWASP's minimum; memory in KiB and CHRONICLE_ARGON2_TIME_COST must reach"
            " one of: " + ", ".join(f"{memory} and {passes}" for memory, passes in ARGON2_MINIMUMS),
        )
    if _mongodb_without_tls(settings.database_url.reveal()):
        yield Problem(
            "CHRONICLE_DATABASE_URL",
            "production wants TLS, with the certificate checked, to every host that is not this"
            " machine: add tls=true, and none of the tlsInsecure and tlsAllowInvalid options",
        )
    valkey = valkey_address.parse(settings.valkey_url.reveal()) if settings.valkey_url else None
    if valkey and not valkey.tls and not valkey.local:
        yield Problem(
            "CHRONICLE_VALKEY_URL",
            "production wants TLS to every host that is not this machine: use rediss://,"
            " rediss+sentinel:// or rediss+cluster://",
        )


def _mongodb_without_tls(url: str) -> bool:
    elsewhere = any(
        "%2F" not in host.upper() and not values.is_local(f"mongodb://{host}")
        for host in mongodb_urls.hosts(url)
    )
    return elsewhere and not mongodb_urls.has_checked_tls(url)


def _argon2_is_strong(settings: "Settings") -> bool:
    return any(
        settings.argon2_memory_kib >= memory and settings.argon2_time_cost >= passes
        for memory, passes in ARGON2_MINIMUMS
    )
