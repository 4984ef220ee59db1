"""A disk without a byte left: reads go on, writes are refused whole, and all recovers by itself."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.running_server import PASSWORD, Person, RunningServer, eventually
from tests.stored import (
    UPLOADS,
    assert_proven,
    contents,
    drafts,
    listed,
    log_key,
    put,
    read_log,
)

MIB = 1024 * 1024
DISK_MIB = 32


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(place)]
    mounted = os.geteuid() == 0 and subprocess.run(["mount", *options], check=False).returncode == 0
    if not mounted:
        pytest.skip("mounting a small file system takes root, and the right to mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def server(disk: Path, tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path, CHRONICLE_DATA_DIR=str(disk / "data")) as server:
        server.data_dir = disk / "data"
        yield server
        assert "a request failed" not in server.log, server.log


def fill(disk: Path, *, leaving_bytes: int = 0) -> Callable[[], None]:
    """Take up the disk's room; what is returned gives it back."""
    filler = disk / "filler"
    room = os.statvfs(disk)
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        file.write(bytes(max(0, room.f_bavail * room.f_frsize - leaving_bytes)))
        while not leaving_bytes:
            assert file.write(bytes(4096)) > 0
    return filler.unlink


def assert_refused(answer: httpx2.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] in ("storage_full", "unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_a_file_that_has_no_room_is_refused_and_leaves_nothing(ada: Person, disk: Path) -> None:
    before = contents(ada.server)
    free = fill(disk, leaving_bytes=3 * MIB)
    for _ in range(3):
        answer = put(ada, os.urandom(6 * MIB))
        assert_refused(answer)
        assert answer.json()["code"] == "storage_full"
        assert not drafts(ada.server)
    assert contents(ada.server) == before
    assert listed(ada) == []
    assert put(ada, b"small enough").status_code == 201
    free()
    assert put(ada, os.urandom(6 * MIB)).status_code == 201


@pytest.mark.sqlite
def test_a_full_disk_stops_writes_alone_and_only_while_it_is_full(
    ada: Person, disk: Path, tmp_path: Path
) -> None:
    server, key = ada.server, log_key(ada.server)
    content = os.urandom(MIB)
    event = put(ada, content).json()
    eventually(lambda: listed(ada)[0]["ledger"]["index"] is not None)
    log, refresh_token = read_log(server, key), ada.session["refresh_token"]

    free = fill(disk)
    for _ in range(3):
        assert_refused(put(ada, os.urandom(64 * 1024)))
        assert_refused(register(ada, "newcomer@example.org"))
    names = edit_until_refused(ada)
    signed_in = [login(ada) for _ in range(3)]
    assert_reads_go_on(ada, event["id"], content)
    assert ada.client.get("/api/auth/user").json()["name"] == names[-1]
    assert not drafts(server)
    assert len(contents(server)) == 1
    free()

    eventually(lambda: put(ada, b"after").status_code == 201, within_seconds=30)
    eventually(lambda: register(ada, "late@example.org").status_code == 202, within_seconds=30)
    eventually(lambda: login(ada).status_code == 200)
    assert ada.client.patch("/api/auth/user", json={"name": "after"}).status_code == 200
    assert_acknowledged_sign_ins_work(ada, signed_in)
    renewed = ada.client.post("/api/auth/refresh", json={"refresh_token": refresh_token})
    assert renewed.status_code == 200
    # The sequencer comes back by itself, however long it had been failing.
    eventually(
        lambda: all(item["ledger"]["index"] is not None for item in listed(ada)),
        within_seconds=30,
    )
    read_log(server, key).assert_begins_with(log)
    assert_proven(ada.client.get(f"{UPLOADS}/{event['id']}/proof").content, content, key, tmp_path)
    eventually(lambda: httpx2.get(f"{server.url}/health/ready").status_code == 200)


def register(person: Person, email: str) -> httpx2.Response:
    return person.client.post("/api/auth/register", json={"email": email, "password": PASSWORD})


def login(person: Person) -> httpx2.Response:
    body = {"email": person.email, "password": PASSWORD, "token_transport": "body"}
    answer = person.client.post("/api/auth/login", json=body)
    if answer.status_code != 200:
        assert_refused(answer)
    return answer


def edit_until_refused(person: Person) -> list[str | None]:
    """The names that were acknowledged: the database may have room of its own for a few."""
    acknowledged: list[str | None] = [person.client.get("/api/auth/user").json()["name"]]
    for number in range(30):
        answer = person.client.patch("/api/auth/user", json={"name": f"Ada {number}"})
        if answer.status_code == 200:
            acknowledged.append(f"Ada {number}")
        else:
            assert_refused(answer)
    return acknowledged


def assert_reads_go_on(person: Person, upload_id: str, content: bytes) -> None:
    for path in ("/api/auth/user", UPLOADS, "/api/web3/log/checkpoint", "/", "/health/live"):
        assert person.client.get(path).status_code == 200, path
    one = f"{UPLOADS}/{upload_id}"
    assert person.client.get(f"{one}/content").content == content
    assert person.client.get(f"{one}/proof").status_code == 200


def assert_acknowledged_sign_ins_work(person: Person, answers: list[httpx2.Response]) -> None:
    for answer in answers:
        if answer.status_code == 200:
            token = answer.json()["access_token"]
            read = httpx2.get(
                f"{person.server.url}/api/auth/user", headers={"Authorization": f"Bearer {token}"}
            )
            assert read.status_code == 200
