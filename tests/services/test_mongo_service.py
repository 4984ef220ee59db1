"""The server that stands in for MongoDB: it answers, keeps what it has said, and leaves nothing."""

import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import AutoReconnect, DuplicateKeyError, OperationFailure, PyMongoError

from tests.process_facts import children
from tests.running_server import eventually
from tests.services.mongo import RunningMongo, running_mongo
from tests.services.mongo_install import Missing, installed

pytestmark = [pytest.mark.wider, pytest.mark.usefixtures("driver_leftovers")]

Client = AsyncMongoClient[dict[str, object]]


@pytest.fixture(autouse=True)
def _installed() -> None:
    try:
        installed()
    except Missing as missing:
        pytest.skip(f"MongoDB for the tests: {missing}")


@pytest.fixture
def mongo() -> Iterator[RunningMongo]:
    with running_mongo(fsync=True) as mongo:
        yield mongo


@pytest.fixture
async def client(mongo: RunningMongo) -> AsyncIterator[Client]:
    client: Client
    async with AsyncMongoClient(mongo.url, w="majority", serverSelectionTimeoutMS=500) as client:
        yield client


async def test_a_unique_index_is_named_where_it_is_broken(client: Client) -> None:
    people = client.test.people
    await people.create_index("email", name="people_email", unique=True)
    await people.insert_one({"_id": b"\x00ada", "email": b"\xff"})

    with pytest.raises(DuplicateKeyError, match="people_email"):
        await people.insert_one({"_id": b"bob", "email": b"\xff"})
    with pytest.raises(DuplicateKeyError, match="people_email"):
        await people.find_one_and_update({"_id": b"bob"}, {"$set": {"email": b"\xff"}}, upsert=True)
    with pytest.raises(DuplicateKeyError, match="_id_"):
        await people.find_one_and_update(
            {"_id": b"\x00ada", "email": b"?"}, {"$set": {"n": 1}}, upsert=True
        )
    assert await people.find_one({"email": b"\xff"}) == {"_id": b"\x00ada", "email": b"\xff"}


async def test_what_was_acknowledged_outlives_a_power_cut(
    mongo: RunningMongo, client: Client
) -> None:
    await client.test.kept.insert_many([{"_id": number} for number in range(500)])

    mongo.kill()
    with pytest.raises(AutoReconnect):
        await client.test.kept.insert_one({"_id": "unheard"})
    mongo.start()

    assert await client.test.kept.count_documents({}) == 500


async def test_postgres_killed_alone_is_an_error_until_it_is_back(
    mongo: RunningMongo, client: Client
) -> None:
    await client.test.kept.insert_one({"_id": 1})

    mongo.postgres.kill()
    with pytest.raises(OperationFailure):
        await client.test.kept.find_one({})
    mongo.postgres.start()

    assert await _once_reconnected(client) == {"_id": 1}


async def _once_reconnected(client: Client) -> dict[str, object] | None:
    """The first document. FerretDB still has broken connections, and sees each only in its use."""
    for _ in range(60):
        try:
            return await client.test.kept.find_one({})
        except PyMongoError:
            continue
    raise AssertionError("FerretDB does not find PostgreSQL again")


def test_nothing_is_left_when_it_ends() -> None:
    with running_mongo() as mongo:
        pids = [*_family(mongo.postgres.pid), mongo.ferretdb.pid]
        folder = Path(f"/proc/{mongo.ferretdb.pid}/fd/1").readlink().parent
        assert len(pids) > 5

    assert not any(map(_runs, pids))
    assert not folder.exists()


def test_nothing_runs_on_when_who_asked_for_it_is_killed() -> None:
    with _serving() as server:
        pids = _family(server.pid)
        server.kill()

    eventually(lambda: not any(map(_runs, pids)))


@pytest.mark.parametrize("end", ["end of input", "SIGTERM"])
def test_the_command_serves_until(end: str) -> None:
    with _serving() as server:
        pids = _family(server.pid)
        assert server.stdin is not None
        if end == "SIGTERM":
            server.send_signal(signal.SIGTERM)
        else:
            server.stdin.close()
        assert server.wait(20) == 0

    assert not any(map(_runs, pids))


def _serving() -> "subprocess.Popen[bytes]":
    """The command, once it has said where it listens."""
    command = [sys.executable, "-m", "tests.services.mongo", "serve"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"mongodb://127.0.0.1:")
    return process


def _family(pid: int) -> list[int]:
    return [pid, *(each for child in children(pid) for each in _family(child))]


def _runs(pid: int) -> bool:
    """Whether it does anything; who has ended may be waiting for its parent to notice."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.split()[0] not in {"Z", "X"}
