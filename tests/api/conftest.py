"""One server for all the HTTP tests of a run; each test brings people of its own."""

import itertools
from collections.abc import Callable, Iterator

import httpx2
import pytest

from tests.running_server import Person, RunningServer

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("server")) as server:
        yield server
        assert "a request failed" not in server.log, server.log
        assert "Traceback" not in server.log, server.log


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def new_person(server: RunningServer) -> Iterator[Callable[[], Person]]:
    people = []

    def make() -> Person:
        people.append(Person(server, f"person-{next(_numbers)}@example.org"))
        return people[-1]

    yield make
    for person in people:
        person.client.close()


@pytest.fixture
def ada(new_person: Callable[[], Person]) -> Person:
    return new_person().sign_up()
