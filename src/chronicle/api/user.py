"""`/api/auth/user`: the caller's own profile."""

from typing import Annotated

import msgspec

from chronicle.api.auth import NameText
from chronicle.api.endpoint import Routes, SignedInCall
from chronicle.api.session_answers import Profile, render_profile
from chronicle.users.accounts import ProfileChange

endpoint = Routes("Profile")

Locale = Annotated[str, msgspec.Meta(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
TimeZone = Annotated[
    str, msgspec.Meta(max_length=64, pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$")
]


class EditProfile(msgspec.Struct, forbid_unknown_fields=True):
    """New values; a field left out keeps its value, null clears it.

    `locale` is a BCP 47 language tag, `timezone` a name of the IANA time zone database.
    """

    name: NameText | msgspec.UnsetType | None = msgspec.UNSET
    locale: Locale | msgspec.UnsetType | None = msgspec.UNSET
    timezone: TimeZone | msgspec.UnsetType | None = msgspec.UNSET


@endpoint.get("/api/auth/user", answers=Profile)
async def read_profile(call: SignedInCall[None, None]) -> Profile:
    """The caller's profile."""
    return render_profile(await call.app.book.read(call.identity.account_id))


@endpoint.patch("/api/auth/user", answers=Profile, problems=("edited_meanwhile", "unavailable"))
async def edit_profile(call: SignedInCall[EditProfile, None]) -> Profile:
    """Change name, locale or time zone."""
    change = ProfileChange(
        name=_given(call.body.name),
        locale=_given(call.body.locale),
        timezone=_given(call.body.timezone),
        unchanged=frozenset(
            field
            for field in ("name", "locale", "timezone")
            if getattr(call.body, field) is msgspec.UNSET
        ),
    )
    return render_profile(await call.app.book.edit(call.identity.account_id, change))


def _given(value: str | msgspec.UnsetType | None) -> str | None:
    return None if isinstance(value, msgspec.UnsetType) else value
