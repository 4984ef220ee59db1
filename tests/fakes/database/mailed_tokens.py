"""The table of mailed tokens."""

from datetime import datetime

from chronicle.security.ports import MailedTokenRecord
from tests.fakes.database.rows import MemoryDatabase, refuse_second
from tests.fakes.faults import Faults, step


class InMemoryMailedTokens:
    """`security.ports.MailedTokens`."""

    label = "mailed_tokens"

    def __init__(self, database: MemoryDatabase, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self._rows, self._spent = database.mailed_tokens, database.spent_tokens

    @step
    def add(self, record: MailedTokenRecord) -> None:
        refuse_second(self._rows, record.hash)
        self._rows[record.hash] = record

    @step
    def find(self, token_hash: bytes, *, purpose: str, now: datetime) -> MailedTokenRecord | None:
        return self._good(token_hash, purpose, now)

    @step
    def spend(self, token_hash: bytes, *, purpose: str, now: datetime) -> MailedTokenRecord | None:
        token = self._good(token_hash, purpose, now)
        if token is not None:
            self._spent.add(token_hash)
        return token

    @step
    def claim(self, record: MailedTokenRecord, *, now: datetime) -> bool:
        if record.hash in self._rows:
            return False
        self._rows[record.hash] = record
        self._spent.add(record.hash)
        return True

    @step
    def forget(self, *, before: datetime) -> int:
        old = [token.hash for token in self._rows.values() if token.expires_at < before]
        for token_hash in old:
            del self._rows[token_hash]
            self._spent.discard(token_hash)
        return len(old)

    def _good(self, token_hash: bytes, purpose: str, now: datetime) -> MailedTokenRecord | None:
        token = self._rows.get(token_hash)
        if token is None or token_hash in self._spent:
            return None
        return token if token.purpose == purpose and now < token.expires_at else None
