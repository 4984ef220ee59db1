"""Names, forms and ranges made to be misread, and files made to be run."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from urllib.parse import unquote

import httpx2
import pytest

from tests.attacks.conftest import UPLOAD_LIMIT
from tests.attacks.raw_http import RawAnswer, RawConnection, chunked, request
from tests.process_facts import open_files, resident_kib
from tests.running_server import Person, RunningServer, eventually
from tests.services.choice import on_mongo
from tests.stored import drafts

BOUNDARY = "xxBOUNDARYxx"
MEMORY_BOUND_KIB = 32 * 1024
HOSTILE_NAMES = {
    "../../etc/passwd": "passwd",
    "..\\..\\windows\\win.ini": "win.ini",
    "/absolute/path.txt": "path.txt",
    "C:\\x.txt": "x.txt",
    'quo"te.txt': 'quo"te.txt',
    "semi;colon=x.txt": "semi;colon=x.txt",
    "new\r\nSet-Cookie: x=y.txt": "newSet-Cookie: x=y.txt",
    "nul\x00.png.exe": "nul.png.exe",
    "\u202egnp.exe": "gnp.exe",
    "\u2066hidden\u2069": "hidden",
    "tab\there": "tabhere",
    "e\u0301": "\u00e9",
    "\U0001f600" * 200: "\U0001f600" * 200,
    "%2e%2e%2fx": "%2e%2e%2fx",
    "con": "con",
    "-rf": "-rf",
    "$(reboot)`x`": "$(reboot)`x`",
    "<img src=x onerror=alert(1)>": "<img src=x onerror=alert(1)>",
    "_\\": None,
    "x" * 256: None,
    "..": None,
    "": None,
    "\u202e": None,
}


def send(person: Person, content: bytes = b"x", **params: str) -> httpx2.Response:
    query = {"name": "a.bin", "visibility": "public"} | params
    return person.client.post(
        "/api/web3/uploads",
        content=content,
        params=query,
        headers={"Content-Type": "application/octet-stream"},
    )


def names_in_the_list(person: Person) -> list[str]:
    items = person.client.get("/api/web3/uploads", params={"limit": 100}).json()["items"]
    return [item["name"] for item in items]


def form(*parts: bytes, end: bytes = b"--xxBOUNDARYxx--\r\n") -> bytes:
    return b"".join(b"--xxBOUNDARYxx\r\n" + part + b"\r\n" for part in parts) + end


def field(name: str, value: bytes, extra: bytes = b"") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"'.encode()
    return head + extra + b"\r\n\r\n" + value


PUBLIC = field("visibility", b"public")
FILE = field("file", b"content", b'; filename="a.txt"')


def form_head(person: Person, *more: tuple[str, str]) -> bytes:
    headers = [
        ("Authorization", f"Bearer {person.session['access_token']}"),
        ("Content-Type", f"multipart/form-data; boundary={BOUNDARY}"),
        *more,
    ]
    return request("POST", "/api/web3/uploads", headers)


def send_form(person: Person, body: bytes) -> RawAnswer:
    with RawConnection(person.server.port) as connection:
        connection.send(form_head(person, ("Content-Length", str(len(body)))))
        connection.try_to_send([body])
        return connection.answer()


@pytest.mark.parametrize(("sent", "kept"), HOSTILE_NAMES.items(), ids=repr)
def test_a_name_is_kept_harmless_or_refused(ada: Person, sent: str, kept: str | None) -> None:
    answer = send(ada, name=sent)
    if kept is None:
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == ["name"]
        return
    assert (answer.status_code, answer.json()["name"]) == (201, kept)
    path = f"/api/web3/uploads/{answer.json()['id']}/content"
    headers = ada.client.get(path).headers
    disposition = headers["content-disposition"]
    assert disposition.startswith("attachment; filename=")
    assert disposition.isascii()
    assert disposition.isprintable()
    plain = disposition.partition('filename="')[2].partition('"')[0]
    assert not set('"\\/') & set(plain)
    if "filename*=" in disposition:
        assert unquote(disposition.partition("filename*=UTF-8''")[2]) == kept
    else:
        assert plain == kept
    assert "set-cookie" not in headers


@pytest.mark.parametrize("note", ["\x00", "\x1b[31m", "\u202eevil", "x" * 1001, "\x7f"])
def test_a_note_that_hides_something_is_refused(ada: Person, note: str) -> None:
    answer = send(ada, note=note)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    "media_type",
    [
        "text/html",
        "text/html; charset=utf-7",
        "image/svg+xml",
        "application/javascript",
        "application/pdf",
        "application/xhtml+xml",
        "multipart/x-mixed-replace",
        "text/xml",
        "message/rfc822",
    ],
)
def test_a_file_is_handed_out_as_a_file_whatever_it_says_it_is(
    ada: Person, media_type: str
) -> None:
    kept = ada.client.post(
        "/api/web3/uploads",
        content=b"<script>alert(document.domain)</script>",
        params={"name": "a.html", "visibility": "public"},
        headers={"Content-Type": media_type},
    )
    assert kept.status_code == 201, kept.text
    base = f"/api/web3/uploads/{kept.json()['id']}"
    for path in (f"{base}/content", f"{base}/proof"):
        for extra in ({}, {"Range": "bytes=0-3"}):
            headers = ada.client.get(path, headers=extra).headers
            assert headers["content-disposition"].startswith("attachment")
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-security-policy"] == "default-src 'none'; sandbox"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert headers["cache-control"] == "no-store"
            assert "charset=utf-7" not in headers["content-type"]


@pytest.mark.parametrize(
    "media_type",
    ["text", "text/", "/html", "a/b/c", "text/html, text/plain", "x" * 300, "é/é"],
)
def test_a_media_type_that_is_none_is_refused(ada: Person, media_type: str) -> None:
    answer = ada.client.post(
        "/api/web3/uploads",
        content=b"x",
        params={"name": "a", "visibility": "public"},
        headers={"Content-Type": media_type.encode("latin-1")},
    )
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-0", (206, b"0")),
        ("bytes=-1", (206, b"9")),
        ("bytes=5-99999999999999999999999", (206, b"56789")),
        ("bytes=-99999999999999999999999", (206, b"0123456789")),
        ("bytes=10-", (416, None)),
        ("bytes=99999999999999999999999-", (416, None)),
        ("bytes=-0", (416, None)),
        ("bytes=5-4", (200, b"0123456789")),
        ("bytes=0-0,1-1", (200, b"0123456789")),
        ("bytes=" + ",".join(["0-"] * 5000), (200, b"0123456789")),
        ("bytes=--1", (200, b"0123456789")),
        ("bytes=+1-2", (200, b"0123456789")),
        ("bytes=\u0661-", (200, b"0123456789")),
        ("bytes=1_0-", (200, b"0123456789")),
        ("bytes=0x1-", (200, b"0123456789")),
        ("items=0-1", (200, b"0123456789")),
        ("bytes", (200, b"0123456789")),
        ("bytes=" + "9" * 20_000 + "-", (416, None)),
        ("bytes=-" + "9" * 20_000, (206, b"0123456789")),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_range_gives_its_bytes_all_bytes_or_a_refusal(
    ada: Person, header: str, wanted: tuple[int, bytes | None]
) -> None:
    one = send(ada, b"0123456789").json()["id"]
    answer = ada.client.get(
        f"/api/web3/uploads/{one}/content", headers={"Range": header.encode("utf-8")}
    )
    status, content = wanted
    assert answer.status_code == status
    if content is None:
        assert answer.json()["code"] == "range_not_satisfiable"
        assert answer.headers["content-range"] == "bytes */10"
    else:
        assert answer.content == content


@pytest.mark.parametrize(
    "body",
    [
        form(PUBLIC),
        form(FILE),
        form(PUBLIC, FILE, FILE),
        form(PUBLIC, PUBLIC, FILE),
        form(PUBLIC, FILE, field("role", b"admin")),
        form(PUBLIC, field("note", b"x" * 5000), FILE),
        form(PUBLIC, FILE, field("note", b"\xff")),
        form(PUBLIC, FILE, field("profile", b"unixfs-v0-2015")),
        form(PUBLIC, field("profile", b"../x"), FILE),
        form(PUBLIC, FILE, end=b""),
        form(PUBLIC, FILE, end=b"--xxBOUNDARYxx"),
        form(PUBLIC, b"X: y\r\n\r\nno name"),
        form(PUBLIC, b'Content-Disposition: form-data; name="file"; name="note"\r\n\r\nx'),
        form(PUBLIC, b"X-Long: " + b"a" * 20_000 + b"\r\n\r\nx"),
        form(PUBLIC, b"".join(b"X-%d: y\r\n" % number for number in range(100)) + b"\r\nx"),
        form(PUBLIC, FILE) + b"x" * 200_000,
        b"x" * 200_000 + form(PUBLIC, FILE),
        form(*[PUBLIC] * 10_000),
        form(PUBLIC, *[field(f"f{number}", b"x") for number in range(10_000)]),
        form(PUBLIC, FILE, *[field("note", b"x")] * 10_000),
        b"",
        b"\r\n",
        b"--xxBOUNDARYxx--\r\n",
    ],
    ids=lambda body: f"{len(body)} bytes",
)
def test_a_form_that_is_not_the_one_form_leaves_nothing(ada: Person, body: bytes) -> None:
    before = names_in_the_list(ada)
    answer = send_form(ada, body)
    assert answer.status in (400, 422)
    assert answer.code in ("invalid_multipart", "invalid_request", "cut_off")
    assert names_in_the_list(ada) == before
    eventually(lambda: not drafts(ada.server))


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 71,
        'multipart/form-data; boundary="a\x01b"',
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/mixed; boundary=xxBOUNDARYxx",
        "multipart/form-data boundary=xxBOUNDARYxx",
    ],
)
def test_a_form_without_a_right_boundary_is_refused(ada: Person, content_type: str) -> None:
    answer = ada.client.post(
        "/api/web3/uploads",
        content=form(PUBLIC, FILE),
        headers={"Content-Type": content_type},
    )
    assert answer.status_code in (400, 422)


def gigabyte(piece: bytes = b"x" * 64 * 1024) -> Iterator[bytes]:
    for _ in range(16 * 1024):
        yield piece


@pytest.mark.parametrize("name", ["note", "visibility", "unknown", "file"])
def test_a_field_of_a_gigabyte_is_not_read_to_its_end(
    ada: Person, name: str, bystander: Callable[[], AbstractContextManager[None]]
) -> None:
    def pieces() -> Iterator[bytes]:
        extra = b'; filename="a"' if name == "file" else b""
        yield b"--xxBOUNDARYxx\r\n" + field("visibility" if name == "file" else "note", b"public")
        yield b"\r\n--xxBOUNDARYxx\r\n" + field(name, b"", extra)
        yield from gigabyte()

    before, listed = resident_kib(ada.server.pid), names_in_the_list(ada)
    with bystander(), RawConnection(ada.server.port) as connection:
        connection.send(form_head(ada, ("Transfer-Encoding", "chunked")))
        sent = connection.try_to_send(chunked(pieces()))
        answer = connection.answer()
    assert sent < 64 * 1024 * 1024
    assert answer.status == (413 if name == "file" else 422)
    assert resident_kib(ada.server.pid) - before < MEMORY_BOUND_KIB
    assert names_in_the_list(ada) == listed
    eventually(lambda: not drafts(ada.server))


def test_a_body_over_the_limit_is_refused_before_its_first_byte(ada: Person) -> None:
    headers = [
        ("Authorization", f"Bearer {ada.session['access_token']}"),
        ("Content-Type", "image/png"),
        ("Content-Length", str(UPLOAD_LIMIT + 1)),
        ("Expect", "100-continue"),
    ]
    target = "/api/web3/uploads?name=a&visibility=public"
    with RawConnection(ada.server.port) as connection:
        answer = connection.send(request("POST", target, headers)).answer()
    assert (answer.status, answer.code) == (413, "too_large")


def test_a_body_of_exactly_the_limit_is_taken(ada: Person) -> None:
    assert send(ada, b"x" * UPLOAD_LIMIT).status_code == 201
    assert send(ada, b"x" * (UPLOAD_LIMIT + 1)).status_code == 413


def test_a_body_without_a_length_is_refused_where_it_becomes_too_long(ada: Person) -> None:
    headers = [
        ("Authorization", f"Bearer {ada.session['access_token']}"),
        ("Content-Type", "image/png"),
        ("Transfer-Encoding", "chunked"),
    ]
    target = "/api/web3/uploads?name=a&visibility=public"
    with RawConnection(ada.server.port) as connection:
        sent = connection.send(request("POST", target, headers)).try_to_send(chunked(gigabyte()))
        answer = connection.answer()
    assert (answer.status, answer.code) == (413, "too_large")
    assert sent < 64 * 1024 * 1024
    eventually(lambda: not drafts(ada.server))


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity", "x"])
def test_packed_bytes_are_not_taken_for_the_files_own(ada: Person, encoding: str) -> None:
    answer = ada.client.post(
        "/api/web3/uploads",
        content=b"x",
        params={"name": "a", "visibility": "public"},
        headers={"Content-Type": "text/plain", "Content-Encoding": encoding},
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_stalled_upload_is_given_up(impatient: RunningServer) -> None:
    person = Person(impatient, "stalled@example.org").sign_up()
    first_chunk, _ = chunked([form(PUBLIC, FILE, end=b"")])
    with contextlib.closing(person.client) as client, RawConnection(impatient.port) as connection:
        connection.send(form_head(person, ("Transfer-Encoding", "chunked")) + first_chunk)
        answer = connection.answer()
        assert client.get("/api/web3/uploads").json()["items"] == []
    assert (answer.status, answer.code) == (408, "too_slow")
    eventually(lambda: not drafts(impatient))


def test_a_download_that_nobody_takes_is_given_up_and_took_little_memory(
    impatient: RunningServer,
) -> None:
    person = Person(impatient, "taker@example.org").sign_up()
    with contextlib.closing(person.client) as client, contextlib.ExitStack() as stack:
        kept = client.post(
            "/api/web3/uploads",
            content=bytes(16 * 1024 * 1024),
            params={"name": "zeros", "visibility": "public"},
        ).json()
        token = f"Bearer {person.session['access_token']}"
        target = f"/api/web3/uploads/{kept['id']}/content"
        asking = request("GET", target, [("Authorization", token)])
        files, memory = open_files(impatient.pid), resident_kib(impatient.pid)
        for _ in range(40):
            stack.enter_context(RawConnection(impatient.port)).send(asking)
        eventually(lambda: open_files(impatient.pid) >= files + 40)
        assert resident_kib(impatient.pid) - memory < 40 * 768
        # Reads at once may have made connections to MongoDB, which stay for the next ones.
        pool = 32 if on_mongo() else 0
        eventually(lambda: open_files(impatient.pid) <= files + pool)
        assert client.get(target).content == bytes(16 * 1024 * 1024)
