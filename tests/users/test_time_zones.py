import pytest

from chronicle.errors import Rejected
from chronicle.users.time_zones import parse_time_zone


@pytest.mark.parametrize(
    "name", ["Europe/London", "UTC", "Asia/Calcutta", "America/Argentina/Ushuaia", "Etc/GMT+1"]
)
def test_a_name_of_the_database_is_taken_an_old_one_too(name: str) -> None:
    assert parse_time_zone(name, current=None) == name


@pytest.mark.parametrize("name", ["Europe/Atlantis", "europe/london", "localtime", "Europe", ""])
def test_any_other_is_refused(name: str) -> None:
    with pytest.raises(Rejected) as refused:
        parse_time_zone(name, current="Europe/London")
    assert [error.field for error in refused.value.fields] == ["timezone"]


def test_what_an_account_has_already_stays() -> None:
    assert parse_time_zone("Europe/Atlantis", current="Europe/Atlantis") == "Europe/Atlantis"
