"""Keys are rotated under running servers, which follow without a restart or a failed request."""

import json
import subprocess
import sys
import threading
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.running_server import Person, RunningServer, eventually
from tests.stored import UPLOADS, log_key, put

NewPerson = Callable[[RunningServer, str], Person]


def keys(server: RunningServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `chronicle keys` with the settings of a server."""
    return subprocess.run(
        [sys.executable, "-m", "chronicle", "keys", *arguments],
        cwd=server.folder,
        env=server.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def rotate(server: RunningServer, purpose: str, *, after_seconds: int | None = None) -> None:
    after = [] if after_seconds is None else ["--after-seconds", str(after_seconds)]
    ran = keys(server, "rotate", purpose, *after)
    assert ran.returncode == 0, ran.stderr


def listed(server: RunningServer, purpose: str, state: str) -> list[str]:
    """The ids of the keys of a purpose that are in this state."""
    rows = [line.split() for line in keys(server, "list").stdout.splitlines()]
    return [row[0] for row in rows if row[1:3] == [purpose, state]]


def key_ids(server: RunningServer) -> list[str]:
    """Those of the JWK set; the first one signs."""
    with server.client() as client:
        return [key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]]


def key_id_of(token: str) -> str:
    head = token.partition(".")[0]
    kid: str = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]
    return kid


def status(server: RunningServer, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    with server.client(headers=headers) as client:
        return client.get("/api/auth/user").status_code


def sign_in(server: RunningServer, person: Person) -> str:
    """A new access token, got at this server."""
    other = Person(server, person.email)
    with other.client:
        token: str = other.sign_in().session["access_token"]
        return token


def refresh(server: RunningServer, person: Person) -> httpx2.Response:
    body = {"refresh_token": person.session["refresh_token"]}
    return httpx2.post(f"{server.url}/api/auth/refresh", json=body)


def test_a_new_token_key_is_published_before_it_signs(server: RunningServer, ada: Person) -> None:
    token = ada.session["access_token"]
    old = key_id_of(token)
    rotate(server, "token")
    eventually(lambda: len(key_ids(server)) == 2)
    (new,) = listed(server, "token", "next")
    answer = httpx2.get(f"{server.url}/.well-known/jwks.json")
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert key_ids(server) == [old, new]
    assert key_id_of(sign_in(server, ada)) == old
    assert status(server, token) == 200


def test_a_token_of_before_the_rotation_is_good_until_its_key_is_removed(
    server: RunningServer, ada: Person
) -> None:
    token = ada.session["access_token"]
    old = key_id_of(token)
    rotate(server, "token", after_seconds=0)
    eventually(lambda: key_ids(server)[0] != old)
    (new,) = listed(server, "token", "active")
    assert key_ids(server) == [new, old]
    assert key_id_of(sign_in(server, ada)) == new
    assert status(server, token) == 200
    refused = keys(server, "remove", old)
    assert refused.returncode == 1
    assert "are good until" in refused.stderr
    assert keys(server, "remove", old, "--force").returncode == 0
    eventually(lambda: key_ids(server) == [new])
    assert status(server, token) == 401
    assert refresh(server, ada).status_code == 401
    assert status(server, sign_in(server, ada)) == 200


def test_a_refresh_token_of_before_the_rotation_goes_on_under_the_new_key(
    server: RunningServer, ada: Person
) -> None:
    old = key_id_of(ada.session["access_token"])
    rotate(server, "token", after_seconds=0)
    eventually(lambda: key_ids(server)[0] != old)
    renewed = refresh(server, ada)
    assert renewed.status_code == 200
    assert key_id_of(renewed.json()["access_token"]) != old
    assert keys(server, "remove", old, "--force").returncode == 0
    eventually(lambda: old not in key_ids(server))
    again = httpx2.post(
        f"{server.url}/api/auth/refresh", json={"refresh_token": renewed.json()["refresh_token"]}
    )
    assert again.status_code == 200


def test_the_waiting_key_begins_by_itself(server: RunningServer, ada: Person) -> None:
    old = key_id_of(ada.session["access_token"])
    rotate(server, "token", after_seconds=3)
    eventually(lambda: key_ids(server)[0] == old and len(key_ids(server)) == 2)
    eventually(lambda: key_ids(server)[0] != old)
    assert key_id_of(sign_in(server, ada)) == key_ids(server)[0] != old


def test_nobody_is_refused_while_keys_rotate_again_and_again(
    server: RunningServer, ada: Person
) -> None:
    assert put(ada, b"sealed before", name="before.bin").status_code == 201
    key = log_key(server)

    done = threading.Event()

    def use(method: str, path: str, body: dict[str, str] | None = None) -> set[int]:
        token, statuses = ada.session["access_token"], set()
        with server.client(headers={"Authorization": f"Bearer {token}"}) as client:
            while not done.is_set():
                statuses.add(client.request(method, path, json=body).status_code)
        return statuses

    with ThreadPoolExecutor(3) as pool:
        users = [
            pool.submit(use, "GET", "/api/auth/user"),
            pool.submit(use, "PATCH", "/api/auth/user", {"name": "Ada"}),
            pool.submit(use, "GET", UPLOADS),
        ]
        try:
            for purpose in ("token", "field", "cursor", "field"):
                rotate(server, purpose, after_seconds=0)
                active = f"{purpose} {listed(server, purpose, 'active')[0]}"
                eventually(lambda active=active: active in server.log)  # type: ignore[misc]
        finally:
            done.set()
        statuses = set().union(*(each.result() for each in users))
    assert statuses == {200}
    assert len(listed(server, "field", "retired")) == 2
    assert ada.client.get(UPLOADS).json()["items"][0]["name"] == "before.bin"
    assert log_key(server) == key
    server.stop()
    server.start()
    assert ada.client.get(UPLOADS).json()["items"][0]["name"] == "before.bin"
    assert status(server, sign_in(server, ada)) == 200


@pytest.mark.parametrize("content", [b"", b"[]", None])
def test_a_broken_key_file_changes_nothing_and_is_logged(
    server: RunningServer, ada: Person, content: bytes | None
) -> None:
    path = server.data_dir / "keys.json"
    if content is None:
        path.chmod(0o644)
    else:
        path.write_bytes(content)
    eventually(lambda: "going on with the keys as read" in server.log)
    assert status(server, ada.session["access_token"]) == 200
    assert status(server, sign_in(server, ada)) == 200


@pytest.mark.parametrize(
    ("purpose", "why"),
    [("index", "nobody would be found"), ("ledger", "another ledger"), ("audit", "nothing")],
)
def test_what_can_not_be_rotated_stays_and_says_why(
    server: RunningServer, purpose: str, why: str
) -> None:
    before = (server.data_dir / "keys.json").read_bytes()
    ran = keys(server, "rotate", purpose, "--after-seconds", "0")
    assert ran.returncode == 1
    assert why in ran.stderr
    assert (server.data_dir / "keys.json").read_bytes() == before


def test_rotations_at_once_make_one_new_key(server: RunningServer) -> None:
    with ThreadPoolExecutor(4) as pool:
        ran = list(pool.map(lambda _: keys(server, "rotate", "token"), range(4)))
    assert sorted(each.returncode for each in ran) == [0, 1, 1, 1]
    assert len(listed(server, "token", "next")) == 1


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Two servers over one data folder, each with a copy of the key file of its own."""
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    first = RunningServer(folders[0], CHRONICLE_KEYS_FILE=str(folders[0] / "keys.json"))
    second = RunningServer(
        folders[1],
        CHRONICLE_KEYS_FILE=str(folders[1] / "keys.json"),
        CHRONICLE_DATA_DIR=str(first.data_dir),
        CHRONICLE_BASE_URL=first.url,
    )
    assert keys(first, "init").returncode == 0
    copy_keys(first, second)
    with first, second:
        yield first, second
        for server in (first, second):
            assert "a request failed" not in server.log, server.log


def copy_keys(of: RunningServer, to: RunningServer) -> None:
    """Bring the key file of one server to the other, whole."""
    new = to.folder / "new.json"
    new.touch(mode=0o600)
    new.write_bytes((of.folder / "keys.json").read_bytes())
    new.replace(to.folder / "keys.json")


def test_a_server_that_has_not_read_the_new_key_yet_and_one_that_has_take_each_others_tokens(
    pair: tuple[RunningServer, RunningServer], new_person: NewPerson
) -> None:
    first, second = pair
    ada = new_person(first, "ada")
    rotate(first, "token", after_seconds=600)
    rotate(first, "field", after_seconds=600)
    eventually(lambda: len(key_ids(first)) == 2)
    assert len(key_ids(second)) == 1
    for made_at in pair:
        token = sign_in(made_at, ada)
        assert [status(server, token) for server in pair] == [200, 200]
    copy_keys(first, second)
    eventually(lambda: len(key_ids(second)) == 2)
    # Now both know it; one of them begins to use it before the other does.
    rotate(first, "token", after_seconds=0)
    rotate(first, "field", after_seconds=0)
    eventually(lambda: key_ids(first)[0] != key_ids(second)[0])
    (field_key,) = listed(first, "field", "active")
    eventually(lambda: f"field {field_key}" in first.log)
    for made_at in pair:
        token = sign_in(made_at, ada)
        assert [status(server, token) for server in pair] == [200, 200]
    headers = {"Authorization": f"Bearer {sign_in(first, ada)}"}
    renamed = httpx2.patch(f"{first.url}/api/auth/user", json={"name": "Ada"}, headers=headers)
    assert renamed.status_code == 200
    assert httpx2.get(f"{second.url}/api/auth/user", headers=headers).json()["name"] == "Ada"


def test_a_copied_file_is_taken_over_whole(
    pair: tuple[RunningServer, RunningServer], new_person: NewPerson
) -> None:
    first, second = pair
    ada = new_person(first, "ada")
    rotate(first, "token", after_seconds=0)
    eventually(lambda: key_ids(first)[0] not in key_ids(second))
    token = sign_in(first, ada)
    assert [status(server, token) for server in pair] == [200, 401]
    copy_keys(first, second)
    eventually(lambda: key_ids(first) == key_ids(second))
    assert [status(server, token) for server in pair] == [200, 200]
