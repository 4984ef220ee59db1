"""Uploads that end half way leave nothing: no event, no bytes, no memory, no open file."""

import itertools
from collections.abc import Callable, Iterable

import pytest

from tests.attacks.raw_http import RawConnection, chunked, request
from tests.process_facts import open_files, resident_kib
from tests.running_server import Person, eventually
from tests.stored import contents, drafts, listed, put

MIB = 1024 * 1024
HALF = b"h" * MIB
TARGET = "/api/web3/uploads?name=half.bin&visibility=public"


def headers(person: Person, media_type: str, *more: tuple[str, str]) -> list[tuple[str, str]]:
    token = person.session["access_token"]
    return [("Authorization", f"Bearer {token}"), ("Content-Type", media_type), *more]


def raw_half(person: Person) -> Iterable[bytes]:
    length = ("Content-Length", str(4 * MIB))
    yield request("POST", TARGET, headers(person, "image/png", length))
    yield HALF


def chunked_half(person: Person) -> Iterable[bytes]:
    coding = ("Transfer-Encoding", "chunked")
    yield request("POST", TARGET, headers(person, "image/png", coding))
    yield from itertools.islice(chunked([HALF, HALF]), 2)


def chunk_half(person: Person) -> Iterable[bytes]:
    coding = ("Transfer-Encoding", "chunked")
    yield request("POST", TARGET, headers(person, "image/png", coding))
    yield b"%x\r\n" % (2 * MIB) + HALF


def form_half(person: Person) -> Iterable[bytes]:
    media_type = "multipart/form-data; boundary=xx"
    length = ("Content-Length", str(4 * MIB))
    yield request("POST", "/api/web3/uploads", headers(person, media_type, length))
    yield b'--xx\r\nContent-Disposition: form-data; name="visibility"\r\n\r\npublic\r\n--xx\r\n'
    yield b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + HALF


def form_without_end(person: Person) -> Iterable[bytes]:
    """The body is as long as it says; the form in it is not over."""
    body = b"".join(itertools.islice(form_half(person), 1, None))
    media_type = "multipart/form-data; boundary=xx"
    length = ("Content-Length", str(len(body)))
    yield request("POST", "/api/web3/uploads", headers(person, media_type, length))
    yield body


HALVES = [raw_half, chunked_half, chunk_half, form_half, form_without_end]


def leave(connection: RawConnection) -> None:
    connection.half_close()
    connection.seconds_until_closed()


def reset(connection: RawConnection) -> None:
    connection.reset()


@pytest.mark.parametrize("end", [leave, reset])
def test_a_file_cut_off_half_way_leaves_nothing(
    ada: Person, end: Callable[[RawConnection], None]
) -> None:
    server = ada.server
    kept = put(ada, b"whole").json()["id"]
    for half in HALVES:  # once, so that what the first of a kind needs for good is there
        break_off(ada, half, end)
    before = contents(server), open_files(server.pid), resident_kib(server.pid)
    for half in HALVES * 4:
        break_off(ada, half, end)
    # A connection to Valkey more or less is no leak; one for each of these uploads would be.
    eventually(lambda: open_files(server.pid) <= before[1] + 4)
    assert contents(server) == before[0]
    assert resident_kib(server.pid) - before[2] < 24 * 1024
    assert [item["id"] for item in listed(ada)] == [kept]
    assert put(ada, HALF).status_code == 201


def break_off(
    person: Person,
    half: Callable[[Person], Iterable[bytes]],
    end: Callable[[RawConnection], None],
) -> None:
    with RawConnection(person.server.port) as connection:
        connection.send(*half(person))
        if half is not form_without_end:
            eventually(lambda: drafts(person.server))
        end(connection)
    eventually(lambda: not drafts(person.server))


def test_a_form_that_does_not_end_is_told_so(ada: Person) -> None:
    with RawConnection(ada.server.port) as connection:
        answer = connection.send(*form_without_end(ada)).answer()
    assert (answer.status, answer.code) == (400, "cut_off")
    assert listed(ada) == []
