"""What every test shares: with CHRONICLE_TEST_REQUIRE_ALL=1 a test that skips has failed."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

REQUIRE_ALL = os.environ.get("CHRONICLE_TEST_REQUIRE_ALL") == "1"


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
