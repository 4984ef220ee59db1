"""An account whose name the rules would refuse today keeps it, and edits the rest."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from chronicle.api.endpoint import SignedInCall
from chronicle.api.user import EditProfile, edit_profile
from chronicle.errors import Rejected
from chronicle.users.accounts import NewAccount
from chronicle.users.ports import AccountId
from tests.auth.conftest import ADA, Desk

OF_OLD = "Admin"


@pytest.fixture
async def account_id(desk: Desk) -> AccountId:
    account_id = AccountId(b"n" * 16)
    await desk.book.open(NewAccount(account_id, ADA, True, OF_OLD, "no hash"))
    return account_id


async def edited(desk: Desk, account_id: AccountId, **change: str) -> tuple[str | None, str | None]:
    call = SimpleNamespace(
        app=SimpleNamespace(book=desk.book),
        account=await desk.book.record(account_id),
        identity=SimpleNamespace(account_id=account_id),
        body=EditProfile(**change),
    )
    profile = await edit_profile(cast(SignedInCall[Any, Any], call))
    return profile.name, profile.locale


async def test_a_form_that_sends_the_name_as_it_was_changes_the_rest(
    desk: Desk, account_id: AccountId
) -> None:
    assert await edited(desk, account_id, name=f" {OF_OLD}", locale="de") == (OF_OLD, "de")


async def test_another_name_has_to_keep_to_the_rules(desk: Desk, account_id: AccountId) -> None:
    with pytest.raises(Rejected, match="look_alike"):
        await edited(desk, account_id, name="Admins", locale="de")
    assert await edited(desk, account_id, name="Ada", locale="de") == ("Ada", "de")
    with pytest.raises(Rejected, match="look_alike"):
        await edited(desk, account_id, name=OF_OLD)
