"""What every test shares: with CHRONICLE_TEST_REQUIRE_ALL=1 a test that skips has failed."""

import gc
import os
import warnings
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.services.choice import MONGO_URL, mongo_server_url, on_mongo

REQUIRE_ALL = os.environ.get("CHRONICLE_TEST_REQUIRE_ALL") == "1"

# No example is timed. Where everything is required each run has the same examples, so that a change
# is judged by what it does; every other run draws new ones.
settings.register_profile("drawn", deadline=None)
settings.load_profile("ci" if REQUIRE_ALL else "drawn")


@pytest.fixture(scope="session", autouse=True)
def _mongo_for_servers() -> Iterator[None]:
    """One MongoDB server for all the Chronicle servers of a run that is to be on MongoDB."""
    if not on_mongo() or MONGO_URL in os.environ:
        yield
        return
    with mongo_server_url() as url:
        os.environ[MONGO_URL] = url
        yield
        del os.environ[MONGO_URL]


@pytest.fixture
def driver_leftovers() -> Iterator[None]:
    """Collect what PyMongo leaves when a server goes away while it connects.

    The sockets of attempts that it cancels are left to the garbage collector, whose warning would
    fail whichever test runs then.
    """
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count a skipped test as failed where everything is required."""
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and everything is required here: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself whole."""
    report = yield
    if REQUIRE_ALL and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, and everything is required here: {report.longrepr}"
    return report


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave tests out that would be deselected and that import what is missing then."""
    deselected = config.option.markexpr == "not wider"
    importing = {"browser", "test_generated_requests.py"}
    return True if deselected and collection_path.name in importing else None
