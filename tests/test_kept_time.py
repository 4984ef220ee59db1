"""How long a whole application keeps things, by a clock that tests own."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest

from chronicle.api.app import ChronicleApp
from chronicle.api.application import Application
from chronicle.api.log_lines import AccessLog
from chronicle.errors import Unauthenticated
from chronicle.security.known_devices import Presented
from chronicle.security.mailed_tokens import TokenPurpose
from chronicle.settings import load
from chronicle.users.emails import parse_email
from chronicle.wiring import assembly, open_application
from chronicle.worker import schedule
from chronicle.worker.schedule import Chore
from chronicle.world import World
from tests.running_server import CHEAP_HASHES, PASSWORD, free_port
from tests.test_clock import BROWSER, Machine, signed_up

ADA = parse_email("ada@example.org")
NEXT = parse_email("ada@next.example.org")

# What lies in the database for a while only.
ROWS = {
    "blocks": "blocks",
    "devices": "known_devices",
    "events": "events WHERE entry IS NULL",  # the others may wait for the ledger
    "former addresses": "accounts WHERE sealed_former_emails IS NOT NULL",
    "guesses": "guess_counts",
    "mails": "mails",
    "sessions": "sessions",
    "successors": "sessions WHERE sealed_successor IS NOT NULL",
    "tokens": "mailed_tokens",
}


class Running:
    """An application, and what comes round in it, which does so when a test says so."""

    def __init__(self, app: Application, machine: Machine, chores: Sequence[Chore]) -> None:
        self.app, self.machine, self._chores = app, machine, chores

    async def chores_come_round(self) -> None:
        for chore in self._chores:
            await chore.do()

    def rows(self) -> dict[str, int]:
        path = self.app.settings.data_dir / "chronicle.db"
        with closing(sqlite3.connect(path)) as database:
            return {
                name: database.execute(f"SELECT count(*) FROM {rows}").fetchone()[0]
                for name, rows in ROWS.items()
            }

    async def newest_code(self) -> str:
        await self.app.mail_settled()
        assert self.app.outbox is not None
        return (await self.app.outbox.newest(1))[0].subject.split()[0]


Start = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    machine, chores = Machine(), list[Chore]()
    machine.time = World().now()  # Valkey has the real time

    def overheard(jobs: Any, what: Sequence[Chore], locks: Any) -> Any:
        chores.extend(what)
        return schedule.running(jobs, what, locks)

    monkeypatch.setattr(assembly, "running", overheard)

    @asynccontextmanager
    async def start(**chosen: str) -> AsyncIterator[Running]:
        own = {"CHRONICLE_PORT": str(free_port()), "CHRONICLE_DATA_DIR": str(tmp_path / "data")}
        async with open_application(load({**CHEAP_HASHES, **own, **chosen}), machine.world) as app:
            yield Running(app, machine, chores)

    return start


async def leave_one_of_each(running: Running) -> None:
    app = running.app
    refresh_token, _ = await signed_up(app, ADA.entered)
    session = await app.sessions.rotate(refresh_token, BROWSER)
    identity, _ = await app.sessions.identify(session.access_token)
    issued = await app.email_change.start_change(identity.account_id, NEXT)
    code = await running.newest_code()
    await app.email_change.finish(identity, issued.ticket, code, BROWSER)
    await app.sign_in.with_password(NEXT, PASSWORD, BROWSER, device=Presented(keeps=True))
    with pytest.raises(Unauthenticated):
        await app.sign_in.with_password(NEXT, "wrong", BROWSER)
    await app.lock.tokens.issue(
        TokenPurpose.UNLOCK, identity.account_id, epoch=1, lifetime=timedelta(minutes=10)
    )
    await app.blocklist.add("203.0.113.0/24", "scans", timedelta(hours=1))
    await app.mail_settled()


async def test_what_is_of_no_use_any_more_is_forgotten(start: Start) -> None:
    async with start() as running:
        await leave_one_of_each(running)
        await running.chores_come_round()
        assert [name for name, count in running.rows().items() if not count] == []
        running.machine.pass_time(11)
        await running.chores_come_round()
        assert [name for name, count in running.rows().items() if not count] == ["successors"]
        running.machine.pass_time(timedelta(days=366).total_seconds())
        await running.chores_come_round()
        assert [name for name, count in running.rows().items() if count] == []


async def test_events_and_mails_are_kept_for_as_many_days_as_the_settings_say(
    start: Start,
) -> None:
    async with start(CHRONICLE_EVENT_DAYS="2", CHRONICLE_MAIL_DAYS="5") as running:
        await leave_one_of_each(running)

        async def kept() -> tuple[bool, bool]:
            await running.chores_come_round()
            rows = running.rows()
            return rows["events"] > 0, rows["mails"] > 0

        day = timedelta(days=1).total_seconds()
        running.machine.pass_time(2 * day)
        assert await kept() == (True, True)
        running.machine.pass_time(1)
        assert await kept() == (False, True)
        running.machine.pass_time(3 * day - 1)
        assert await kept() == (False, True)
        running.machine.pass_time(1)
        assert await kept() == (False, False)


async def test_a_session_and_its_cookie_live_as_long_as_the_settings_say(start: Start) -> None:
    lifetimes = {
        "CHRONICLE_REFRESH_IDLE_SECONDS": "1000",
        "CHRONICLE_REFRESH_ABSOLUTE_SECONDS": "2500",
    }
    async with start(**lifetimes) as running:
        await signed_up(running.app, ADA.entered)
        transport = httpx2.ASGITransport(app=ChronicleApp(running.app, AccessLog(BytesIO())))
        base_url = running.app.settings.base_url
        async with httpx2.AsyncClient(transport=transport, base_url=base_url) as browser:

            async def seconds(path: str, body: Mapping[str, str] | None = None) -> int:
                """For how long the browser is to keep the cookie."""
                answer = await browser.post(f"/api/auth/{path}", json=body)
                assert answer.status_code == 200, answer.text
                cookie = next(
                    each
                    for each in answer.headers.get_list("set-cookie")
                    if each.startswith("chronicle_refresh=")
                )
                return int(cookie.partition("Max-Age=")[2].partition(";")[0])

            who = {"email": ADA.entered, "password": PASSWORD}
            assert await seconds("login", who) == 1000
            running.machine.pass_time(999)
            assert await seconds("refresh") == 1000
            running.machine.pass_time(999)
            assert await seconds("refresh") == 2500 - 2 * 999
            running.machine.pass_time(2500 - 2 * 999)
            assert (await browser.post("/api/auth/refresh")).status_code == 401
            await seconds("login", who)
            running.machine.pass_time(1000)
            assert (await browser.post("/api/auth/refresh")).status_code == 401
