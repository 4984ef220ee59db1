"""Reads that gather an account with its histories: one statement, so as at one moment."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from chronicle.adapters.database.sqlite import events, sessions, uploads
from chronicle.adapters.database.sqlite.engine import Engine, to_micros
from chronicle.overview.ports import GatheredRecords, Part
from chronicle.users.ports import AccountId

# ?1 and ?2: now; ?3: the account; ?4: how many of each part.
_PROFILE = f"SELECT {sessions.OWNER_COLUMNS} FROM accounts a WHERE a.id = ?3 LIMIT ?4"
_PARTS: dict[Part, tuple[str, str, Callable[[Any], Any]]] = {
    Part.LOGIN_EVENTS: (
        events.COLUMNS,
        f"SELECT {events.COLUMNS} FROM events WHERE account_id = ?3 ORDER BY id DESC LIMIT ?4",
        events.from_row,
    ),
    Part.SESSIONS: (sessions.COLUMNS, sessions.LIVE_OF, sessions.from_row),
    Part.UPLOADS: (
        uploads.COLUMNS,
        f"SELECT {uploads.COLUMNS} FROM uploads WHERE account_id = ?3 ORDER BY id DESC LIMIT ?4",
        uploads.from_row,
    ),
}
_WIDEST = max(len(columns.split(", ")) for columns, _, _ in _PARTS.values())


class SqliteOverviews:
    """`overview.ports.Overviews` on SQLite."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def gather(
        self, account_id: AccountId, parts: frozenset[Part], *, now: datetime, limit: int
    ) -> GatheredRecords | None:
        """The profile with the newest of each part."""
        micros = to_micros(now)
        rows = self._engine.all(_statement(parts), (micros, micros, account_id, limit))
        if not rows:
            return None
        of_part: dict[str, list[Any]] = {part: [] for part in Part}
        for part, *row in rows[1:]:
            of_part[part].append(_PARTS[Part(part)][2](row))
        return GatheredRecords(
            profile=sessions.owner(rows[0][1:]),
            login_events=of_part[Part.LOGIN_EVENTS],
            sessions=of_part[Part.SESSIONS],
            uploads=of_part[Part.UPLOADS],
        )


@cache
def _statement(parts: frozenset[Part]) -> str:
    """The rows of all parts under each other, each as wide as the widest, and led by its name."""
    arms = [_arm("profile", sessions.OWNER_COLUMNS, _PROFILE)]
    arms += [_arm(part, _PARTS[part][0], _PARTS[part][1]) for part in Part if part in parts]
    return " UNION ALL ".join(arms)


def _arm(name: str, columns: str, select: str) -> str:
    padding = ", NULL" * (_WIDEST - len(columns.split(", ")))
    return f"SELECT '{name}', *{padding} FROM ({select})"
