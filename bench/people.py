"""Accounts made beside the server, hundreds at once, where signing them up is not what is asked."""

import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from chronicle.adapters import keys_file
from chronicle.adapters.database.sqlite.accounts import SqliteAccounts
from chronicle.adapters.database.sqlite.engine import Engine
from chronicle.adapters.database.sqlite.migrate import migrate
from chronicle.security.encryption import BlindIndex, FieldCipher
from chronicle.users.accounts import AccountBook, NewAccount
from chronicle.users.emails import parse_email
from chronicle.users.ports import AccountId
from chronicle.world import World

_WITHOUT = "UPDATE accounts SET sealed_password_hash = NULL WHERE id = ?"


async def make_accounts(
    data: Path, password_hash: str, known: Sequence[str], without_password: Sequence[str]
) -> None:
    """Accounts in the data folder of a server that does not run yet, with its keys."""
    ring = keys_file.load_or_create(data / "keys.json")
    migrate(data / "chronicle.db")
    engine = Engine(data / "chronicle.db")
    book = AccountBook(SqliteAccounts(engine), FieldCipher(ring), BlindIndex(ring), World())
    try:
        for email in (*known, *without_password):
            account_id = AccountId(book.world.new_id())
            await book.open(NewAccount(account_id, parse_email(email), True, None, password_hash))
            if email in without_password:
                await engine.write(partial(_forget_password, account_id))
    finally:
        engine.close()


def _forget_password(account_id: AccountId, database: sqlite3.Connection) -> None:
    database.execute(_WITHOUT, (account_id,))
