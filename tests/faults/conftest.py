"""Each test of this folder breaks a server of its own."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running_server import Person, RunningServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path) as server:
        yield server
        assert "a request failed" not in server.log, server.log


@pytest.fixture
def new_person() -> Iterator[Callable[[RunningServer, str], Person]]:
    with contextlib.ExitStack() as stack:

        def make(server: RunningServer, name: str) -> Person:
            person = Person(server, f"{name}@example.org")
            stack.callback(person.client.close)
            return person.sign_up()

        yield make


@pytest.fixture
def ada(server: RunningServer, new_person: Callable[[RunningServer, str], Person]) -> Person:
    return new_person(server, "ada")
