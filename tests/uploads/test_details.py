import pytest

from chronicle.errors import Rejected
from chronicle.uploads.details import UploadDetails, clean_media_type, clean_name, clean_note


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("report.pdf", "report.pdf"),
        ("  spaced .txt ", "spaced .txt"),
        ("/etc/passwd", "passwd"),
        (r"C:\Users\ada\notes.txt", "notes.txt"),
        ("../../up.txt", "up.txt"),
        ("line\r\nbreak\x00.txt", "linebreak.txt"),
        ("invoice\u202egnp.exe", "invoicegnp.exe"),
        ("\u2066a\u2069\u200f.txt", "a.txt"),
        ("gru\u0308\u00dfe", "gr\u00fc\u00dfe"),
        ("👩\u200d👧.png", "👩\u200d👧.png"),
        (".hidden", ".hidden"),
        ("x" * 255, "x" * 255),
        ("e\u0301" * 255, "\u00e9" * 255),
    ],
)
def test_names_are_cleaned(sent: str, kept: str) -> None:
    assert clean_name(sent) == kept


@pytest.mark.parametrize("sent", ["", " ", ".", "..", "folder/", "\u202e", "a\\..", "x" * 256])
def test_a_name_of_which_nothing_or_too_much_is_left_is_refused(sent: str) -> None:
    with pytest.raises(Rejected) as refused:
        clean_name(sent)
    assert [each.field for each in refused.value.fields] == ["name"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("text/plain", "text/plain"),
        ("Text/HTML; Charset=UTF-8", "text/html"),
        ('multipart/mixed; boundary="a;b\\"c" ; x=y ', "multipart/mixed"),
        ("application/vnd.api+json", "application/vnd.api+json"),
    ],
)
def test_a_media_type_is_kept_without_its_parameters(sent: str, kept: str) -> None:
    assert clean_media_type(sent) == kept


@pytest.mark.parametrize(
    "sent",
    [
        "text",
        "text/",
        "/plain",
        "text/plain\r\nX: y",
        "text/plain; x",
        "text/plain, text/html",
        "te xt/plain",
        "*/*",
        "text/" + "x" * 128,
        'text/plain; x="open',
        "",
    ],
)
def test_what_is_no_media_type_is_refused(sent: str) -> None:
    with pytest.raises(Rejected) as refused:
        clean_media_type(sent)
    assert [each.field for each in refused.value.fields] == ["media_type"]


def test_notes_keep_their_lines_and_nothing_unseen() -> None:
    assert clean_note("two\r\nlines\t!") == "two\nlines\t!"
    assert clean_note("") is None
    assert clean_note("x" * 1000) == "x" * 1000
    for sent in ("x" * 1001, "a\x00b", "a\u202eb"):
        with pytest.raises(Rejected) as refused:
            clean_note(sent)
        assert [each.field for each in refused.value.fields] == ["note"]


@pytest.mark.parametrize(
    ("visibility", "code"),
    [("private", "not_available"), (None, "invalid_request"), ("PUBLIC", "invalid_request")],
)
def test_only_public_files_are_taken_and_only_when_asked_for(
    visibility: str | None, code: str
) -> None:
    with pytest.raises(Rejected) as refused:
        UploadDetails.of(name="a", media_type=None, note=None, visibility=visibility)
    assert refused.value.code == code


def test_without_a_media_type_bytes_are_just_bytes() -> None:
    details = UploadDetails.of(name="a", media_type=None, note=None, visibility="public")
    assert details.media_type == "application/octet-stream"
