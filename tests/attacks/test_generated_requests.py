"""Thousands of requests that schemathesis makes up from the OpenAPI document, right and wrong ones.

Each answer has to be one that the document names, in the shape that it names, and no bug. The
requests are the same at every run. Needs what requirements/wider.txt installs.
"""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import hypothesis
import pytest
import schemathesis
from hypothesis import strategies
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig

from chronicle.api.app import endpoints
from tests.attacks.documented import Document
from tests.running_server import PASSWORD, Person, RunningServer
from tests.stored import put

pytestmark = [
    pytest.mark.wider,
    # What the tools under it say to themselves.
    pytest.mark.filterwarnings("default"),
]

EXAMPLES = 15
ROUTES = [f"{one.method} {re.sub(':path', '', one.path)}" for one in endpoints()]
SEED = 20260301

load_all_checks()

# Tickets, codes and cursors that are well-formed and were never given out are refused, as they must
# be: that is no mistake of the document. Server errors are looked at below.
_LEFT_OUT = [CHECKS.get_one("positive_data_acceptance"), CHECKS.get_one("not_a_server_error")]

_settings = hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


class Visitor:
    """Asks what was made up, and holds the answers against the document."""

    def __init__(self, server: RunningServer, person: Person | None, known: dict[str, Any]) -> None:
        self.person, self.known = person, known
        with server.client() as client:
            self.document = Document(client.get("/openapi.json").json())
        self.generated = schemathesis.openapi.from_url(
            f"{server.url}/openapi.json", config=SchemathesisConfig(seed=SEED)
        )
        self.statuses: dict[str, set[int]] = {}

    def ask(self, case: schemathesis.Case, with_what_exists: bool) -> None:
        if with_what_exists:
            self._put_in_what_exists(case)
        answer = case.call_and_validate(headers=self._headers(), excluded_checks=_LEFT_OUT)
        # 503 means "not now" and is documented where it may come; everything else is a bug.
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        assert answer.status_code != 429, "the limits stand in the way of the test"
        # What schemathesis does not look at: that the codes of problems are documented.
        complaints = list(self.document.complaints(_as_httpx2(answer)))
        assert not complaints, complaints
        self.statuses.setdefault(case.operation.label, set()).add(answer.status_code)

    def _put_in_what_exists(self, case: schemathesis.Case) -> None:
        """Made-up ids, addresses and passwords lead nowhere: take some that lead somewhere."""
        path = case.operation.path
        for place in (case.body, case.query):
            if isinstance(place, dict):
                place.update({name: self.known[name] for name in place.keys() & self.known.keys()})
        if "{id}" in path:
            case.path_parameters["id"] = self.known[path.split("/")[3]]
        if case.operation.label == "POST /api/web3/uploads":
            case.query |= {"name": "a.bin", "visibility": "public"}

    def _headers(self) -> dict[str, str]:
        if self.person is None:
            return {}
        if self.person.client.get("/api/auth/user").status_code == 401:
            self.person.sign_in()
        return {"Authorization": self.person.client.headers["Authorization"]}

    def ask_much(self, route: str) -> None:
        """Requests that the document allows, and as many that it doesn't."""
        method, path = route.split()
        operation = self.generated[path][method]
        right = operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE)
        either = strategies.booleans()
        _settings(hypothesis.given(right, either)(self.ask))()
        wrong = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
        # Of some routes nothing that they take can be wrong.
        with contextlib.suppress(Unsatisfiable):
            _settings(hypothesis.given(wrong)(lambda case: self.ask(case, False)))()


def _as_httpx2(answer: schemathesis.Response) -> httpx2.Response:
    headers = {name: values[0] for name, values in answer.headers.items()}
    headers.pop("content-encoding", None)
    request = httpx2.Request(str(answer.request.method), str(answer.request.url))
    return httpx2.Response(
        answer.status_code, headers=headers, content=answer.content, request=request
    )


@pytest.fixture(scope="module")
def known(server: RunningServer) -> Iterator[tuple[Person, dict[str, Any]]]:
    """Somebody, and the values that lead to what is theirs."""
    person = Person(server, "generated@example.org")
    with person.client:
        person.sign_up()
        upload = put(person, b"here to be found").json()["id"]
        session = person.client.get("/api/auth/sessions").json()["items"][0]["id"]
        with server.client() as browser:
            browser.post("/api/auth/login", json={"email": person.email, "password": PASSWORD})
        device = person.client.get("/api/auth/devices").json()["items"][0]["id"]
        yield (
            person,
            {
                "email": person.email,
                "password": PASSWORD,
                "current_password": PASSWORD,
                "new_password": PASSWORD,
                "uploads": upload,
                "sessions": session,
                "devices": device,
            },
        )


@pytest.fixture(scope="module")
def signed_in(server: RunningServer, known: tuple[Person, dict[str, Any]]) -> Visitor:
    return Visitor(server, *known)


@pytest.fixture(scope="module")
def stranger(server: RunningServer, known: tuple[Person, dict[str, Any]]) -> Visitor:
    return Visitor(server, None, known[1])


@pytest.mark.parametrize("route", ROUTES)
def test_what_a_signed_in_person_may_send(route: str, signed_in: Visitor) -> None:
    signed_in.ask_much(route)


@pytest.mark.parametrize("route", ROUTES)
def test_what_a_stranger_may_send(route: str, stranger: Visitor) -> None:
    stranger.ask_much(route)


def test_every_route_was_asked_and_many_gave_what_they_are_there_for(
    signed_in: Visitor, stranger: Visitor
) -> None:
    assert signed_in.statuses.keys() == stranger.statuses.keys() == set(ROUTES)
    done = {route for route, seen in signed_in.statuses.items() if min(seen) < 300}
    assert len(done) > len(ROUTES) / 2
