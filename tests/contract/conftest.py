"""Every adapter of every port, so that one suite a port runs on all of them."""

from collections.abc import AsyncIterator, Iterator

import pytest

from chronicle.auth.ports import Sessions
from chronicle.overview.ports import Overviews
from chronicle.security.ports import Events, MailedTokens
from chronicle.uploads.ports import Uploads
from chronicle.users.ports import Accounts
from tests.contract.shapes import check_shapes
from tests.databases import DATABASES, OpenDatabase, location, open_database
from tests.fakes.world import FakeWorld
from tests.services.choice import mongo_server_url
from tests.services.valkey import EVERY_KIND, Services, Store, opened


@pytest.fixture
def world() -> FakeWorld:
    world = FakeWorld()
    # Some servers delete by their own clock what has expired.
    world.time = world.time.replace(year=2096)
    return world


@pytest.fixture(scope="session")
def mongo_server() -> Iterator[str]:
    with mongo_server_url() as url:
        yield url


@pytest.fixture(params=DATABASES)
async def database(request: pytest.FixtureRequest) -> AsyncIterator[OpenDatabase]:
    async with open_database(request.param, location(request.param, request)) as database:
        yield database
        await check_shapes(database)


@pytest.fixture(scope="session")
def valkeys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    services = Services(tmp_path_factory.mktemp("valkeys"))
    yield services
    services.close()


@pytest.fixture(params=EVERY_KIND)
async def store(request: pytest.FixtureRequest, valkeys: Services) -> AsyncIterator[Store]:
    """Every way in which Valkey can be run, empty."""
    async with opened(valkeys[request.param]) as store:
        yield store


@pytest.fixture
def accounts(database: OpenDatabase) -> Accounts:
    return database.tables.accounts


@pytest.fixture
def sessions(database: OpenDatabase) -> Sessions:
    return database.tables.sessions


@pytest.fixture
def events(database: OpenDatabase) -> Events:
    return database.tables.events


@pytest.fixture
def mailed_tokens(database: OpenDatabase) -> MailedTokens:
    return database.tables.mailed_tokens


@pytest.fixture
def overviews(database: OpenDatabase) -> Overviews:
    return database.tables.overviews


@pytest.fixture
def uploads(database: OpenDatabase) -> Uploads:
    return database.tables.uploads
