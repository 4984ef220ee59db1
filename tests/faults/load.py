"""People at work on a server while something breaks, and what of it must hold afterwards.

Everything that was answered with success is acknowledged, and must be there when the fault is over:
once, and with nothing more that is not let in. What was refused, or never answered, may have come
about or not, but never half.
"""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.running_server import PASSWORD, Person, RunningServer, eventually, insist
from tests.stored import UPLOADS, Log, listed, log_key, read_log

SECOND_PASSWORD = "nine lanterns under the old bridge"
_RECOVERS_WITHIN_SECONDS = 30.0


@dataclass
class Tally:
    """One kind of work: how often it was asked for and acknowledged, and its longest outage."""

    sent: int = 0
    acknowledged: int = 0
    last_success: float = field(default_factory=time.monotonic)
    longest_outage: float = 0.0

    def note(self, succeeded: bool) -> None:
        self.sent += 1
        if succeeded:
            self.acknowledged += 1
            now = time.monotonic()
            self.longest_outage = max(self.longest_outage, now - self.last_success)
            self.last_success = now


@dataclass
class Figures:
    """What is reported of one run."""

    sent: int
    acknowledged: int
    lost: int
    double: int
    wrongly_admitted: int
    longest_outage_seconds: float
    recovery_seconds: float

    @property
    def failed(self) -> int:
        return self.sent - self.acknowledged


class Load:
    """Uploads, sign-ups, sign-ins, sign-outs, new passwords and reads, all at once, until over."""

    def __init__(self, server: RunningServer, name: str) -> None:
        self.server, self.name = server, name
        self.over = threading.Event()
        self.tallies: dict[str, Tally] = {}
        self.troubles: list[str] = []
        self.uploads: dict[str, str] = {}
        self.people: list[str] = []
        self.spent_tickets: list[tuple[str, str]] = []
        self.ended_tokens: list[str] = []
        self.log: Log | None = None
        self.uploader, self.visitor, self.changer = (
            self._person(f"{name}-{role}").sign_up() for role in ("ada", "bea", "cia")
        )
        self.password, self.perhaps = PASSWORD, PASSWORD

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Let everybody work while the block runs; then they finish what they have in hand."""
        work: dict[str, Callable[[int], bool]] = {
            "upload": self._upload,
            "join": self._join,
            "visit": self._visit,
            "change": self._change_password,
            "read": self._read,
            "watch": self._watch_log,
        }
        self.tallies = {kind: Tally() for kind in work}
        with ThreadPoolExecutor(len(work)) as pool:
            jobs: list[Future[None]] = [
                pool.submit(self._repeat, kind, do) for kind, do in work.items()
            ]
            try:
                yield
            finally:
                self.over.set()
        for job in jobs:
            job.result()
        assert not self.troubles, self.troubles

    def await_progress(self, *, steps: int = 3) -> float:
        """Wait until every kind of work has succeeded so often; how many seconds that took."""
        started = time.monotonic()
        goals = {kind: tally.acknowledged + steps for kind, tally in self.tallies.items()}
        eventually(
            lambda: all(self.tallies[kind].acknowledged >= goal for kind, goal in goals.items()),
            within_seconds=_RECOVERS_WITHIN_SECONDS,
        )
        return time.monotonic() - started

    def _repeat(self, kind: str, do: Callable[[int], bool]) -> None:
        tally = self.tallies[kind]
        for turn in itertools.takewhile(lambda _: not self.over.is_set(), itertools.count()):
            try:
                tally.note(do(turn))
            except httpx2.TransportError:
                tally.note(False)
            except AssertionError as error:
                self.troubles.append(f"{kind}: {error}")
                return

    def _answered(self, answer: httpx2.Response, *refusals: str) -> bool:
        """Whether it was acknowledged; what is neither that nor a proper refusal is a trouble."""
        if answer.is_success:
            return True
        code = answer.json()["code"]
        assert answer.status_code == 503 or code in refusals, f"{answer.status_code} {answer.text}"
        assert answer.status_code != 503 or "retry-after" in answer.headers
        return False

    def _upload(self, turn: int) -> bool:
        name = f"{self.name}-{turn}"
        content = os.urandom(2000)
        headers = {"Content-Type": "application/octet-stream", "Idempotency-Key": name}
        query = {"name": name, "visibility": "public"}
        # Until it is acknowledged: a reply that was lost is found again by its key.
        while True:
            with contextlib.suppress(httpx2.TransportError):
                answer = self.uploader.client.post(
                    UPLOADS, content=content, params=query, headers=headers
                )
                if self._answered(answer):
                    self.uploads[name] = answer.json()["id"]
                    return True
            self.tallies["upload"].note(False)
            if self.over.is_set():
                return False

    def _join(self, turn: int) -> bool:
        person = self._person(f"{self.name}-new-{turn}")
        with contextlib.closing(person.client):
            begun = person.client.post(
                "/api/auth/register", json={"email": person.email, "password": PASSWORD}
            )
            if not self._answered(begun):
                return False
            told = self._code(person)
            if told is None:
                return False
            ticket = begun.json()["ticket"]
            answer = person.client.post(
                "/api/auth/register/verify",
                json={"ticket": ticket, "code": told, "token_transport": "body"},
            )
            if not self._answered(answer, "ticket_expired"):
                return False
            self.people.append(person.email)
            self.spent_tickets.append((ticket, told))
            return True

    def _code(self, person: Person) -> str | None:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            answer = person.client.get("/api/dev/outbox")
            if answer.is_success:
                for mail in answer.json()["items"]:
                    if mail["to"] == person.email:
                        code: str = mail["subject"].split(maxsplit=1)[0]
                        return code
        return None

    def _visit(self, _turn: int) -> bool:
        session = self._sign_in(self.visitor.email, PASSWORD)
        if session is None:
            return False
        token = {"Authorization": f"Bearer {session['access_token']}"}
        answer = httpx2.post(f"{self.server.url}/api/auth/logout", headers=token, timeout=20)
        # Whose sign-out failed to be answered may have been signed out all the same.
        if not self._answered(answer, "invalid_token"):
            return False
        self.ended_tokens.append(session["access_token"])
        return True

    def _change_password(self, turn: int) -> bool:
        new = SECOND_PASSWORD if self.password == PASSWORD else PASSWORD
        if turn and self.perhaps != self.password:
            # The last change was not acknowledged: find out if it came about.
            session = self._sign_in(self.changer.email, self.perhaps, "invalid_credentials")
            if session is None and self._sign_in(self.changer.email, self.password) is None:
                return False
            if session is not None:
                self.password = self.perhaps
            self.perhaps = self.password
            return False
        session = self._sign_in(self.changer.email, self.password)
        if session is None:
            return False
        self.perhaps = new
        answer = httpx2.post(
            f"{self.server.url}/api/auth/password/change",
            json={"password": self.password, "new_password": new},
            headers={"Authorization": f"Bearer {session['access_token']}"},
            timeout=20,
        )
        if not self._answered(answer):
            return False
        self.password = new
        return True

    def _read(self, _turn: int) -> bool:
        return self._answered(self.uploader.client.get("/api/auth/user"))

    def _watch_log(self, _turn: int) -> bool:
        try:
            log = read_log(self.server, log_key(self.server))
        except (httpx2.TransportError, AssertionError) as error:
            if "root" in str(error) or "twice" in str(error):
                raise
            return False
        if self.log is not None:
            log.assert_begins_with(self.log)
        self.log = log
        time.sleep(0.05)
        return True

    def _sign_in(
        self, email: str, password: str, *refusals: str, surely: bool = False
    ) -> dict[str, Any] | None:
        def ask() -> httpx2.Response:
            return httpx2.post(
                f"{self.server.url}/api/auth/login",
                json={"email": email, "password": password, "token_transport": "body"},
                timeout=20,
            )

        # Afterwards "not now" says nothing about what was kept: it is asked again.
        answer = insist(ask) if surely else ask()
        if not self._answered(answer, *refusals):
            return None
        session: dict[str, Any] = answer.json()
        return session

    def _person(self, name: str) -> Person:
        return Person(self.server, f"{name}@example.org")

    def figures(self, recovery_seconds: float) -> Figures:
        """Look at everything that was acknowledged, now that the fault is over."""
        kept = [item for item in listed(self.uploader) if item["name"].startswith(self.name)]
        ids, names = {item["id"] for item in kept}, [item["name"] for item in kept]
        lost = sum(upload_id not in ids for upload_id in self.uploads.values())
        lost += sum(self._sign_in(email, PASSWORD, surely=True) is None for email in self.people)
        changed = [self._lets_in(each) for each in (PASSWORD, SECOND_PASSWORD)]
        if self.perhaps == self.password:
            lost += not changed[self.password != PASSWORD]
        admitted = sum(changed) - 1 if sum(changed) else 0
        admitted += sum(map(self._is_live, self.ended_tokens))
        admitted += sum(self._is_taken(*spent) for spent in self.spent_tickets)
        tallies = self.tallies.values()
        for person in (self.uploader, self.visitor, self.changer):
            person.client.close()
        return Figures(
            sent=sum(tally.sent for tally in tallies),
            acknowledged=sum(tally.acknowledged for tally in tallies),
            lost=lost,
            double=len(names) - len(set(names)),
            wrongly_admitted=admitted,
            longest_outage_seconds=max(tally.longest_outage for tally in tallies),
            recovery_seconds=recovery_seconds,
        )

    def _lets_in(self, password: str) -> bool:
        email = self.changer.email
        return self._sign_in(email, password, "invalid_credentials", surely=True) is not None

    def _is_live(self, token: str) -> bool:
        answer = httpx2.get(
            f"{self.server.url}/api/auth/user", headers={"Authorization": f"Bearer {token}"}
        )
        return answer.status_code != 401

    def _is_taken(self, ticket: str, code: str) -> bool:
        answer = httpx2.post(
            f"{self.server.url}/api/auth/register/verify",
            json={"ticket": ticket, "code": code, "token_transport": "body"},
        )
        return answer.is_success
