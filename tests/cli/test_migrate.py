"""`chronicle migrate`, and what keeps `serve` from starting on a database that is not its own."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient

from tests.cli.test_commands import chronicle
from tests.running_server import RunningServer, free_port
from tests.services.choice import mongo_server_url, with_database


def test_sqlite_is_brought_up_to_date_step_by_step_and_once(tmp_path: Path) -> None:
    first, again = (chronicle("migrate", folder=tmp_path) for _ in range(2))
    assert (first.returncode, again.returncode) == (0, 0)
    assert first.stdout.startswith("0001 accounts_and_sessions\n0002 uploads\n")
    assert again.stdout == "The database is up to date.\n"


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_database_that_is_not_there_is_said_in_words_without_its_password(
    tmp_path: Path, command: str
) -> None:
    url = f"mongodb://ada:canary@127.0.0.1:{free_port()}/c?timeoutMS=300"
    ran = chronicle(
        command, folder=tmp_path, CHRONICLE_DATABASE_URL=url, CHRONICLE_PORT=str(free_port())
    )
    assert ran.returncode == 1
    assert "can't be reached" in ran.stderr
    assert "Is CHRONICLE_DATABASE_URL right" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "canary" not in ran.stdout + ran.stderr


@pytest.fixture
def mongo_database(tmp_path: Path) -> Iterator[str]:
    with mongo_server_url() as server:
        name = f"test_{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:24]}"
        yield with_database(server, name)
        client: MongoClient[dict[str, object]]
        with MongoClient(server) as client:
            client.drop_database(name)


@pytest.mark.wider
def test_mongodb_is_set_up_at_the_first_start_and_a_newer_one_is_refused(
    tmp_path: Path, mongo_database: str
) -> None:
    with RunningServer(tmp_path, CHRONICLE_DATABASE_URL=mongo_database):
        pass
    client: MongoClient[dict[str, object]]
    with MongoClient(mongo_database) as client:
        versions = client.get_default_database()["migrations"]
        versions.update_one({"_id": "schema"}, {"$set": {"version": 9999}})
    for command in ("serve", "migrate"):
        ran = chronicle(
            command,
            folder=tmp_path,
            CHRONICLE_DATABASE_URL=mongo_database,
            CHRONICLE_PORT=str(free_port()),
        )
        assert ran.returncode == 1
        assert "Start the newer one" in ran.stderr
        assert "9999" in ran.stderr


@pytest.mark.wider
def test_mongodb_is_migrated_by_command_with_a_line_for_each_step(
    tmp_path: Path, mongo_database: str
) -> None:
    first, again = (
        chronicle("migrate", folder=tmp_path, CHRONICLE_DATABASE_URL=mongo_database)
        for _ in range(2)
    )
    assert (first.returncode, again.returncode) == (0, 0)
    assert "accounts: validator and 4 indexes\n" in first.stdout
    assert first.stdout.endswith("version 1\nThe database is up to date.\n")
    assert again.stdout == "The database is up to date.\n"


@pytest.mark.wider
def test_the_blocklist_is_kept_in_mongodb_too(tmp_path: Path, mongo_database: str) -> None:
    def blocklist(*arguments: str) -> str:
        ran = chronicle(
            "admin",
            "blocklist",
            *arguments,
            folder=tmp_path,
            CHRONICLE_DATABASE_URL=mongo_database,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    blocklist("add", "192.0.2.0/24", "--reason", "testing")
    assert "192.0.2.0/24  for good  testing" in blocklist("list")
    blocklist("remove", "192.0.2.0/24")
    assert blocklist("list") == ""
