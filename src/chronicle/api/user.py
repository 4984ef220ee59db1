"""`/api/auth/user`: the caller's own profile."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from chronicle.api.auth import NameText
from chronicle.api.endpoint import Routes, SignedInCall
from chronicle.api.lists import LedgerPlace, ListQuery
from chronicle.api.session_answers import Profile, render_profile
from chronicle.ledger.merkle import leaf_hash
from chronicle.security import budgets
from chronicle.security.events import EventPage, SecurityEvent
from chronicle.users.accounts import ProfileChange
from chronicle.users.names import parse_edited_name
from chronicle.users.time_zones import parse_time_zone

endpoint = Routes("Profile")

# Where Python reads a pattern, "$" also stands before a last line feed.
Locale = Annotated[
    str, msgspec.Meta(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$(?!\n)")
]
TimeZone = Annotated[
    str, msgspec.Meta(max_length=64, pattern=r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$(?!\n)")
]


class EditProfile(msgspec.Struct, forbid_unknown_fields=True):
    """New values; a field left out keeps its value, null clears it.

    `locale` is a BCP 47 language tag, `timezone` a name of the IANA time zone database.
    """

    name: NameText | msgspec.UnsetType | None = msgspec.UNSET
    locale: Locale | msgspec.UnsetType | None = msgspec.UNSET
    timezone: TimeZone | msgspec.UnsetType | None = msgspec.UNSET


@endpoint.patch(
    "/api/auth/user",
    answers=Profile,
    problems=("edited_meanwhile", "look_alike", "unavailable"),
    budget=budgets.PROFILE,
)
async def edit_profile(call: SignedInCall[EditProfile, None]) -> Profile:
    """Change name, locale or time zone."""
    name, timezone = _given(call.body.name), _given(call.body.timezone)
    if name is not None or timezone is not None:
        current = call.app.book.in_the_clear(call.account)
        name = name and parse_edited_name(name, current=current.name)
        timezone = timezone and parse_time_zone(timezone, current=current.timezone)
    change = ProfileChange(
        name=name,
        locale=_given(call.body.locale),
        timezone=timezone,
        unchanged=frozenset(
            field
            for field in ("name", "locale", "timezone")
            if getattr(call.body, field) is msgspec.UNSET
        ),
    )
    return render_profile(await call.app.book.edit(call.identity.account_id, change))


class LoginEvent(msgspec.Struct):
    """A sign-in, granted or refused. `ledger` is null for what the ledger does not hold.

    `place` is roughly where its address was, as "Lyon, France"; null where that is not known.
    `risk` is how unusual it was when it happened: `low`, `medium`, `high`, null where that was not
    judged. `why` names what was: `new_device`, `new_network`, `new_country`,
    `after_wrong_passwords`, `unknown_device`, `wrong_while_signed_in`, `many_wrong_passwords`,
    `replayed_token`. Of both there may be more some day.
    """

    id: str
    time: datetime
    kind: str
    method: str
    outcome: str
    reason: str | None
    ip: str
    place: str | None
    device: str
    risk: str | None
    why: list[str]
    session_id: str | None
    ledger: LedgerPlace | None


class LoginEvents(msgspec.Struct):
    """Events, newest first."""

    items: list[LoginEvent]
    next_cursor: str | None


@endpoint.get("/api/auth/user/login-events", answers=LoginEvents, problems=("invalid_cursor",))
async def login_events(call: SignedInCall[None, ListQuery]) -> LoginEvents:
    """Every sign-in with the caller's account, good or bad."""
    page = await call.app.events.page(
        call.identity.account_id, cursor=call.query.cursor, limit=call.query.limit
    )
    return render_events(page)


def render_events(page: EventPage) -> LoginEvents:
    """Events as their owner gets them."""
    return LoginEvents([_render_event(event) for event in page.events], page.next_cursor)


def _render_event(event: SecurityEvent) -> LoginEvent:
    return LoginEvent(
        id=str(UUID(bytes=event.id)),
        time=event.created_at,
        kind=event.kind,
        method=event.method,
        outcome=event.outcome,
        reason=event.reason,
        ip=event.visitor.address,
        place=event.visitor.place,
        device=event.visitor.device,
        risk=event.risk,
        why=list(event.why),
        session_id=str(UUID(bytes=event.session_id)) if event.session_id else None,
        ledger=_render_place(event),
    )


def _render_place(event: SecurityEvent) -> LedgerPlace | None:
    if event.entry is None:
        return None
    return LedgerPlace(event.index, leaf_hash(event.entry).hex())


def _given(value: str | msgspec.UnsetType | None) -> str | None:
    return None if isinstance(value, msgspec.UnsetType) else value
