"""`chronicle check-settings`: what this instance would run with, and why."""

from chronicle import settings


def check_settings() -> None:
    """Print each setting, its value with secrets hidden, and where it comes from.

    Exits 2 and lists every mistake when the settings can't be used.
    """
    rows = [("setting", "value", "source"), *settings.load_here().listing()]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for name, value, source in rows:
        print(f"{name:<{widths[0]}}  {value or '(not set)':<{widths[1]}}  {source}")
