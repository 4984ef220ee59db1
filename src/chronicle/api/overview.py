"""`GET /api/auth/user`: the caller's profile, with the histories that are asked for."""

from typing import Annotated

import msgspec

from chronicle.api.auth import SessionList, render_sessions
from chronicle.api.endpoint import Routes, SignedInCall
from chronicle.api.session_answers import Profile, render_profile
from chronicle.api.uploads import UploadList, render_uploads
from chronicle.api.user import LoginEvents, render_events
from chronicle.auth.tokens import Identity
from chronicle.overview.gather import Overview
from chronicle.overview.ports import Part

endpoint = Routes("Profile")

_SHOWN = 20
_PART = f"({'|'.join(Part)})"


class Include(msgspec.Struct, forbid_unknown_fields=True):
    """Parts to bring along, separated by commas: `login_events`, `sessions`, `uploads`."""

    include: (
        Annotated[str, msgspec.Meta(max_length=100, pattern=rf"^{_PART}(,{_PART})*$(?!\n)")] | None
    ) = None


class ProfileWithParts(Profile):
    """A profile. Each part is there if it was asked for, as its own route's first page has it."""

    login_events: LoginEvents | msgspec.UnsetType = msgspec.UNSET
    sessions: SessionList | msgspec.UnsetType = msgspec.UNSET
    uploads: UploadList | msgspec.UnsetType = msgspec.UNSET


@endpoint.get("/api/auth/user", answers=ProfileWithParts)
async def read_profile(call: SignedInCall[None, Include]) -> Profile:
    """The caller's profile, and the parts that `include` names, all gathered by one read.

    A list that goes on has a `next_cursor`, with which its own route carries on.
    """
    if call.query.include is None:
        return render_profile(call.app.book.in_the_clear(call.account))
    parts = frozenset(map(Part, call.query.include.split(",")))
    overview = await call.app.overviews.of(call.identity.account_id, parts, limit=_SHOWN)
    return _render(overview, call.identity)


def _render(overview: Overview, identity: Identity) -> ProfileWithParts:
    answer = ProfileWithParts(**msgspec.structs.asdict(render_profile(overview.account)))
    if overview.login_events is not None:
        answer.login_events = render_events(overview.login_events)
    if overview.sessions is not None:
        answer.sessions = render_sessions(overview.sessions, identity)
    if overview.uploads is not None:
        answer.uploads = render_uploads(overview.uploads)
    return answer
