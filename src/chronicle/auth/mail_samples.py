"""Each mail with made-up values, for previews."""

from collections.abc import Callable
from datetime import UTC, datetime

from chronicle.auth import mails
from chronicle.auth.ports import Mail

_TO = "ada@example.org"
_CODE = "7K3M-Q9TD"
_TOKEN = "0123456789abcdefABCDEF"
_MOMENT = datetime(2026, 3, 9, 8, 7, tzinfo=UTC)

SAMPLES: dict[str, Callable[[str, str | None], Mail]] = {
    "registration_code": lambda url, locale: mails.registration_code(
        _TO, _CODE, _TOKEN, minutes=10, base_url=url, locale=locale
    ),
    "address_is_taken": lambda url, locale: mails.address_is_taken(
        _TO, base_url=url, locale=locale
    ),
    "refresh_token_replayed": lambda url, locale: mails.refresh_token_replayed(
        _TO, base_url=url, locale=locale
    ),
    "sign_in_code": lambda url, locale: mails.sign_in_code(
        _TO, _CODE, _TOKEN, minutes=10, base_url=url, locale=locale
    ),
    "password_reset": lambda url, locale: mails.password_reset(
        _TO, _CODE, _TOKEN, minutes=10, base_url=url, locale=locale
    ),
    "password_changed": lambda url, locale: mails.password_changed(
        _TO, _TOKEN, base_url=url, locale=locale
    ),
    "new_device": lambda url, locale: mails.new_device(
        _TO,
        "Firefox on Linux",
        "192.0.2.7",
        _MOMENT,
        _TOKEN,
        place="Lyon, France",
        base_url=url,
        locale=locale,
    ),
    "account_locked": lambda url, locale: mails.account_locked(
        _TO, _TOKEN, minutes=60, base_url=url, locale=locale
    ),
    "sessions_ended_by_report": lambda url, locale: mails.sessions_ended_by_report(
        _TO, _TOKEN, minutes=10, base_url=url, locale=locale
    ),
    "email_code": lambda url, locale: mails.email_code(
        _TO, _CODE, _TOKEN, minutes=10, base_url=url, locale=locale
    ),
    "new_email_code": lambda url, locale: mails.new_email_code(
        _TO, _CODE, _TOKEN, minutes=10, base_url=url, locale=locale
    ),
    "address_is_wanted": lambda url, locale: mails.address_is_wanted(
        _TO, base_url=url, locale=locale
    ),
    "address_proved": lambda url, locale: mails.address_proved(_TO, base_url=url, locale=locale),
    "email_changed": lambda url, locale: mails.email_changed(
        _TO, _TOKEN, base_url=url, locale=locale
    ),
    "email_restored": lambda url, locale: mails.email_restored(_TO, base_url=url, locale=locale),
    "email_withdrawn": lambda url, locale: mails.email_withdrawn(_TO, base_url=url, locale=locale),
    "reauthentication_code": lambda url, locale: mails.reauthentication_code(
        _TO, _CODE, minutes=10, base_url=url, locale=locale
    ),
    "guesses_while_signed_in": lambda url, locale: mails.guesses_while_signed_in(
        _TO, "Firefox on Linux", "192.0.2.7", _TOKEN, base_url=url, locale=locale
    ),
}
"""By name, for a base URL and a locale."""
