"""Brings a database file up to date: numbered SQL files, applied once, in order, forward only."""

import re
import sqlite3
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from chronicle.adapters.database.sqlite.engine import connect


class DatabaseTooNew(Exception):
    """The file was written by a newer Chronicle; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: the version that the file has after it, its name, its statements."""

    version: int
    name: str
    script: str


def all_migrations() -> list[Migration]:
    """Every step there is, in order."""
    steps = []
    for file in files(__package__).joinpath("migrations").iterdir():
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name)
        if match:
            steps.append(Migration(int(match[1]), match[2], file.read_text(encoding="utf-8")))
    return sorted(steps, key=lambda step: step.version)


def migrate(path: Path, *, up_to: int | None = None) -> list[Migration]:
    """Apply the steps that the file lacks; which ones were applied.

    Each step commits together with the version it leads to, so a crash leaves a whole number of
    them. Two processes that start at once apply each step once.

    Raises:
        DatabaseTooNew: the file is ahead of this Chronicle; nothing was changed.
    """
    steps = [step for step in all_migrations() if up_to is None or step.version <= up_to]
    connection = connect(path)
    try:
        newest = steps[-1].version
        if _version(connection) > newest:
            raise DatabaseTooNew(
                f"{path} has version {_version(connection)}; this Chronicle knows {newest}. "
                "Start the newer one that wrote it."
            )
        return [step for step in steps if _apply(connection, step)]
    finally:
        connection.close()


def _apply(connection: sqlite3.Connection, step: Migration) -> bool:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _version(connection) >= step.version:
            connection.execute("ROLLBACK")
            return False
        for statement in _statements(step.script):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {step.version}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return True


def _statements(script: str) -> list[str]:
    # executescript() would commit first; so the script is taken apart at its own boundaries.
    statements, part = [], ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            statements.append(part)
            part = ""
    return statements


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
