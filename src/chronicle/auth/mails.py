"""What the mails say."""

from chronicle.auth.ports import Mail


def registration_code(to: str, code: str, *, minutes: int, base_url: str) -> Mail:
    """The code that finishes a sign-up."""
    return Mail(
        to=to,
        subject=f"{code} is your Chronicle code",
        text=(
            f"Your code is\n\n    {code}\n\n"
            f"Enter it at {base_url} within {minutes} minutes to finish signing up.\n\n"
            "Nobody from Chronicle will ever ask you for it. If you did not sign up, ignore this\n"
            "mail: without the code, no account is made.\n"
        ),
    )


def address_is_taken(to: str, *, base_url: str) -> Mail:
    """To the owner of an address with which somebody signs up again."""
    return Mail(
        to=to,
        subject="You have a Chronicle account already",
        text=(
            "Somebody, perhaps you, just signed up with this address.\n\n"
            f"It has an account already, so nothing was changed. Sign in at {base_url}/sign-in.\n\n"
            "If it was not you, there is nothing to do: they learned nothing.\n"
        ),
    )


def refresh_token_replayed(to: str, *, base_url: str) -> Mail:
    """To the owner of a session that was ended because an old token of it was used again."""
    return Mail(
        to=to,
        subject="A session of yours was ended for safety",
        text=(
            "A key that one of your signed-in devices had already exchanged was used again. That\n"
            "happens when somebody copied it, so the session was ended on every device that\n"
            "shared it.\n\n"
            f"Sign in again at {base_url}/sign-in. If you don't know how this could be, change\n"
            "your password.\n"
        ),
    )
