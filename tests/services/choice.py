"""Which database the tests over HTTP run on, and where a MongoDB server is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

MONGO_URL = "CHRONICLE_TEST_MONGO_URL"
DATABASE = "CHRONICLE_TEST_DATABASE"


def on_mongo() -> bool:
    """Whether servers that tests start keep their data in MongoDB, and not in SQLite."""
    chosen = os.environ.get(DATABASE, "sqlite")
    assert chosen in {"sqlite", "mongo"}, f"{DATABASE} is sqlite or mongo, not {chosen}"
    return chosen == "mongo"


def with_database(server: str, name: str) -> str:
    """A server's URL with the name of a database on it."""
    return urlsplit(server)._replace(path=f"/{name}").geturl()


@contextmanager
def mongo_server_url() -> Iterator[str]:
    """The server of `CHRONICLE_TEST_MONGO_URL`, or one that is started here; else a skip."""
    if MONGO_URL in os.environ:
        yield os.environ[MONGO_URL]
        return
    from tests.services.mongo import running_mongo
    from tests.services.mongo_install import Missing, installed

    try:
        installed()
    except Missing as missing:
        pytest.skip(f"no MongoDB: set {MONGO_URL}, or install the tests' own: {missing}")
    with running_mongo() as mongo:
        yield mongo.url
