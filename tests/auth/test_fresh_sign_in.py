"""The step-up rule, by itself and as routes declare it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chronicle.api.caps import Cap
from chronicle.api.endpoint import Routes, SignedInCall
from chronicle.api.openapi import describe_api
from chronicle.api.runner import Runner
from chronicle.auth.fresh_sign_in import FRESH_FOR, check_fresh
from chronicle.auth.tokens import Claims, unix_seconds
from chronicle.errors import Denied
from tests.auth.conftest import Desk

NOW = datetime(2026, 3, 9, 8, 7, tzinfo=UTC)

endpoint = Routes("Sample")


@endpoint.post("/sensitive", fresh=True)
async def sensitive(call: SignedInCall[None, None]) -> None:
    """What a thief of a session must not do."""
    call.app.calls.append("sensitive")  # type: ignore[attr-defined]


@endpoint.post("/harmless")
async def harmless(call: SignedInCall[None, None]) -> None:
    """What anybody may do who is signed in."""
    call.app.calls.append("harmless")  # type: ignore[attr-defined]


def claims(age: timedelta, acr: str = "aal1") -> Claims:
    signed_in = unix_seconds(NOW - age)
    return Claims("i", "a", "s", "c", "sid", "j", 0, 0, 0, signed_in, ["pwd"], acr)


def is_fresh(age: timedelta, acr: str = "aal1", *, has_second_factor: bool = False) -> bool:
    try:
        check_fresh(claims(age, acr), has_second_factor=has_second_factor, now=NOW)
    except Denied:
        return False
    return True


def test_a_sign_in_is_fresh_for_ten_minutes() -> None:
    assert timedelta(minutes=10) == FRESH_FOR
    assert is_fresh(timedelta(0))
    assert is_fresh(FRESH_FOR)
    assert not is_fresh(FRESH_FOR + timedelta(seconds=1))
    assert not is_fresh(timedelta(days=30))


def test_a_sign_in_that_lies_ahead_is_not_fresh() -> None:
    assert not is_fresh(timedelta(seconds=-1))


def test_where_there_is_a_second_factor_it_must_have_been_used() -> None:
    assert not is_fresh(timedelta(0), "aal1", has_second_factor=True)
    assert is_fresh(timedelta(0), "aal2", has_second_factor=True)
    assert not is_fresh(timedelta(hours=1), "aal2", has_second_factor=True)


async def run(desk: Desk, access_token: str, path: str, calls: list[str]) -> None:
    """Call a route as the server does; what it sends is left aside."""
    declared = next(one for one in endpoint.declared if one.path == path)
    settings = SimpleNamespace(json_body_limit=1024, request_seconds=1)
    app = SimpleNamespace(
        settings=settings, sessions=desk.keeping, world=desk.world.world, calls=calls
    )
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {access_token}".encode())],
    }

    async def ignore(*_: object) -> Any:
        return None

    await Runner(declared, cast(Any, app), Cap(1, "bodies"))(scope, ignore, ignore)


async def test_a_route_that_needs_it_is_not_run_without_a_fresh_sign_in(desk: Desk) -> None:
    session, calls = await desk.sign_up(), list[str]()
    desk.world.pass_time(minutes=9, seconds=59)
    await run(desk, session.access_token, "/sensitive", calls)
    desk.world.pass_time(minutes=1)
    renewed = await desk.keeping.rotate(session.refresh_token, cast(Any, None))
    await run(desk, renewed.access_token, "/harmless", calls)
    with pytest.raises(Denied, match="fresh_sign_in_required"):
        await run(desk, renewed.access_token, "/sensitive", calls)
    assert calls == ["sensitive", "harmless"]


def test_the_document_says_which_routes_need_it() -> None:
    document = describe_api(endpoint.declared, "http://localhost").decode()
    assert document.count("`fresh_sign_in_required`") == 1
    assert document.index("/sensitive") < document.index("`fresh_sign_in_required`")
    assert document.index("`fresh_sign_in_required`") < document.index("/harmless")
