"""kill -9 at any moment: what was acknowledged is there, nothing twice, nothing half done."""

import contextlib
import itertools
import os
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from chronicle.ledger.bundles import parse_bundle
from chronicle.ledger.merkle import leaf_hash
from chronicle.ledger.notes import Verifier
from chronicle.ledger.verify import Outcome, verify
from chronicle.uploads.unixfs import compute_cid
from tests.running_server import Person, RunningServer, eventually
from tests.stored import (
    UPLOADS,
    Log,
    assert_proven,
    contents,
    drafts,
    listed,
    log_key,
    put,
    read_log,
)

SHARED = b"the same bytes from everybody" * 1000
UPLOADERS = 4
NEWCOMERS = 2


@dataclass
class Acknowledged:
    """What the server has said is done, over all its lives."""

    uploads: dict[str, bytes] = field(default_factory=dict)
    indexes: dict[str, int] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)
    attempted: set[bytes] = field(default_factory=set)
    looked_at: set[str] = field(default_factory=set)
    log: Log | None = None

    @property
    def count(self) -> int:
        return len(self.uploads) + len(self.people)


class Storm:
    """Uploads and sign-ups from many sides until the server is killed."""

    def __init__(self, ada: Person, key: str, so_far: Acknowledged, seed: int) -> None:
        self.server, self.ada, self.key = ada.server, ada, key
        self.so_far, self.seed = so_far, seed
        self.troubles: list[str] = []
        self.over = threading.Event()

    def until_killed(self) -> None:
        """Kill the server once so and so many more things have been acknowledged."""
        chance = random.Random(self.seed)
        goal = self.so_far.count + chance.randrange(1, 40)
        work = [self.upload] * UPLOADERS + [self.join] * NEWCOMERS + [self.watch]
        with ThreadPoolExecutor(len(work)) as pool:
            jobs = [pool.submit(each, number) for number, each in enumerate(work)]
            try:
                eventually(lambda: self.so_far.count >= goal, within_seconds=30)
            finally:
                self.server.kill()
                self.over.set()
            for job in jobs:
                job.result(30)
        assert not self.troubles

    def upload(self, number: int) -> None:
        chance = random.Random(self.seed * 1000 + number)
        for turn in itertools.takewhile(lambda _: not self.over.is_set(), itertools.count()):
            content = SHARED if chance.random() < 0.2 else os.urandom(chance.randrange(1, 200_000))
            self.so_far.attempted.add(content)
            try:
                answer = put(self.ada, content, f"{self.seed}-{number}-{turn}")
            except httpx2.TransportError:
                return
            if answer.status_code != 201:
                self.troubles.append(answer.text)
                return
            event = answer.json()
            self.so_far.uploads[event["id"]] = content
            if event["ledger"]["index"] is not None:
                self.so_far.indexes[event["id"]] = event["ledger"]["index"]

    def join(self, number: int) -> None:
        for turn in itertools.takewhile(lambda _: not self.over.is_set(), itertools.count()):
            person = Person(self.server, f"p{self.seed}-{number}-{turn}@example.org")
            with contextlib.closing(person.client):
                try:
                    self.so_far.people.append(person.sign_up())
                except httpx2.TransportError:
                    return

    def watch(self, _number: int) -> None:
        while not self.over.is_set():
            try:
                log = read_log(self.server, self.key)
            except httpx2.TransportError:
                return
            if self.so_far.log is not None:
                log.assert_begins_with(self.so_far.log)
            self.so_far.log = log


def assert_all_there(ada: Person, key: str, so_far: Acknowledged) -> None:
    server = ada.server
    eventually(lambda: all(item["ledger"]["index"] is not None for item in listed(ada)))
    kept = {item["id"]: item for item in listed(ada)}
    assert so_far.uploads.keys() <= kept.keys(), "an acknowledged upload is lost"
    assert len(kept) == len(listed(ada)), "an upload is there twice"
    names = [item["name"] for item in kept.values()]
    assert len(set(names)) == len(names), "an upload was taken twice"
    for upload_id, index in so_far.indexes.items():
        assert kept[upload_id]["ledger"]["index"] == index
    assert not drafts(server)
    assert contents(server) == {item["cid"] for item in kept.values()}
    assert_log_whole(server, key, so_far, list(kept.values()))
    fresh = kept.keys() - so_far.looked_at
    older = random.Random(len(kept)).sample(
        sorted(so_far.looked_at), min(10, len(so_far.looked_at))
    )
    assert_contents_whole(ada, so_far, [*fresh, *older])
    so_far.looked_at |= fresh
    for person in so_far.people[-5:]:
        assert_signed_in(person)


def assert_log_whole(
    server: RunningServer, key: str, so_far: Acknowledged, kept: list[dict[str, dict[str, int]]]
) -> None:
    log = read_log(server, key)
    if so_far.log is not None:
        log.assert_begins_with(so_far.log)
    so_far.log = log
    indexes = [item["ledger"]["index"] for item in kept]
    assert len(set(indexes)) == len(indexes), "two uploads have one place in the ledger"
    for item in kept:
        hashed = leaf_hash(log.entries[item["ledger"]["index"]]).hex()
        assert hashed == item["ledger"]["leaf_hash"]


def assert_contents_whole(ada: Person, so_far: Acknowledged, ids: list[str]) -> None:
    trusted = [Verifier.parse(log_key(ada.server))]
    attempted = {cid_of(content): content for content in so_far.attempted}
    for upload_id in ids:
        one = f"{UPLOADS}/{upload_id}"
        # Also what was never acknowledged is whole, if it is there.
        content = so_far.uploads.get(upload_id)
        if content is None:
            content = attempted[ada.client.get(one).json()["cid"]]
        assert ada.client.get(f"{one}/content").content == content
        bundle = parse_bundle(ada.client.get(f"{one}/proof").content)
        assert verify(bundle, trusted=trusted).outcome is Outcome.PROVEN


def cid_of(content: bytes) -> str:
    return compute_cid([content])


def assert_signed_in(person: Person) -> None:
    """Their session goes on, and their password works."""
    token = person.session["access_token"]
    read = httpx2.get(
        f"{person.server.url}/api/auth/user", headers={"Authorization": f"Bearer {token}"}
    )
    assert read.status_code == 200, read.text
    assert read.json()["email"] == person.email


def run_storms(ada: Person, folder: Path, seeds: range) -> None:
    key, so_far = log_key(ada.server), Acknowledged()
    for seed in seeds:
        Storm(ada, key, so_far, seed).until_killed()
        ada.server.start()
        assert_all_there(ada, key, so_far)
        assert "a request failed" not in ada.server.log
    upload_id, content = next(iter(so_far.uploads.items()))
    proof = ada.client.get(f"{UPLOADS}/{upload_id}/proof").content
    assert_proven(proof, content, key, folder)


def test_a_server_killed_in_a_storm_loses_nothing(ada: Person, tmp_path: Path) -> None:
    run_storms(ada, tmp_path, range(1, 3))


@pytest.mark.wider
def test_a_server_killed_twenty_times_in_storms_loses_nothing(ada: Person, tmp_path: Path) -> None:
    run_storms(ada, tmp_path, range(100, 120))


@pytest.mark.wider
def test_a_server_killed_on_its_way_up_starts_all_the_same(
    ada: Person, new_person: Callable[[RunningServer, str], Person]
) -> None:
    server, key = ada.server, log_key(ada.server)
    event = put(ada, b"kept").json()
    server.kill()
    for milestone in ("chronicle.db", "owner.lock", "incoming", "valkey.log", "/ledger"):
        server.start(until=None)
        eventually(lambda milestone=milestone: has_opened(server, milestone))
        server.kill()
    server.start()
    assert ada.client.get(f"{UPLOADS}/{event['id']}/content").content == b"kept"
    assert new_person(server, "eve").session
    assert read_log(server, key).size >= 2


def has_opened(server: RunningServer, name: str) -> bool:
    """Whether the server got as far as this file; also when it is ready, lest one waits in vain."""
    with contextlib.suppress(OSError):
        opened = [str(file.readlink()) for file in Path(f"/proc/{server.pid}/fd").iterdir()]
        if any(name in path for path in opened):
            return True
    with contextlib.suppress(httpx2.TransportError):
        return httpx2.get(f"{server.url}/health/live").status_code == 200
    return False
