"""What a server's data folder, its database and its ledger hold, looked at from outside."""

import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bson
import httpx2
from pymongo import MongoClient
from pymongo.database import Database

from chronicle.ledger.checkpoints import parse_checkpoint
from chronicle.ledger.merkle import leaf_hash, root_of
from chronicle.ledger.notes import Verifier, parse_note, verified_by
from chronicle.ledger.tiles import ENTRIES, WIDTH, split_entries, tile_in
from tests.running_server import NO_AUTHORITIES, Person, RunningServer

UPLOADS = "/api/web3/uploads"


def drafts(server: RunningServer) -> list[str]:
    """Files of uploads that are on their way in."""
    incoming = server.data_dir / "content" / "incoming"
    assert incoming.is_dir()
    return [str(path) for path in incoming.rglob("*") if path.is_file()]


def contents(server: RunningServer) -> set[str]:
    """The names (CIDs) of the contents that are kept."""
    folder = server.data_dir / "content"
    files = {path for path in folder.rglob("*") if path.is_file()}
    return {path.name for path in files if not path.is_relative_to(folder / "incoming")}


def database_content(server: RunningServer) -> bytes:
    """All that lies in a server's database, as it lies there."""
    with _mongo_of(server) as mongo:
        if mongo is None:
            files = sorted(server.data_dir.glob("chronicle.db*"))
            assert files
            return b"".join(file.read_bytes() for file in files)
        found = [one for name in mongo.list_collection_names() for one in mongo[name].find()]
    assert found
    return b"".join(map(bson.encode, found))


@contextmanager
def _mongo_of(server: RunningServer) -> Iterator[Database[dict[str, Any]] | None]:
    """A server's MongoDB database; None for one that has SQLite."""
    url = server.environment().get("CHRONICLE_DATABASE_URL")
    if url is None:
        yield None
        return
    client: MongoClient[dict[str, Any]]
    with MongoClient(url) as client:
        yield client.get_default_database()


def put(person: Person, content: bytes, name: str = "a.bin") -> httpx2.Response:
    """Ask to store a file, by raw body."""
    return person.client.post(
        UPLOADS,
        content=content,
        params={"name": name, "visibility": "public"},
        headers={"Content-Type": "application/octet-stream"},
    )


def listed(person: Person) -> list[dict[str, Any]]:
    """All of a person's uploads, newest first."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        params = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
        page = person.client.get(UPLOADS, params=params)
        assert page.status_code == 200, page.text
        found += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return found


@dataclass(frozen=True, slots=True)
class Log:
    """The published log as anybody can read it, checked against its key."""

    size: int
    root: bytes
    entries: tuple[bytes, ...]

    def assert_begins_with(self, earlier: "Log") -> None:
        """Nothing that was published before has changed, moved or gone."""
        assert self.size >= earlier.size
        assert self.entries[: earlier.size] == earlier.entries


def log_key(server: RunningServer) -> str:
    """The log's verifier key."""
    return httpx2.get(f"{server.url}/api/web3/log/key", verify=NO_AUTHORITIES).text.strip()


def read_log(server: RunningServer, key: str) -> Log:
    """Fetch the whole log; its root is worked out anew from the entries."""
    base = f"{server.url}/api/web3/log"
    with httpx2.Client(timeout=20, verify=NO_AUTHORITIES) as client:
        note = parse_note(client.get(f"{base}/checkpoint").content)
        assert verified_by(note, [Verifier.parse(key)]), "the checkpoint is not signed by the log"
        head = parse_checkpoint(note.text).head
        entries: list[bytes] = []
        for index in range(-(-head.size // WIDTH)):
            tile = client.get(f"{base}/{tile_in(ENTRIES, index, head.size).path}")
            assert tile.status_code == 200, tile.text
            entries += split_entries(tile.content)
    assert len(entries) == head.size
    assert root_of([leaf_hash(entry) for entry in entries]) == head.root
    assert len(set(entries)) == len(entries), "an entry stands twice"
    return Log(head.size, head.root, tuple(entries))


def assert_proven(proof: bytes, content: bytes, key: str, folder: Path) -> None:
    """`chronicle verify` in a process of its own holds the proof to be true of these bytes."""
    (folder / "file").write_bytes(content)
    (folder / "file.tlog-proof").write_bytes(proof)
    ended = subprocess.run(
        [sys.executable, "-m", "chronicle", "verify", "file.tlog-proof", "file", "--key", key],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def make_sign_in_older(person: Person, *, minutes: int) -> None:
    """Let a person's session have been granted that much earlier, and renew its tokens."""
    session_id = uuid.UUID(person.session["session_id"]).bytes
    micros = minutes * 60 * 1_000_000
    with _mongo_of(person.server) as mongo:
        if mongo is not None:
            which = {"_id": session_id}
            changed = mongo["sessions"].update_one(which, {"$inc": {"created_at": -micros}})
            assert changed.modified_count == 1
        else:
            path = person.server.data_dir / "chronicle.db"
            with closing(sqlite3.connect(path, timeout=10)) as database, database:
                database.execute(
                    "UPDATE sessions SET created_at = created_at - ? WHERE id = ?",
                    (micros, session_id),
                )
    answer = person.client.post(
        "/api/auth/refresh", json={"refresh_token": person.session["refresh_token"]}
    )
    assert answer.status_code == 200, answer.text
    person.session = answer.json()
    person.client.headers["Authorization"] = f"Bearer {person.session['access_token']}"


def epochs_of_live_sessions(person: Person) -> dict[str, int]:
    """The security epoch of each session that has not ended and is of the account's epoch."""
    account = uuid.UUID(person.session["user"]["id"]).bytes
    with _mongo_of(person.server) as mongo:
        if mongo is not None:
            owner = mongo["accounts"].find_one({"_id": account})
            assert owner is not None
            live = {"account_id": account, "epoch": owner["epoch"], "ended_at": None}
            rows = [(one["_id"], one["epoch"]) for one in mongo["sessions"].find(live)]
        else:
            with closing(sqlite3.connect(person.server.data_dir / "chronicle.db")) as db:
                rows = db.execute(
                    "SELECT s.id, s.epoch FROM sessions s JOIN accounts a ON a.id = s.account_id "
                    "WHERE a.id = ? AND s.epoch = a.epoch AND s.ended_at IS NULL",
                    (account,),
                ).fetchall()
    return {str(uuid.UUID(bytes=session)): epoch for session, epoch in rows}
