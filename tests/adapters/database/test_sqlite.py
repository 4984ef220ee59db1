import asyncio
import sqlite3
from pathlib import Path

import pytest

from chronicle.adapters.database.sqlite.engine import Engine, connect, from_micros, to_micros
from chronicle.adapters.database.sqlite.migrate import DatabaseTooNew, all_migrations, migrate
from chronicle.errors import Unavailable
from tests.fakes.world import FakeWorld


@pytest.fixture
def engine(tmp_path: Path):
    path = tmp_path / "db.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    database.close()
    engine = Engine(path)
    yield engine
    engine.close()


def insert(number: int):
    return lambda db: db.execute("INSERT INTO t VALUES (?)", (number,))


async def test_one_failing_write_is_one_callers_failure(engine: Engine) -> None:
    numbers = [1, 2, 2, 3, 1, 4]
    results = await asyncio.gather(
        *(engine.write(insert(n)) for n in numbers), return_exceptions=True
    )
    failed = [isinstance(result, sqlite3.IntegrityError) for result in results]
    assert failed == [False, False, True, False, True, False]
    assert engine.all("SELECT n FROM t ORDER BY n", ()) == [(1,), (2,), (3,), (4,)]


async def test_a_write_that_fails_half_way_leaves_nothing_and_holds_up_nobody(
    engine: Engine,
) -> None:
    def half(database: sqlite3.Connection) -> None:
        insert(1)(database)
        insert(2)(database)
        insert(1)(database)

    with pytest.raises(sqlite3.IntegrityError):
        await engine.write(half)
    await engine.write(insert(3))
    assert engine.all("SELECT n FROM t", ()) == [(3,)]


async def test_a_write_is_read_back_once_acknowledged(engine: Engine) -> None:
    for number in range(20):
        await engine.write(insert(number))
        assert engine.one("SELECT 1 FROM t WHERE n = ?", (number,)) == (1,)


async def test_a_write_whose_caller_left_hurts_nobody(engine: Engine) -> None:
    leaving = asyncio.ensure_future(engine.write(insert(1)))
    await asyncio.sleep(0)
    leaving.cancel()
    await engine.write(insert(2))
    assert (2,) in engine.all("SELECT n FROM t", ())


async def test_a_full_database_is_unavailable_and_recovers(engine: Engine) -> None:
    await engine.write(lambda db: db.execute("CREATE TABLE big (b BLOB)"))
    pages = (await engine.write(lambda db: db.execute("PRAGMA page_count").fetchone()))[0]
    await engine.write(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    with pytest.raises(Unavailable, match="storage_full"):
        await engine.write(lambda db: db.execute("INSERT INTO big VALUES (zeroblob(1000000))"))
    await engine.write(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
    await engine.write(insert(1))
    assert engine.all("SELECT count(*) FROM big", ()) == [(0,)]


async def test_reads_can_not_write(engine: Engine) -> None:
    with pytest.raises(Unavailable):
        engine.one("INSERT INTO t VALUES (1) RETURNING n", ())


def test_every_connection_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    connection = connect(tmp_path / "db.sqlite")
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_times_survive_to_the_microsecond() -> None:
    moment = FakeWorld().time
    assert from_micros(to_micros(moment)) == moment


def schema(path: Path) -> list[tuple[str, ...]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
    connection.close()
    return rows


@pytest.mark.parametrize("version", [step.version for step in all_migrations()])
def test_every_earlier_version_migrates_to_the_newest(tmp_path: Path, version: int) -> None:
    fresh, aged = tmp_path / "fresh.sqlite", tmp_path / "aged.sqlite"
    migrate(fresh)
    migrate(aged, up_to=version)
    applied = migrate(aged)
    assert [step.version for step in applied] == [
        step.version for step in all_migrations() if step.version > version
    ]
    assert schema(aged) == schema(fresh)
    assert migrate(aged) == []


def test_versions_have_no_gap() -> None:
    versions = [step.version for step in all_migrations()]
    assert versions == list(range(1, len(versions) + 1))


def test_a_database_of_a_newer_chronicle_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    migrate(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseTooNew, match="9999"):
        migrate(path)
    assert path.read_bytes() == before


def test_a_failing_step_leaves_the_version_before_it(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    migrate(path, up_to=1)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE uploads (in_the_way)")
    connection.close()
    with pytest.raises(sqlite3.OperationalError, match="uploads"):
        migrate(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    connection.close()
