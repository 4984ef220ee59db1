"""One frozen `Settings` from `CHRONICLE_*` variables and `.env`, or every mistake at once.

The environment wins over `.env`, and `.env` over the defaults; an empty value counts as not set.
`docs/settings.md` describes each one. Names below `CHRONICLE_TEST_` belong to the test suite.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType

from chronicle import setting_values as values
from chronicle.auth import password_bounds as bounds
from chronicle.setting_choices import (
    BreachCheck,
    ChallengeDemand,
    Environment,
    LogLevel,
    Mailer,
    PasswordHash,
    Registration,
)
from chronicle.setting_refusals import contradictions, production_refusals
from chronicle.setting_sources import PREFIX, Reader, SettingsError, Source
from chronicle.setting_values import Network, Secret, SecretUrl

DAY_SECONDS = 86_400
LIFETIME = values.whole_number(1, 3650 * DAY_SECONDS)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can choose. Each field is the variable `CHRONICLE_<FIELD>`."""

    env: Environment
    host: str
    port: int
    data_dir: Path
    base_url: str
    trusted_proxies: tuple[Network, ...]
    allowed_origins: tuple[str, ...]
    keys_file: Path
    database_url: SecretUrl
    valkey_url: SecretUrl | None
    valkey_ca_file: Path | None
    valkey_cert_file: Path | None
    valkey_key_file: Path | None
    geoip_file: Path | None
    mailer: Mailer
    smtp_url: SecretUrl | None
    brevo_api_key: Secret | None
    brevo_url: str
    mail_from: str
    mail_seconds: int
    mail_days: int
    upload_limit: int
    json_body_limit: int
    request_seconds: int
    requests_per_second: int
    request_burst: int
    connections_per_address: int
    bodies_per_address: int
    limit_scale: int
    challenge: ChallengeDemand
    challenge_difficulty: int
    stall_seconds: int
    upload_bytes_per_second: int
    upload_grace_seconds: int
    registration: Registration
    breach_check: BreachCheck
    breach_url: str
    password_hash: PasswordHash
    argon2_memory_kib: int
    argon2_time_cost: int
    argon2_parallelism: int
    bcrypt_cost: int
    hash_pool_size: int
    hash_queue_limit: int
    hash_queue_reserved: int
    access_token_seconds: int
    refresh_idle_seconds: int
    refresh_absolute_seconds: int
    client_id: str
    audiences: tuple[str, ...]
    introspection_keys: tuple[Secret, ...]
    event_days: int
    ledger_origin: str
    log_level: LogLevel
    drain_seconds: int
    sources: Mapping[str, Source] = field(repr=False, compare=False)

    @property
    def production(self) -> bool:
        """Whether this is `CHRONICLE_ENV=production`."""
        return self.env is Environment.PRODUCTION

    @property
    def database_path(self) -> Path | None:
        """The SQLite file of `database_url`; None when that leads to a MongoDB server."""
        url = self.database_url.reveal()
        return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None

    def bound_to(self, port: int) -> "Settings":
        """These settings once port 0 became a real one: what was derived from it follows."""
        derived = self.sources["base_url"] is Source.DEFAULT
        base_url = f"http://localhost:{port}" if derived else self.base_url
        origin = self.ledger_origin
        if self.sources["ledger_origin"] is Source.DEFAULT:
            origin = _default_origin(base_url)
        return replace(self, port=port, base_url=base_url, ledger_origin=origin)

    def listing(self) -> list[tuple[str, str, Source]]:
        """Each variable's name, its value with secrets hidden, and where it comes from."""
        return [
            (PREFIX + name.upper(), _shown(getattr(self, name)), self.sources[name])
            for name in FIELDS
        ]


FIELDS = tuple(each.name for each in fields(Settings) if each.name != "sources")


def load(environ: Mapping[str, str], dotenv_path: Path | None = None) -> Settings:
    """Read the settings from the environment and, where there is one, the `.env` file.

    Raises:
        SettingsError: with every value that is wrong, every name that is not known, and
            everything that production refuses.
    """
    reader = Reader(FIELDS)
    if dotenv_path is not None:
        reader.take_dotenv(dotenv_path)
    reader.take(environ, Source.ENVIRONMENT)
    settings = _read(reader)
    broken = {problem.name for problem in reader.problems}
    further = [*contradictions(settings), *production_refusals(settings)]
    problems = [*reader.problems, *(each for each in further if each.name not in broken)]
    if problems:
        raise SettingsError(problems)
    return settings


def load_here() -> Settings:
    """The settings of this process's environment and the working folder's `.env`.

    Raises:
        SettingsError: as `load`.
    """
    return load(os.environ, Path(".env"))


def _read(reader: Reader) -> Settings:
    number = values.whole_number
    port = reader.read("port", number(0, 65535), 8000)
    base_url = reader.read("base_url", values.base_url, f"http://localhost:{port}")
    data_dir = reader.read("data_dir", values.path, values.path("data"))
    database = SecretUrl(f"sqlite:///{data_dir / 'chronicle.db'}")
    hash_pool_size = reader.read("hash_pool_size", number(1, 256), max(1, _cores() - 1))
    return Settings(
        env=reader.read("env", values.one_of(Environment), Environment.DEVELOPMENT),
        host=reader.read("host", values.host, "127.0.0.1"),
        port=port,
        data_dir=data_dir,
        base_url=base_url,
        keys_file=reader.read("keys_file", values.path, data_dir / "keys.json"),
        database_url=reader.read("database_url", values.database_url, database),
        valkey_url=reader.read("valkey_url", values.valkey_url, None),
        valkey_ca_file=reader.read("valkey_ca_file", values.path, None),
        valkey_cert_file=reader.read("valkey_cert_file", values.path, None),
        valkey_key_file=reader.read("valkey_key_file", values.path, None),
        geoip_file=reader.read("geoip_file", values.path, None),
        trusted_proxies=reader.read("trusted_proxies", values.networks, ()),
        allowed_origins=reader.read("allowed_origins", values.origins, ()),
        mailer=reader.read("mailer", values.one_of(Mailer), Mailer.OUTBOX),
        smtp_url=reader.read("smtp_url", values.smtp_url, None),
        brevo_api_key=reader.read("brevo_api_key", values.secret, None),
        brevo_url=reader.read("brevo_url", values.api_url, "https://api.brevo.com"),
        mail_from=reader.read("mail_from", values.mail_from, values.default_mail_from(base_url)),
        mail_seconds=reader.read("mail_seconds", number(1, 600), 30),
        mail_days=reader.read("mail_days", number(1, 3650), 30),
        upload_limit=reader.read("upload_limit", values.size_in_bytes, 5 * 2**30),
        json_body_limit=reader.read("json_body_limit", values.size_in_bytes, 64 * 2**10),
        request_seconds=reader.read("request_seconds", number(1, 600), 10),
        requests_per_second=reader.read("requests_per_second", number(1, 1_000_000), 100),
        request_burst=reader.read("request_burst", number(1, 1_000_000), 300),
        connections_per_address=reader.read("connections_per_address", number(1, 100_000), 256),
        bodies_per_address=reader.read("bodies_per_address", number(1, 100_000), 64),
        limit_scale=reader.read("limit_scale", number(1, 1000), 1),
        challenge=reader.read(
            "challenge", values.one_of(ChallengeDemand), ChallengeDemand.UNDER_LOAD
        ),
        challenge_difficulty=reader.read(
            "challenge_difficulty", number(1, 1_000_000_000), 1_000_000
        ),
        stall_seconds=reader.read("stall_seconds", number(1, 3600), 60),
        upload_bytes_per_second=reader.read(
            "upload_bytes_per_second", values.size_in_bytes, 4 * 2**10
        ),
        upload_grace_seconds=reader.read("upload_grace_seconds", number(1, 3600), 60),
        registration=reader.read("registration", values.one_of(Registration), Registration.CODE),
        breach_check=reader.read("breach_check", values.one_of(BreachCheck), BreachCheck.OFF),
        breach_url=reader.read("breach_url", values.api_url, "https://api.pwnedpasswords.com"),
        password_hash=reader.read(
            "password_hash", values.one_of(PasswordHash), PasswordHash.ARGON2ID
        ),
        argon2_memory_kib=reader.read(
            "argon2_memory_kib", number(8, bounds.ARGON2_MOST_MEMORY_KIB), 19456
        ),
        argon2_time_cost=reader.read("argon2_time_cost", number(1, 100), 2),
        argon2_parallelism=reader.read(
            "argon2_parallelism", number(1, bounds.ARGON2_MOST_LANES), 1
        ),
        bcrypt_cost=reader.read("bcrypt_cost", number(*bounds.BCRYPT_COSTS), 12),
        hash_pool_size=hash_pool_size,
        hash_queue_limit=reader.read("hash_queue_limit", number(0, 10_000), 16 * hash_pool_size),
        hash_queue_reserved=reader.read(
            "hash_queue_reserved", number(0, 10_000), 4 * hash_pool_size
        ),
        access_token_seconds=reader.read("access_token_seconds", number(1, 3600), 600),
        refresh_idle_seconds=reader.read("refresh_idle_seconds", LIFETIME, 30 * DAY_SECONDS),
        refresh_absolute_seconds=reader.read(
            "refresh_absolute_seconds", LIFETIME, 180 * DAY_SECONDS
        ),
        client_id=reader.read("client_id", values.client_id, "chronicle-console"),
        audiences=reader.read("audiences", values.names, ()),
        introspection_keys=reader.read("introspection_keys", values.service_keys, ()),
        event_days=reader.read("event_days", number(1, 3650), 365),
        ledger_origin=reader.read("ledger_origin", values.ledger_origin, _default_origin(base_url)),
        log_level=reader.read("log_level", values.one_of(LogLevel), LogLevel.INFO),
        drain_seconds=reader.read("drain_seconds", number(0, 600), 10),
        sources=MappingProxyType(reader.sources),
    )


def _default_origin(base_url: str) -> str:
    return f"{base_url.partition('://')[2]}/api/web3/log"


def _cores() -> int:
    """The cores that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
