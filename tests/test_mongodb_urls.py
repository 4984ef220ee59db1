"""Addresses of MongoDB: what is taken, what is shown of it, and what production wants of it."""

import pytest

from chronicle import mongodb_urls
from chronicle import setting_values as values
from chronicle.settings import load
from tests.test_settings import PRODUCTION, problems_of


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://localhost",
        "mongodb://localhost:27017/",
        "mongodb://h1,h2:27018,h3/chronicle?replicaSet=rs0&tls=true",
        "mongodb://ada:p%40ss@[::1]:27017/chronicle",
        "mongodb://ada@db.example.org/chronicle",
        "mongodb://%2Frun%2Fmongodb.sock/chronicle",
        "mongodb+srv://ada:pass@cluster.example.org/?retryWrites=false",
    ],
)
def test_what_the_driver_takes_is_taken_as_it_stands(url: str) -> None:
    assert values.database_url(url).reveal() == url
    assert load({"CHRONICLE_DATABASE_URL": url}).database_path is None


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://",
        "mongodb:///chronicle",
        "mongodb://canary:canary@",
        "mongodb://ada:can/ary@h/c",
        "mongodb://ada:can@ary@h/c",
        "mongodb://:canary@h/c",
        "mongodb://h/a/canary",
        "mongodb://h/c#canary",
        "mongodb://h:0/canary",
        "mongodb://h1,h2:65536/canary",
        "mongodb://h,/canary",
        "mongodb://h/can ary",
        "mongodb://h/can.ary",
        "mongodb+srv://h1,h2/canary",
        "mongodb+srv://h:27017/canary",
        "mongodb+tcp://h/canary",
    ],
)
def test_anything_else_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        values.database_url(url)
    assert "canary" not in str(caught.value)


def test_user_password_and_options_are_hidden() -> None:
    url = "mongodb://ada:canary@h1,h2:27018/chronicle?authMechanismProperties=TOKEN:canary"
    listing = load({"CHRONICLE_DATABASE_URL": url}).listing()
    assert "canary" not in str(listing)
    assert ("CHRONICLE_DATABASE_URL", "mongodb://***@h1,h2:27018/chronicle?***") in [
        row[:2] for row in listing
    ]


@pytest.mark.parametrize(
    ("url", "refused"),
    [
        ("mongodb://db.example.org/c", True),
        ("mongodb://localhost,10.0.0.7/c", True),
        ("mongodb://10.0.0.7/c?tls=false", True),
        ("mongodb://10.0.0.7/c?tls=true&tlsAllowInvalidCertificates=true", True),
        ("mongodb://10.0.0.7/c?tls=true&tlsInsecure=true", True),
        ("mongodb+srv://db.example.org/c?tls=false", True),
        ("mongodb://db.example.org/c?tls=true", False),
        ("mongodb://db.example.org/c?ssl=true", False),
        ("mongodb+srv://db.example.org/c", False),
        ("mongodb://localhost,127.0.0.1:27018,[::1]/c", False),
        ("mongodb://%2Frun%2Fmongodb.sock/c", False),
    ],
)
def test_production_wants_checked_tls_to_every_host_elsewhere(url: str, refused: bool) -> None:
    database = {"CHRONICLE_DATABASE_URL": url}
    assert problems_of(database) == {}
    assert ("CHRONICLE_DATABASE_URL" in problems_of(PRODUCTION | database)) is refused


def test_no_host_is_overlooked() -> None:
    assert mongodb_urls.hosts("mongodb://u:p@a:1,[::1]:2,c/d?e=f,g") == ["a:1", "[::1]:2", "c"]
