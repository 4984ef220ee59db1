"""What settings can be chosen from."""

from enum import StrEnum


class Environment(StrEnum):
    """What this instance is for."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Mailer(StrEnum):
    """What delivers mail."""

    OUTBOX = "outbox"
    SMTP = "smtp"
    BREVO = "brevo"


class PasswordHash(StrEnum):
    """What new passwords are hashed with."""

    ARGON2ID = "argon2id"
    BCRYPT = "bcrypt"


class Registration(StrEnum):
    """When a sign-up makes an account."""

    CODE = "code"
    IMMEDIATE = "immediate"


class BreachCheck(StrEnum):
    """Whom new passwords are looked up with."""

    OFF = "off"
    HIBP = "hibp"


class ChallengeDemand(StrEnum):
    """When strangers have to solve a challenge first."""

    OFF = "off"
    UNDER_LOAD = "under_load"
    ALWAYS = "always"


class LogLevel(StrEnum):
    """The least serious log lines that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
