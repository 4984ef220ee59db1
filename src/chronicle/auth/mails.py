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


def sessions_ended_by_report(
    to: str, token: str, *, minutes: int, base_url: str, locale: str | None
) -> Mail:
    """To whoever said "this wasn't me": everybody is signed out, and here is how to go on."""
    return write(
        to, "sessions_ended_by_report", locale, base_url=base_url, token=token, minutes=minutes
    )


def email_code(
    to: str, code: str, token: str, *, minutes: int, base_url: str, locale: str | None
) -> Mail:
    """The code and the link that confirm the address of an account."""
    return write(
        to, "email_code", locale, base_url=base_url, code=code, token=token, minutes=minutes
    )


def new_email_code(
    to: str, code: str, token: str, *, minutes: int, base_url: str, locale: str | None
) -> Mail:
    """The code and the link that give an account another address: this one."""
    return write(
        to, "new_email_code", locale, base_url=base_url, code=code, token=token, minutes=minutes
    )


def address_is_wanted(to: str, *, base_url: str, locale: str | None) -> Mail:
    """To the owner of an address that somebody wants to give to another account."""
    return write(to, "address_is_wanted", locale, base_url=base_url)


def address_proved(to: str, *, base_url: str, locale: str | None) -> Mail:
    """To whoever first proved the address of an account, whose password is void therefore."""
    return write(to, "address_proved", locale, base_url=base_url)


def email_changed(to: str, undo_token: str, *, base_url: str, locale: str | None) -> Mail:
    """To the address that an account had until now."""
    return write(to, "email_changed", locale, base_url=base_url, token=undo_token)


def email_restored(to: str, *, base_url: str, locale: str | None) -> Mail:
    """To the address that an account has again."""
    return write(to, "email_restored", locale, base_url=base_url)


def email_withdrawn(to: str, *, base_url: str, locale: str | None) -> Mail:
    """To the address that an account no longer has, because its change was undone."""
    return write(to, "email_withdrawn", locale, base_url=base_url)


def reauthentication_code(
    to: str, code: str, *, minutes: int, base_url: str, locale: str | None
) -> Mail:
    """The code by which somebody who is signed in shows once more that it is them."""
    return write(to, "reauthentication_code", locale, base_url=base_url, code=code, minutes=minutes)


def guesses_while_signed_in(
    to: str, device: str, address: str, report_token: str, *, base_url: str, locale: str | None
) -> Mail:
    """To the owner of an account in which somebody who is signed in guessed too often."""
    return write(
        to,
        "guesses_while_signed_in",
        locale,
        base_url=base_url,
        device=device,
        address=address,
        token=report_token,
    )
