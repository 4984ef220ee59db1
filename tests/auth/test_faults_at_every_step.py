"""What people do, where each single call to the database, shared state or the mailer fails once.

A client that got no answer sends the same again. Whichever call failed or was broken off, and
whether or not it had persisted, that ends as it was promised: nothing is lost or done twice, no
session is there without its event, and nothing is said to be done that is not.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from chronicle.adapters.database.grants_in_parts import GrantsInParts
from chronicle.auth.sessions import SignedIn
from chronicle.errors import Failure, Unavailable
from tests.auth.conftest import Desk, furnish
from tests.auth.flows import FLOWS, Flow
from tests.fakes.auth import InMemoryTickets, KeptMailer
from tests.fakes.database.rows import MemoryDatabase
from tests.fakes.database.tables import memory_tables
from tests.fakes.faults import Fault, Faults, Slow

FATES: dict[str, Callable[[], Fault | Slow]] = {
    "fails": lambda: Fault.FAILS,
    "fails after it persisted": lambda: Fault.FAILS_AFTER_IT_PERSISTED,
    "is broken off": Slow,
    "is broken off after it persisted": lambda: Slow(after_it_persisted=True),
}

# Where the change itself is made, or what is void by then is tidied away.
OWNER_IS_TOLD_ALL_THE_SAME = {
    "accounts.change_email",
    "accounts.change_password",
    "known_devices.of_account",
    "known_devices.revoke",
}


class Run:
    """A flow in a world of its own, up to where its client sends."""

    def __init__(self, flow: Flow, *, in_parts: bool) -> None:
        self.flow, self.faults, self.database = flow, Faults(), MemoryDatabase()
        tables = memory_tables(self.database, self.faults)
        if in_parts:
            grants = GrantsInParts(
                events=tables.events,
                sessions=tables.sessions,
                guess_counts=tables.guess_counts,
                known_devices=tables.known_devices,
            )
            tables = replace(tables, grants=grants)
        tickets, mailer = InMemoryTickets(self.faults), KeptMailer(self.faults)
        self.desk: Desk = furnish(tables, tickets, mailer, self.database)

    async def prepare(self) -> int:
        """The number of the first step of what is sent."""
        self.prepared = await self.flow.prepare(self.desk)
        return len(self.faults.steps)

    async def send(self, fate: Fault | Slow | None = None) -> Any:
        """What the client is answered; None where it never is."""
        sending = asyncio.ensure_future(self.flow.send(self.desk, self.prepared))
        if isinstance(fate, Slow):
            await fate.holds(sending)
            sending.cancel()
        with suppress(asyncio.CancelledError):
            try:
                return await sending or "done"
            except Failure as failure:
                return failure
        return None

    def facts(self) -> dict[str, Any]:
        """What must not be lost or doubled."""
        accounts = self.database.accounts.values()
        return {
            "accounts": [
                (one.email_index, one.email_verified, one.password_hash is None) for one in accounts
            ],
            "ledger entries": len(self.database.credential_changes),
        }

    def told(self) -> Any:
        """What the owner is told of it, by mail and in the history."""
        events = self.database.events.values()
        mails = Counter(mail.to for mail in self.desk.mailer.sent)
        return mails, Counter((event.kind, event.outcome) for event in events)

    def no_session_is_without_its_event(self) -> bool:
        events = self.database.events.values()
        noted = {event.session_id for event in events if event.outcome == "granted"}
        return self.database.sessions.keys() <= noted


async def undisturbed(flow: Flow, *, in_parts: bool) -> tuple[Run, list[str]]:
    """A run that nothing befell, and the steps of what was sent."""
    run = Run(flow, in_parts=in_parts)
    first = await run.prepare()
    assert not isinstance(await run.send(), Failure)
    run.desk.hashing.close()
    return run, run.faults.steps[first:]


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("name", FLOWS)
async def test_whichever_step_breaks_what_was_promised_is_kept(name: str, fate: str) -> None:
    await break_each_step(FLOWS[name], fate)


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("name", [name for name in FLOWS if name.startswith(("sign ", "take "))])
async def test_the_same_where_a_session_and_its_event_are_no_single_write(
    name: str, fate: str
) -> None:
    await break_each_step(FLOWS[name], fate, in_parts=True)


async def break_each_step(flow: Flow, fate: str, *, in_parts: bool = False) -> None:
    calm, steps = await undisturbed(flow, in_parts=in_parts)
    for number, step in enumerate(steps):
        run = Run(flow, in_parts=in_parts)
        first = await run.prepare()
        run.faults.at[first + number] = befalls = FATES[fate]()
        answer = await run.send(befalls)
        again = answer is None or isinstance(answer, Unavailable)
        if again:
            answer = await run.send()
        if isinstance(answer, Failure):
            assert again, (step, answer)
            hung_up = flow.broken_off if isinstance(befalls, Slow) else ()
            assert answer.code in flow.done_before + hung_up, (step, answer)
        if isinstance(answer, SignedIn):
            await run.desk.keeping.identify(answer.access_token)
        assert run.facts() == calm.facts(), step
        if step in OWNER_IS_TOLD_ALL_THE_SAME and isinstance(befalls, Fault):
            assert run.told() == calm.told(), step
        await flow.promised(run.desk, run.prepared)
        assert run.no_session_is_without_its_event(), step
        run.desk.hashing.close()
