"""Where sign-ins come from, by a file that the operator brings."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.places import LYON, TOKYO, write_places
from tests.running_server import PASSWORD, Person, RunningServer, eventually, signed_up

FROM_LYON = {"X-Forwarded-For": LYON}


@pytest.fixture(scope="module")
def located(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("located")
    settings = {
        "CHRONICLE_GEOIP_FILE": str(write_places(folder / "places.mmdb")),
        "CHRONICLE_TRUSTED_PROXIES": "127.0.0.1",
    }
    with RunningServer(folder, **settings) as server:
        yield server
        assert "a request failed" not in server.log, server.log


def sign_in(person: Person, address: str) -> None:
    body = {"email": person.email, "password": PASSWORD}
    with person.server.client(headers={"X-Forwarded-For": address}) as browser:
        assert browser.post("/api/auth/login", json=body).status_code == 200


def test_sessions_devices_and_the_history_tell_the_place_and_private_addresses_have_none(
    located: RunningServer,
) -> None:
    with signed_up(located, "placed@example.org") as ada:
        for address in (LYON, TOKYO, "10.1.2.3"):
            sign_in(ada, address)
        expected = [("10.1.2.3", None), (TOKYO, "Tokyo, Japan"), (LYON, "Lyon, France")]
        for path in ("sessions", "devices", "user/login-events"):
            items = ada.client.get(f"/api/auth/{path}").json()["items"]
            assert [(item["ip"], item["place"]) for item in items[:3]] == expected, path


def test_another_country_stands_out_in_the_history(located: RunningServer) -> None:
    with signed_up(located, "travels@example.org") as ada:
        for address in (LYON, TOKYO):
            sign_in(ada, address)
        far, home = ada.client.get("/api/auth/user/login-events").json()["items"][:2]
        assert "new_country" in far["why"]
        assert "new_country" not in home["why"]


def test_the_mail_about_a_new_device_names_the_place(located: RunningServer) -> None:
    with signed_up(located, "mailed@example.org") as ada:
        sign_in(ada, LYON)
        (mail,) = eventually(
            lambda: [one for one in ada.mails() if "New sign-in" in one["subject"]]
        )
        assert "Place, roughly: Lyon, France" in mail["text"]


def test_a_place_is_kept_as_it_was_when_the_file_is_gone(tmp_path: Path) -> None:
    file = write_places(tmp_path / "places.mmdb")
    with (
        RunningServer(tmp_path, CHRONICLE_TRUSTED_PROXIES="127.0.0.1") as server,
        signed_up(server, "kept@example.org") as ada,
    ):
        sign_in(ada, LYON)
        server.stop()
        server._settings["CHRONICLE_GEOIP_FILE"] = str(file)
        server.start()
        sign_in(ada, LYON)
        server.stop()
        del server._settings["CHRONICLE_GEOIP_FILE"]
        server.start()
        items = ada.client.get("/api/auth/sessions").json()["items"]
        assert [item["place"] for item in items] == ["Lyon, France", None, None]


@pytest.mark.parametrize(
    ("content", "words"), [(None, "No such file"), (b"not a database", "MaxMind's format")]
)
def test_a_file_that_is_no_good_is_told_at_the_start_and_nothing_starts(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = tmp_path / "broken.mmdb"
    if content is not None:
        file.write_bytes(content)
    server = RunningServer(tmp_path, CHRONICLE_GEOIP_FILE=str(file))
    server.start(until=None)
    assert server.wait() != 0
    assert "CHRONICLE_GEOIP_FILE can't be used" in server.log
    assert str(file) in server.log
    assert words in server.log
    assert "Traceback" not in server.log
