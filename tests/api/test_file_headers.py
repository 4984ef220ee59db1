import pytest

from chronicle.api.file_headers import (
    RangeNotSatisfiable,
    attachment,
    has_matching_tag,
    parse_range,
    range_still_applies,
)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", range(1)),
        ("bytes=0-", range(10)),
        ("bytes=3-5", range(3, 6)),
        ("bytes=9-9", range(9, 10)),
        ("bytes=5-99999", range(5, 10)),
        ("bytes=5-" + "9" * 5000, range(5, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-10", range(10)),
        ("bytes=-11", range(10)),
        ("Bytes=0-1", range(2)),
        ("bytes= 0-1 ", range(2)),
        ("bytes=0000-0001", range(2)),
    ],
)
def test_one_range_is_understood(header: str, expected: range) -> None:
    assert parse_range(header, 10) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=5-3",
        "bytes=a-b",
        "bytes=1-2-3",
        "bytes=0-1,3-4",
        "bytes=0-1,",
        "lines=0-1",
        "bytes=+1-2",
        "bytes=1.0-2",
        "bytes=\u0661-\u0662",
    ],
)
def test_what_is_no_single_range_is_ignored(header: str | None) -> None:
    assert parse_range(header, 10) is None


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("bytes=10-", 10),
        ("bytes=10-20", 10),
        ("bytes=-0", 10),
        ("bytes=0-", 0),
        ("bytes=-5", 0),
        ("bytes=" + "9" * 5000 + "-", 10),
    ],
)
def test_a_range_behind_the_end_can_not_be_satisfied(header: str, size: int) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        parse_range(header, size)
    assert refused.value.size == size


@pytest.mark.parametrize(
    ("header", "matches"),
    [
        (None, False),
        ("*", True),
        ('"cid"', True),
        ('W/"cid"', True),
        ('"other", "cid"', True),
        ('"other"', False),
        ("cid", False),
        ('"xcid"', False),
    ],
)
def test_if_none_match_compares_weakly(header: str | None, matches: bool) -> None:
    assert has_matching_tag(header, '"cid"') is matches


@pytest.mark.parametrize(
    ("header", "applies"),
    [
        (None, True),
        ('"cid"', True),
        ('W/"cid"', False),
        ('"other"', False),
        ("Wed, 21 Oct 2015 07:28:00 GMT", False),
    ],
)
def test_if_range_compares_strongly(header: str | None, applies: bool) -> None:
    assert range_still_applies(header, '"cid"') is applies


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("plain name.txt", 'attachment; filename="plain name.txt"'),
        ("grüße.txt", "attachment; filename=\"gr__e.txt\"; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt"),
        ('"; x=.exe', "attachment; filename=\"_; x=.exe\"; filename*=UTF-8''%22%3B%20x%3D.exe"),
        ("a\r\nb", "attachment; filename=\"a__b\"; filename*=UTF-8''a%0D%0Ab"),
        ("50%.txt", "attachment; filename=\"50_.txt\"; filename*=UTF-8''50%25.txt"),
        ("日本", "attachment; filename=\"__\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC"),
    ],
)
def test_a_name_can_be_anything_and_stays_a_name(name: str, header: str) -> None:
    assert attachment(name) == header
    assert header.isascii()
