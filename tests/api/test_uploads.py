"""Uploads at the running server."""

import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chronicle.ledger.bundles import parse_bundle
from chronicle.ledger.notes import Verifier
from chronicle.ledger.verify import Outcome, verify
from tests.running_server import Person, RunningServer, signed_up

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "cid-vectors.json").read_text())
PERIOD = bytes((i * 31 + 7) % 251 for i in range(251))
UPLOADS = "/api/web3/uploads"
PUBLIC = {"visibility": "public"}
MIB = 1 << 20


def by_rule(size: int) -> bytes:
    return (PERIOD * (size // len(PERIOD) + 1))[:size]


def send_bytes(
    person: Person, content: bytes | Iterator[bytes], media_type: str = "text/plain", **query: str
) -> Any:
    return person.client.post(
        UPLOADS,
        content=content,
        params={"name": "a.txt", "visibility": "public"} | query,
        headers={"Content-Type": media_type},
    )


def send_form(person: Person, content: bytes, name: str = "a.txt", **fields: str) -> Any:
    return person.client.post(
        UPLOADS, data=PUBLIC | fields, files={"file": (name, content, "text/plain")}
    )


def stored(person: Person, content: bytes = b"content", **query: str) -> dict[str, Any]:
    answer = send_bytes(person, content, **query)
    assert answer.status_code == 201, answer.text
    event: dict[str, Any] = answer.json()
    return event


def code_of(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def content_files(server: RunningServer) -> set[str]:
    """What the store holds, drafts included."""
    folder = server.data_dir / "content"
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_a_raw_body_becomes_an_event_in_the_ledger(ada: Person) -> None:
    answer = send_bytes(ada, b"hello", "Text/Plain; charset=utf-8", note="first")
    assert answer.status_code == 201
    event = answer.json()
    assert answer.headers["location"] == f"{UPLOADS}/{event['id']}"
    assert event["cid"] == "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"
    assert (event["size"], event["name"], event["note"]) == (5, "a.txt", "first")
    assert (event["media_type"], event["visibility"]) == ("text/plain", "public")
    assert event["pin"] == {"provider": "local", "status": "pinned"}
    assert isinstance(event["ledger"]["index"], int)
    assert len(bytes.fromhex(event["ledger"]["leaf_hash"])) == 32
    assert event["created_at"].endswith("Z")
    assert ada.client.get(f"{UPLOADS}/{event['id']}").json() == event


def test_a_form_becomes_the_same_event_as_a_raw_body(ada: Person) -> None:
    by_form = send_form(ada, b"hello", note="n").json()
    by_body = send_bytes(ada, b"hello", note="n").json()
    for each in (by_form, by_body):
        for one_of_a_kind in ("id", "ledger", "created_at"):
            del each[one_of_a_kind]
    assert by_form == by_body


@pytest.mark.parametrize(
    "vector", VECTORS["files"], ids=lambda vector: f"{vector['profile']}-{vector['size']}"
)
def test_every_vector_comes_out_with_its_cid(ada: Person, vector: dict[str, Any]) -> None:
    content = by_rule(vector["size"])
    event = stored(ada, content, profile=vector["profile"])
    assert event["cid"] == vector["cid"]
    answer = ada.client.get(f"{UPLOADS}/{event['id']}/content")
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(content).digest()


def test_a_profile_before_the_file_counts_in_a_form(ada: Person) -> None:
    event = send_form(ada, b"x", profile="unixfs-v0-2015").json()
    assert event["cid"].startswith("Qm")


def test_a_profile_behind_the_file_is_refused(ada: Person) -> None:
    parts = [
        ("visibility", (None, "public")),
        ("file", ("a.txt", b"x")),
        ("profile", (None, "unixfs-v0-2015")),
    ]
    answer = ada.client.post(UPLOADS, files=parts)
    assert code_of(answer) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"] == "profile"


def test_other_fields_may_follow_the_file(ada: Person) -> None:
    parts = [("file", ("a.txt", b"x")), ("visibility", (None, "public")), ("note", (None, "n"))]
    answer = ada.client.post(UPLOADS, files=parts)
    assert answer.status_code == 201
    assert answer.json()["note"] == "n"


@pytest.mark.parametrize(
    ("query", "status", "code", "field"),
    [
        ({"visibility": "private"}, 422, "not_available", None),
        ({"visibility": "secret"}, 422, "invalid_request", "visibility"),
        ({"profile": "unixfs-v9"}, 422, "invalid_request", "profile"),
        ({"name": "../"}, 422, "invalid_request", "name"),
        ({"name": "x" * 256}, 422, "invalid_request", "name"),
        ({"note": "x" * 1001}, 422, "invalid_request", "note"),
        ({"extra": "x"}, 422, "invalid_request", "extra"),
    ],
)
def test_wrong_details_are_refused_and_nothing_is_stored(
    ada: Person, query: dict[str, str], status: int, code: str, field: str | None
) -> None:
    before = content_files(ada.server)
    answer = send_bytes(ada, os.urandom(20), **query)
    assert code_of(answer) == (status, code)
    if field is not None:
        assert answer.json()["errors"][0]["field"] == field
    if "name" not in query:
        assert code_of(send_form(ada, os.urandom(20), **query)) == (status, code)
    assert content_files(ada.server) == before
    assert ada.client.get(UPLOADS).json()["items"] == []


def test_a_media_type_that_is_none_is_refused(ada: Person) -> None:
    answer = send_bytes(ada, b"x", media_type="nonsense")
    assert code_of(answer) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"] == "media_type"


def test_an_encoded_body_is_refused(ada: Person) -> None:
    answer = ada.client.post(
        UPLOADS, content=b"x", params=PUBLIC | {"name": "a"}, headers={"Content-Encoding": "gzip"}
    )
    assert code_of(answer) == (415, "unsupported_media_type")


def test_a_form_says_nothing_in_the_query(ada: Person) -> None:
    answer = ada.client.post(UPLOADS, params=PUBLIC, data=PUBLIC, files={"file": ("a", b"x")})
    assert code_of(answer) == (422, "invalid_request")


def test_a_broken_form_is_refused(ada: Person) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=abc"}
    answer = ada.client.post(UPLOADS, content=b"--abc\r\nno header\r\n", headers=headers)
    assert code_of(answer) == (400, "invalid_multipart")
    half = b'--abc\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf'
    answer = ada.client.post(UPLOADS, content=half, headers=headers)
    assert code_of(answer) == (400, "cut_off")


class RawConnection:
    """Speaks HTTP by hand, to say what no client library would."""

    def __init__(self, server: RunningServer) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=20)

    def send(self, *lines: str, body: bytes = b"") -> None:
        head = "\r\n".join([*lines, "Host: localhost", "", ""]).encode()
        self._socket.sendall(head + body)

    def status(self) -> int:
        received = b""
        while b"\r\n" not in received:
            piece = self._socket.recv(4096)
            assert piece, "the connection ended without an answer"
            received += piece
        return int(received.split(maxsplit=2)[1])

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def connection(server: RunningServer) -> Iterator[RawConnection]:
    connection = RawConnection(server)
    yield connection
    connection.close()


def test_a_bad_token_is_refused_before_the_body_is_sent(connection: RawConnection) -> None:
    connection.send(
        f"POST {UPLOADS}?name=a&visibility=public HTTP/1.1",
        "Authorization: Bearer nonsense",
        "Content-Length: 1000000000",
        "Expect: 100-continue",
    )
    assert connection.status() == 401


def test_an_oversize_body_is_refused_before_it_is_sent(
    ada: Person, connection: RawConnection
) -> None:
    connection.send(
        f"POST {UPLOADS}?name=a&visibility=public HTTP/1.1",
        f"Authorization: Bearer {ada.session['access_token']}",
        f"Content-Length: {6 * 2**30}",
        "Expect: 100-continue",
    )
    assert connection.status() == 413


def test_a_client_that_waits_to_continue_is_told_to(ada: Person, connection: RawConnection) -> None:
    connection.send(
        f"POST {UPLOADS}?name=a&visibility=public HTTP/1.1",
        f"Authorization: Bearer {ada.session['access_token']}",
        "Content-Length: 1",
        "Expect: 100-continue",
    )
    assert connection.status() == 100


@pytest.fixture
def small(tmp_path: Path) -> Iterator[RunningServer]:
    with RunningServer(tmp_path, CHRONICLE_UPLOAD_LIMIT=str(2 * MIB)) as server:
        yield server


def test_a_body_that_grows_over_the_limit_leaves_nothing(small: RunningServer) -> None:
    with signed_up(small, "eve@example.org") as eve:
        exact = send_bytes(eve, bytes(2 * MIB))
        assert exact.status_code == 201
        before = content_files(small)
        unannounced = iter([os.urandom(MIB), os.urandom(MIB), b"x"])
        assert code_of(send_bytes(eve, unannounced)) == (413, "too_large")
        assert code_of(send_form(eve, os.urandom(2 * MIB + 1))) == (413, "too_large")
        assert content_files(small) == before
        assert len(eve.client.get(UPLOADS).json()["items"]) == 1


def test_a_client_that_leaves_half_way_leaves_nothing(small: RunningServer) -> None:
    with signed_up(small, "eve@example.org") as eve:
        before = content_files(small)
        connection = RawConnection(small)
        connection.send(
            f"POST {UPLOADS}?name=a&visibility=public HTTP/1.1",
            f"Authorization: Bearer {eve.session['access_token']}",
            f"Content-Length: {2 * MIB}",
            body=os.urandom(MIB),
        )
        connection.close()
        # Stopping waits for what is under way, so nothing has to be waited for here.
        small.stop()
        assert content_files(small) == before
        small.start()
        eve.sign_in()
        assert eve.client.get(UPLOADS).json()["items"] == []


def test_uploads_are_listed_from_the_newest_page_by_page(ada: Person) -> None:
    ids = [stored(ada, bytes([number]))["id"] for number in range(5)][::-1]
    first = ada.client.get(UPLOADS, params={"limit": 3}).json()
    assert [item["id"] for item in first["items"]] == ids[:3]
    query = {"limit": 3, "cursor": first["next_cursor"]}
    second = ada.client.get(UPLOADS, params=query).json()
    assert [item["id"] for item in second["items"]] == ids[3:]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"limit": 0}, (422, "invalid_request")),
        ({"limit": 101}, (422, "invalid_request")),
        ({"cursor": "made-up"}, (400, "invalid_cursor")),
    ],
)
def test_a_list_is_asked_for_within_bounds(
    ada: Person, query: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert code_of(ada.client.get(UPLOADS, params=query)) == expected


@pytest.mark.parametrize("part", ["", "/content", "/proof"])
def test_nobody_reaches_the_uploads_of_others(
    new_person: Callable[[], Person], ada: Person, part: str
) -> None:
    event = stored(ada)
    path = f"{UPLOADS}/{event['id']}{part}"
    stranger = new_person().sign_up()
    assert code_of(stranger.client.get(path)) == (404, "not_found")
    assert code_of(stranger.client.get(f"{UPLOADS}/not-an-id{part}")) == (404, "not_found")
    with ada.server.client() as nobody:
        assert code_of(nobody.get(path)) == (401, "invalid_token")


def test_content_comes_as_an_attachment_that_can_do_nothing(ada: Person) -> None:
    event = stored(ada, b"<script>alert(1)</script>", media_type="text/html", name='"ü".html')
    answer = ada.client.get(f"{UPLOADS}/{event['id']}/content")
    assert answer.status_code == 200
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"___.html\"; filename*=UTF-8''%22%C3%BC%22.html"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["etag"] == f'"{event["cid"]}"'


@pytest.mark.parametrize(
    ("header", "status", "content", "content_range"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=8-", 206, b"89", "bytes 8-9/10"),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("bytes=nonsense", 200, b"0123456789", None),
    ],
)
def test_a_range_is_served(
    ada: Person, header: str, status: int, content: bytes, content_range: str | None
) -> None:
    event = stored(ada, b"0123456789")
    path = f"{UPLOADS}/{event['id']}/content"
    answer = ada.client.get(path, headers={"Range": header})
    assert (answer.status_code, answer.content) == (status, content)
    assert answer.headers.get("content-range") == content_range
    assert answer.headers["content-length"] == str(len(content))


def test_a_range_behind_the_end_is_told_how_long_the_file_is(ada: Person) -> None:
    event = stored(ada, b"0123456789")
    path = f"{UPLOADS}/{event['id']}/content"
    answer = ada.client.get(path, headers={"Range": "bytes=10-"})
    assert code_of(answer) == (416, "range_not_satisfiable")
    assert answer.headers["content-range"] == "bytes */10"


def test_the_cid_is_the_entity_tag(ada: Person) -> None:
    event = stored(ada, b"0123456789")
    path, tag = f"{UPLOADS}/{event['id']}/content", f'"{event["cid"]}"'
    known = ada.client.get(path, headers={"If-None-Match": f'"other", {tag}'})
    assert (known.status_code, known.content) == (304, b"")
    same = ada.client.get(path, headers={"Range": "bytes=0-0", "If-Range": tag})
    assert same.status_code == 206
    other = ada.client.get(path, headers={"Range": "bytes=0-0", "If-Range": '"other"'})
    assert other.status_code == 200


def test_head_tells_about_the_content_without_it(ada: Person) -> None:
    event = stored(ada, b"0123456789")
    answer = ada.client.head(f"{UPLOADS}/{event['id']}/content")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "10"


def test_an_empty_file_is_a_file(ada: Person) -> None:
    event = stored(ada, b"")
    answer = ada.client.get(f"{UPLOADS}/{event['id']}/content")
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_proof_of_an_upload_holds_offline(ada: Person) -> None:
    event = stored(ada, b"proven", name="größe.txt")
    answer = ada.client.get(f"{UPLOADS}/{event['id']}/proof")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-disposition"].endswith("gr%C3%B6%C3%9Fe.txt.tlog-proof")
    key = Verifier.parse(ada.client.get("/api/web3/log/key").text.strip())
    verdict = verify(parse_bundle(answer.content), trusted=(key,))
    assert verdict.outcome is Outcome.PROVEN
    assert verdict.index == event["ledger"]["index"]
    assert verdict.opened["cid"] == event["cid"]
    assert verdict.opened["name"] == "größe.txt"


def test_an_upload_whose_session_ends_while_it_comes_in_is_not_kept(
    server: RunningServer, ada: Person
) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"first half"
        assert ada.client.post("/api/auth/logout-all").status_code == 204
        yield b"second half"

    before = content_files(server)
    with server.client() as other:
        other.headers["Authorization"] = ada.client.headers["Authorization"]
        answer = other.post(
            UPLOADS, content=pieces(), params={"name": "a.txt", "visibility": "public"}
        )
    assert code_of(answer) == (401, "invalid_token")
    assert ada.sign_in().client.get(UPLOADS).json()["items"] == []
    assert content_files(server) == before
