from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chronicle.api.multipart import FilePart, UploadForm
from chronicle.errors import Rejected

BOUNDARY = "----b0undary"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
FIELDS = frozenset({"note", "visibility"})
KIB = 1024


def part(headers: str, content: bytes) -> bytes:
    return f"--{BOUNDARY}\r\n{headers}\r\n\r\n".encode() + content + b"\r\n"


def field(name: str, value: str) -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"', value.encode())


def file(content: bytes, disposition: str = 'filename="a.txt"') -> bytes:
    return part(
        f'Content-Disposition: form-data; name="file"; {disposition}\r\nContent-Type: text/plain',
        content,
    )


END = f"--{BOUNDARY}--\r\n".encode()


async def pieces_of(body: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in body:
        yield piece


async def read(
    body: Iterable[bytes], content_type: str = CONTENT_TYPE
) -> tuple[FilePart, bytes, dict[str, str]]:
    form = UploadForm(content_type, pieces_of(body), fields=FIELDS)
    found = await form.reach_file()
    content = b"".join([piece async for piece in form.file_bytes()])
    return found, content, form.fields


async def test_a_form_is_read_with_fields_on_both_sides_of_the_file() -> None:
    body = field("visibility", "public") + file(b"content") + field("note", "grüße") + END
    found, content, fields = await read([body])
    assert found == FilePart("a.txt", "text/plain", {"visibility": "public"})
    assert content == b"content"
    assert fields == {"visibility": "public", "note": "grüße"}


async def test_the_file_can_be_begun_before_its_bytes_have_come() -> None:
    head = field("visibility", "public") + file(b"")[:-2]
    form = UploadForm(CONTENT_TYPE, pieces_of([head]), fields=FIELDS)
    found = await form.reach_file()
    assert found.fields_before == {"visibility": "public"}


DELIMITER = f"\r\n--{BOUNDARY}".encode()

delimiter_like = st.lists(
    st.sampled_from(
        [
            b"\r",
            b"\n",
            b"-",
            b"--",
            b"\r\n--",
            BOUNDARY.encode(),
            DELIMITER[:-1],
            f"--{BOUNDARY}".encode(),
            f"--{BOUNDARY}--".encode(),
            b"\0",
            b"x",
        ]
    ),
    max_size=12,
).map(b"".join)


@given(st.data(), delimiter_like | st.binary(max_size=300))
@example(None, b"\r\n\r\n--" + BOUNDARY[:-1].encode() + b"\r\n-")
@example(None, DELIMITER + DELIMITER[2:])
async def test_however_the_body_is_cut_the_same_comes_out(
    data: st.DataObject | None, content: bytes
) -> None:
    # What follows a line break may not look like the delimiter: no client would choose it so.
    content = b"\r\n" + content
    while DELIMITER in content:  # taking one out can leave another
        content = content.replace(DELIMITER, b"")
    body = field("visibility", "public") + file(content) + field("note", "n") + END
    whole = list(range(len(body) + 1))
    cuts = sorted(data.draw(st.lists(st.sampled_from(whole)))) if data else whole
    pieces = [body[start:stop] for start, stop in pairwise([0, *cuts, len(body)])]
    found, read_content, fields = await read(pieces)
    assert read_content == content
    assert found == FilePart("a.txt", "text/plain", {"visibility": "public"})
    assert fields == {"visibility": "public", "note": "n"}


@pytest.mark.parametrize("keep", range(0, 200, 7))
async def test_a_form_that_ends_early_is_an_error_wherever_it_ends(keep: int) -> None:
    body = field("note", "n") + file(b"content") + END.rstrip(b"\r\n")
    with pytest.raises(Rejected) as refused:
        await read([body[: min(keep, len(body) - 1)]])
    assert refused.value.code == "cut_off"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('filename="a b.txt"', "a b.txt"),
        ("filename=plain.txt", "plain.txt"),
        ('filename="grüße.txt"', "grüße.txt"),
        ('filename="say %22hi%22.txt"', 'say "hi".txt'),
        (r'filename="say \"hi\".txt"', 'say "hi".txt'),
        (r'filename="C:\dir\a.txt"', r"C:\dir\a.txt"),
        ("filename=\"x\"; filename*=utf-8''gr%C3%BC%C3%9Fe.txt", "grüße.txt"),
        ("filename*=UTF-8'de'a%20b", "a b"),
        ('filename="a;b=c"', "a;b=c"),
        ('filename=""', ""),
    ],
)
async def test_the_file_is_called_what_the_client_calls_it(disposition: str, name: str) -> None:
    found, _, _ = await read([file(b"", disposition) + END])
    assert found.name == name


async def test_a_file_without_name_or_type_has_none() -> None:
    body = part('Content-Disposition: form-data; name="file"', b"x") + END
    found, _, _ = await read([body])
    assert found == FilePart(None, None, {})


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/form-data; boundary="----b0undary"',
        "Multipart/Form-Data; charset=utf-8; Boundary=----b0undary",
    ],
)
async def test_the_boundary_is_found_in_any_form_that_the_header_may_have(
    content_type: str,
) -> None:
    _, content, _ = await read([file(b"x") + END], content_type)
    assert content == b"x"


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/mixed; boundary=abc",
        f"multipart/form-data; boundary={'x' * 71}",
        'multipart/form-data; boundary="trailing space "',
        'multipart/form-data; boundary="new\nline"',
        "multipart/form-data; boundary=a; boundary=b",
    ],
)
def test_a_header_without_a_proper_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(Rejected) as refused:
        UploadForm(content_type, pieces_of([]), fields=FIELDS)
    assert refused.value.code == "invalid_multipart"


UNREADABLE = {
    "no delimiter": b"hello",
    "another delimiter": b"--other\r\n",
    "endless preamble": b"\r\n" * 100 * KIB,
    "no disposition": part("Content-Type: text/plain", b"x"),
    "no name": part("Content-Disposition: form-data", b"x"),
    "another disposition": part('Content-Disposition: attachment; name="file"', b"x"),
    "broken parameters": part('Content-Disposition: form-data; name="file', b"x"),
    "parameter twice": part('Content-Disposition: form-data; name="file"; name="note"', b"x"),
    "header twice": part(
        'Content-Disposition: form-data; name="file"\r\n'
        'Content-Disposition: form-data; name="note"',
        b"x",
    ),
    "header that is not UTF-8": b"--"
    + BOUNDARY.encode()
    + b"\r\nContent-Disposition: \xff\r\n\r\n",
    "header without end": f"--{BOUNDARY}\r\nX: ".encode() + b"x" * 9 * KIB,
    "headers too long together": part("\r\n".join(f"X-{n}: {'x' * 3000}" for n in range(3)), b""),
    "too many headers": part("\r\n".join(f"X-{n}: x" for n in range(9)), b""),
    "base64": part(
        'Content-Disposition: form-data; name="file"\r\nContent-Transfer-Encoding: base64', b"eA=="
    ),
    "name in another charset": file(b"", "filename*=iso-8859-1''%E4"),
    "name that is not UTF-8": file(b"", "filename*=utf-8''%E4"),
    "endless epilogue": file(b"x") + END + b"x" * 200 * KIB,
    "no line break after the delimiter's padding": f"--{BOUNDARY}x".encode(),
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_what_is_not_a_form_is_refused(body: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        await read([body, END])
    assert refused.value.code == "invalid_multipart"


WRONG = {
    "unknown field": ([field("extra", "x")], "extra"),
    "field twice": ([field("note", "a"), field("note", "b")], "note"),
    "file twice": ([file(b"a"), file(b"b")], "file"),
    "field too long": ([field("note", "x" * (4 * KIB + 1))], "note"),
    "field that is not UTF-8": (
        [part('Content-Disposition: form-data; name="note"', b"\xff")],
        "note",
    ),
    "no file": ([field("note", "x")], "file"),
    "file under another name": (
        [part('Content-Disposition: form-data; name="other"; filename="a"', b"x")],
        "other",
    ),
}


@pytest.mark.parametrize(("parts", "wrong"), WRONG.values(), ids=WRONG.keys())
async def test_a_form_with_other_contents_is_refused_by_field(
    parts: Sequence[bytes], wrong: str
) -> None:
    with pytest.raises(Rejected) as refused:
        await read([*parts, END])
    assert refused.value.code == "invalid_request"
    assert [each.field for each in refused.value.fields] == [wrong]


class Counted:
    """A body that counts what was taken of it."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self.taken = 0

    def __aiter__(self) -> "Counted":
        return self

    async def __anext__(self) -> bytes:
        self.taken += 1
        try:
            return next(self._pieces)
        except StopIteration:
            raise StopAsyncIteration from None


async def test_ten_thousand_parts_are_refused_before_they_are_read() -> None:
    names = [f"n{number}" for number in range(10_000)]
    body = Counted(field(name, "x") for name in names)
    form = UploadForm(CONTENT_TYPE, body, fields=frozenset(names))
    with pytest.raises(Rejected, match="more than 8 parts"):
        await form.reach_file()
    assert body.taken == 9


async def test_a_field_of_a_gigabyte_is_refused_after_a_few_kilobytes() -> None:
    body = Counted([field("note", "")[:-2], *[b"x" * KIB] * KIB])
    form = UploadForm(CONTENT_TYPE, body, fields=FIELDS)
    with pytest.raises(Rejected, match="more than 4096 bytes"):
        await form.reach_file()
    assert body.taken == 6
