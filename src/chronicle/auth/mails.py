"""Every mail that Chronicle sends. What they say stands in `mail_texts/`, a file for each language.

`locale` is a BCP 47 language tag, or None where none is known. Tokens stand in the fragment of a
link, which no browser sends to a server and no log therefore keeps.
"""

from datetime import datetime

from chronicle.auth.mail_templates import write
from chronicle.auth.ports import Mail


def registration_code(
    to: str, code: str, token: str, *, minutes: int, base_url: str, locale: str | None
) -> Mail:
    """The code, or the link, that finishes a sign-up."""
    return write(
        to, "registration_code", locale, base_url=base_url, code=code, token=token, minutes=minutes
    )


def address_is_taken(to: str, *, base_url: str, locale: str | None) -> Mail:
    """To the owner of an address with which somebody signs up again."""
    return write(to, "address_is_taken", locale, base_url=base_url)


def refresh_token_replayed(to: str, *, base_url: str, locale: str | None) -> Mail:
    """To the owner of a session that was ended because an old token of it was used again."""
    return write(to, "refresh_token_replayed", locale, base_url=base_url)


def sign_in_code(
    to: str, code: str, token: str, *, minutes: int, base_url: str, locale: str | None
) -> Mail:
    """The code, or the link, that signs in without a password."""
    return write(
        to, "sign_in_code", locale, base_url=base_url, code=code, token=token, minutes=minutes
    )


def password_reset(
    to: str, code: str, token: str, *, minutes: int, base_url: str, locale: str | None
) -> Mail:
    """The code and the link that set a new password."""
    return write(
        to, "password_reset", locale, base_url=base_url, code=code, token=token, minutes=minutes
    )


def password_changed(to: str, report_token: str, *, base_url: str, locale: str | None) -> Mail:
    """To the owner of an account whose password was changed."""
    return write(to, "password_changed", locale, base_url=base_url, token=report_token)


def new_device(
    to: str,
    device: str,
    address: str,
    at: datetime,
    report_token: str,
    *,
    place: str | None,
    base_url: str,
    locale: str | None,
) -> Mail:
    """To the owner of an account in which a device signed in for the first time.

    `place` is roughly where the address is, where that is known.
    """
    return write(
        to,
        "new_device",
        locale,
        base_url=base_url,
        device=device,
        address=address,
        place=place,
        at=at,
        token=report_token,
    )


def account_locked(
    to: str, unlock_token: str, *, minutes: int, base_url: str, locale: str | None
) -> Mail:
    """To the owner of an account that is closed for a while after too many wrong passwords."""
    return write(
        to, "account_locked", locale, base_url=base_url, token=unlock_token, minutes=minutes
    )


def sessions_ended_by_report(to: str, *, base_url: str, locale: str | None) -> Mail:
    """To whoever said "this wasn't me", once everybody is signed out."""
    return write(to, "sessions_ended_by_report", locale, base_url=base_url)
