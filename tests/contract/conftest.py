"""Every adapter of every port, so that one suite a port runs on all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chronicle.adapters.database.sqlite.accounts import SqliteAccounts
from chronicle.adapters.database.sqlite.engine import Engine
from chronicle.adapters.database.sqlite.events import SqliteEvents
from chronicle.adapters.database.sqlite.mailed_tokens import SqliteMailedTokens
from chronicle.adapters.database.sqlite.migrate import migrate
from chronicle.adapters.database.sqlite.overviews import SqliteOverviews
from chronicle.adapters.database.sqlite.sessions import SqliteSessions
from chronicle.adapters.database.sqlite.uploads import SqliteUploads
from chronicle.auth.ports import Sessions
from chronicle.overview.ports import Overviews
from chronicle.security.ports import Events, MailedTokens
from chronicle.uploads.ports import Uploads
from chronicle.users.ports import Accounts
from tests.fakes.world import FakeWorld


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    path = tmp_path / "chronicle.sqlite"
    migrate(path)
    engine = Engine(path)
    yield engine
    engine.close()


@pytest.fixture
def accounts(sqlite: Engine) -> Accounts:
    return SqliteAccounts(sqlite)


@pytest.fixture
def sessions(sqlite: Engine) -> Sessions:
    return SqliteSessions(sqlite)


@pytest.fixture
def events(sqlite: Engine) -> Events:
    return SqliteEvents(sqlite)


@pytest.fixture
def mailed_tokens(sqlite: Engine) -> MailedTokens:
    return SqliteMailedTokens(sqlite)


@pytest.fixture
def uploads(sqlite: Engine) -> Uploads:
    return SqliteUploads(sqlite)


@pytest.fixture
def overviews(sqlite: Engine) -> Overviews:
    return SqliteOverviews(sqlite)
