"""Servers to attack: one as it comes, and one that soon loses patience."""

import base64
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import httpx2
import pytest

from tests.running_server import Person, RunningServer

_numbers = itertools.count(1)

UPLOAD_LIMIT = 2 * 1024 * 1024


SERVICE_KEY = "the-service-key-of-a-hostile-backend"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("attacked")
    settings = {
        "CHRONICLE_UPLOAD_LIMIT": str(UPLOAD_LIMIT),
        "CHRONICLE_INTROSPECTION_KEYS": SERVICE_KEY,
    }
    with RunningServer(folder, **settings) as server:
        yield server
        assert_unharmed(server)


@pytest.fixture(scope="session")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("impatient")
    patience = {"CHRONICLE_REQUEST_SECONDS": "1", "CHRONICLE_STALL_SECONDS": "1"}
    with RunningServer(folder, **patience) as server:
        yield server
        assert_unharmed(server)


def assert_unharmed(server: RunningServer) -> None:
    """Nothing that came over the wire made a bug show itself."""
    assert "a request failed" not in server.log, server.log
    assert "Traceback" not in server.log, server.log


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx2.Client]:
    with server.client() as client:
        yield client


@pytest.fixture(scope="session")
def new_person(server: RunningServer) -> Iterator[Callable[[], Person]]:
    people: list[Person] = []

    def make() -> Person:
        people.append(Person(server, f"person-{next(_numbers)}@example.org").sign_up())
        return people[-1]

    yield make
    for person in people:
        person.client.close()


@pytest.fixture(scope="session")
def two_people(new_person: Callable[[], Person]) -> tuple[Person, Person]:
    return new_person(), new_person()


@pytest.fixture
def ada(two_people: tuple[Person, Person]) -> Person:
    return still_signed_in(two_people[0])


@pytest.fixture
def bob(two_people: tuple[Person, Person]) -> Person:
    return still_signed_in(two_people[1])


def still_signed_in(person: Person) -> Person:
    """Somebody whose access token has half its life before it: all these tests may take longer."""
    claims = person.session["access_token"].split(".")[1]
    expires_at: float = json.loads(base64.urlsafe_b64decode(claims + "=="))["exp"]
    return person if expires_at - time.time() > 300 else person.sign_in()


@pytest.fixture
def bystander(server: RunningServer) -> Callable[[], AbstractContextManager[None]]:
    """Somebody else, who uses the server all the while and must not notice anything."""

    @contextmanager
    def reading() -> Iterator[None]:
        done = threading.Event()
        answers: list[int] = []

        def read() -> None:
            with server.client() as client:
                while not done.is_set() or not answers:
                    answers.append(client.get("/health/live").status_code)

        thread = threading.Thread(target=read)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join(30)
        assert not thread.is_alive()
        assert set(answers) == {200}

    return reading
