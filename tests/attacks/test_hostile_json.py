"""Bodies that no honest client sends, on every route that takes JSON."""

import json
import typing
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import msgspec
import pytest

from chronicle.api.app import endpoints
from chronicle.api.endpoint import Endpoint, Stream
from tests.attacks.conftest import SERVICE_KEY
from tests.attacks.raw_http import RawAnswer, RawConnection, chunked, exchange, request
from tests.process_facts import resident_kib
from tests.running_server import Person, RunningServer

JSON_ROUTES = [endpoint for endpoint in endpoints() if endpoint.body not in (type(None), Stream)]
PIECE = b" " * 64 * 1024
MEMORY_BOUND_KIB = 24 * 1024

on_every_json_route = pytest.mark.parametrize(
    "route", JSON_ROUTES, ids=lambda route: route.handler.__name__
)


def body_type(route: Endpoint) -> type[msgspec.Struct]:
    """The Struct that a route reads, without the None of an optional body."""
    kinds = typing.get_args(route.body) or (route.body,)
    found: type[msgspec.Struct] = next(kind for kind in kinds if kind is not type(None))
    return found


def post(route: Endpoint, person: Person, body: bytes) -> RawAnswer:
    headers = [("Content-Type", "application/json"), *credentials(person, route)]
    return exchange(person.server.port, request(route.method, route.path, headers, body))


def credentials(person: Person, route: Endpoint) -> list[tuple[str, str | bytes]]:
    token = SERVICE_KEY if route.for_backends else person.session["access_token"]
    return [("Authorization", f"Bearer {token}")]


@on_every_json_route
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"email": 1, "email": 2}',
        b'{"a": 1e999}',
        b'{"a": -1e999}',
        b'{"a": NaN}',
        b"[" * 20_000,
        b'{"a":' * 10_000,
        b'{"email": "\xff\xfe"}',
        b'{"email": "\xed\xa0\x80"}',
        b'{"email": "\\ud800"}',
        b"9" * 10_000,
        b"\xff\xfe{\x00}\x00",
        b"{} {}",
        b"\x00",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_not_strict_json_is_refused(ada: Person, route: Endpoint, body: bytes) -> None:
    answer = post(route, ada, body)
    assert (answer.status, answer.code) == (400, "invalid_json")


@on_every_json_route
def test_a_hundred_thousand_levels_are_too_many(ada: Person, route: Endpoint) -> None:
    answer = post(route, ada, b"[" * 100_000)
    assert (answer.status, answer.code) == (413, "too_large")


@on_every_json_route
@pytest.mark.parametrize("value", [{"$ne": None}, {"$regex": ".*"}, ["a"], 1, True, {"a.b": 1}])
def test_an_operator_is_no_value(ada: Person, route: Endpoint, value: object) -> None:
    for field in body_type(route).__struct_fields__:
        answer = post(route, ada, json.dumps({field: value}).encode())
        assert (answer.status, answer.code) == (422, "invalid_request"), field


@on_every_json_route
@pytest.mark.parametrize("name", ["$where", "__proto__", "role", "", "a.b", "é", "x" * 5000])
def test_a_field_that_is_not_known_is_named(ada: Person, route: Endpoint, name: str) -> None:
    answer = post(route, ada, json.dumps({name: 1}).encode())
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert len(answer.body) < 8 * 1024


@on_every_json_route
@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"true"])
def test_a_body_is_an_object(ada: Person, route: Endpoint, body: bytes) -> None:
    answer = post(route, ada, body)
    assert (answer.status, answer.code) == (422, "invalid_request")


FORM = "application/x-www-form-urlencoded"


@on_every_json_route
@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", FORM, "application/jsonp", "\xff"],
)
def test_only_json_is_taken_for_json(ada: Person, route: Endpoint, media_type: str | None) -> None:
    headers = credentials(ada, route)
    if media_type is not None:
        headers.append(("Content-Type", media_type.encode("latin-1")))
    answer = exchange(ada.server.port, request(route.method, route.path, headers, b"{}"))
    if media_type in route.request_media:
        assert (answer.status, answer.code) == (422, "invalid_request"), "no form, and no JSON"
    else:
        assert (answer.status, answer.code) == (415, "unsupported_media_type")


@on_every_json_route
@pytest.mark.parametrize("query", ["x=1", "email=a&email=b", "%ff", "&&", "a" * 4000])
def test_what_a_route_does_not_know_in_its_query_is_refused(
    ada: Person, route: Endpoint, query: str
) -> None:
    headers = [("Content-Type", "application/json"), *credentials(ada, route)]
    target = f"{route.path}?{query}"
    answer = exchange(ada.server.port, request(route.method, target, headers, b"{}"))
    assert (answer.status, answer.code) == (422, "invalid_request")


@on_every_json_route
def test_fifty_declared_megabytes_are_refused_before_the_first_comes(
    ada: Person, route: Endpoint
) -> None:
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(50 * 1024 * 1024)),
        *credentials(ada, route),
    ]
    answer = exchange(ada.server.port, request(route.method, route.path, headers))
    assert (answer.status, answer.code) == (413, "too_large")


def fifty_megabytes() -> Iterator[bytes]:
    for _ in range(800):
        yield PIECE


@on_every_json_route
def test_fifty_megabytes_of_json_take_no_memory(
    ada: Person, route: Endpoint, bystander: Callable[[], AbstractContextManager[None]]
) -> None:
    server = ada.server
    headers = [("Content-Type", "application/json"), *credentials(ada, route)]
    before = resident_kib(server.pid)
    with bystander():
        for framing, pieces in (
            (("Transfer-Encoding", "chunked"), chunked(fifty_megabytes())),
            (("Content-Length", str(800 * len(PIECE))), fifty_megabytes()),
        ):
            head = request(route.method, route.path, [*headers, framing])
            with RawConnection(server.port) as connection:
                connection.send(head).try_to_send(pieces)
                answer = connection.answer()
            assert (answer.status, answer.code) == (413, "too_large")
    assert resident_kib(server.pid) - before < MEMORY_BOUND_KIB


def test_a_body_longer_than_it_says_is_another_request(server: RunningServer) -> None:
    headers = [("Content-Type", "application/json"), ("Content-Length", "2")]
    with RawConnection(server.port) as connection:
        connection.send(request("POST", "/api/auth/login", headers) + b'{}"email": "a@b.org"}')
        answers = connection.answers()
    assert [answer.code for answer in answers][:1] == ["invalid_request"]
    assert [answer.status for answer in answers[1:]] in ([], [400])


def test_a_body_shorter_than_it_says_changes_nothing(server: RunningServer) -> None:
    headers = [("Content-Type", "application/json"), ("Content-Length", "100")]
    with RawConnection(server.port) as connection:
        connection.send(request("POST", "/api/auth/login", headers) + b"{}").half_close()
        assert connection.is_closed()


@pytest.mark.parametrize("length", ["-1", "+5", "5 5", "0x10", "1e3", "\u0665", "9" * 30, ""])
def test_a_length_that_is_no_number_is_refused(server: RunningServer, length: str) -> None:
    headers = [("Content-Type", "application/json"), ("Content-Length", length.encode())]
    answer = exchange(server.port, request("POST", "/api/auth/login", headers))
    assert answer.status == 400
