"""The page about limits has the numbers that hold."""

from pathlib import Path

from chronicle.security import budgets
from chronicle.security.limits import Budget, Window

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"
LENGTHS = {60: "1 minute", 3600: "1 hour", 86_400: "1 day"}


def rows(budget: Budget) -> list[str]:
    return [
        f"| `{budget.name}` | {scope} | {in_words(windows)} |"
        for scope in ("address", "identifier", "mailbox", "user")
        if (windows := getattr(budget, scope))
    ]


def in_words(windows: tuple[Window, ...]) -> str:
    return ", ".join(f"{window.count} in {LENGTHS[window.seconds]}" for window in windows)


def test_the_page_about_limits_lists_the_budgets_that_there_are() -> None:
    listed = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "| `" in line]
    assert listed == [row for budget in budgets.ALL for row in rows(budget)]
