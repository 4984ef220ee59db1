"""Entries through the sequencer into a real folder and a real database; proofs out of it."""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from bench import report
from bench.machine import SERVER_CORE, check_tools
from chronicle.adapters.database.sqlite.accounts import SqliteAccounts
from chronicle.adapters.database.sqlite.checkpoints import SqliteCheckpoints
from chronicle.adapters.database.sqlite.engine import Engine
from chronicle.adapters.database.sqlite.migrate import migrate
from chronicle.adapters.database.sqlite.uploads import SqliteUploads
from chronicle.adapters.tiles.folder import FolderTiles
from chronicle.ledger.entries import compose, open_fields
from chronicle.ledger.log_reader import LogReader
from chronicle.ledger.notes import Signer
from chronicle.ledger.sequencer import Sequencer
from chronicle.uploads.ports import UploadRecord
from chronicle.users.ports import AccountId, AccountRecord

# Past 65,536 entries a proof passes three levels of tiles, as it does at ten million.
_ENTRIES = 98_304
_PROOFS = 500
_AT_ONCE = 4096
_KEY = b"k" * 32
_KIND = "upload.received"
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_OWNER = AccountId(b"\1" * 16)
# On a disk, where /tmp often is not: a batch is synced many times.
_DISK_FOLDER = Path("/var/tmp")


def main() -> None:
    """Fill a log, then prove from it."""
    check_tools()
    with tempfile.TemporaryDirectory(dir=_DISK_FOLDER) as folder, _held_to_server_core():
        asyncio.run(_run(Path(folder)))


@contextmanager
def _held_to_server_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {SERVER_CORE})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def _run(folder: Path) -> None:
    migrate(folder / "chronicle.db")
    engine = Engine(folder / "chronicle.db")
    try:
        tiles = FolderTiles(folder / "ledger")
        uploads = SqliteUploads(engine)
        await SqliteAccounts(engine).add(_owner())
        await _fill(uploads)
        sequencer = Sequencer(
            store=tiles,
            checkpoints=SqliteCheckpoints(engine),
            sources=(uploads,),
            signer=Signer("bench.example/log", b"s" * 32),
            clock=lambda: _NOW,
        )
        await sequencer.start()
        appended = await _append(sequencer)
        _print(appended, await _prove(uploads, LogReader(tiles)))
    finally:
        engine.close()


async def _fill(uploads: SqliteUploads) -> None:
    for first in range(0, _ENTRIES, _AT_ONCE):
        numbers = range(first, first + _AT_ONCE)
        await asyncio.gather(*(uploads.add(_upload(number)) for number in numbers))


async def _append(sequencer: Sequencer) -> list[float]:
    """Entries a second, batch by batch."""
    rates: list[float] = []
    while True:
        started = time.perf_counter()
        placed = await sequencer.append_batch()
        if not placed:
            return rates
        rates.append(placed / (time.perf_counter() - started))


@dataclass(frozen=True, slots=True)
class _Proof:
    """What one proof took: milliseconds, bytes with every field opened, bytes without them."""

    milliseconds: float
    bundle_bytes: int
    proof_bytes: int


async def _prove(uploads: SqliteUploads, log: LogReader) -> list[_Proof]:
    """Proofs at random places."""
    chosen = random.Random(1)
    proofs = []
    for _ in range(_PROOFS):
        number = chosen.randrange(_ENTRIES)
        record = await uploads.get(_OWNER, number.to_bytes(16, "big"))
        assert record is not None
        assert record.entry_index is not None
        opened = open_fields(record.entry, _KIND, _fields(number), ledger_key=_KEY)
        started = time.perf_counter()
        bundle = await log.bundle(record.entry_index, opened)
        seconds = time.perf_counter() - started
        extra = next(line for line in bundle.splitlines() if line.startswith(b"extra "))
        proofs.append(_Proof(seconds * 1000, len(bundle), len(bundle) - len(extra) - 1))
    return proofs


def _print(rates: list[float], proofs: list[_Proof]) -> None:
    report.heading("Ledger, one core")
    milliseconds = [proof.milliseconds for proof in proofs]
    slow = sorted(milliseconds)[len(proofs) * 99 // 100]
    largest = max(proof.proof_bytes for proof in proofs)
    report.bars(
        [
            report.Bar("appended", median(rates), "entries/s", at_least=10_000),
            report.Bar("a proof", median(milliseconds), "ms", at_most=5),
            report.Bar("a proof's size, the largest", largest, "bytes", at_most=2048),
        ]
    )
    print(f"  {_ENTRIES:,} entries in {len(rates)} batches: {report.spread(rates, 'entries/s')}")
    print(f"  {_PROOFS} proofs: {report.spread(milliseconds, 'ms')}, one in 100 over {slow:.2f} ms")
    bundle = max(proof.bundle_bytes for proof in proofs)
    print(f"  with all {len(_fields(0)) + 1} fields opened a bundle has {bundle:,} bytes")


def _fields(number: int) -> dict[str, str | int | bytes]:
    return {
        "owner": "01a2071d-c5ac-76cf-9dfd-dcfa03fb96ad",
        "cid": "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
        "size": number,
        "name": "report.pdf",
        "profile": "unixfs-v1-2025",
        "media_type": "application/pdf",
        "visibility": "public",
    }


def _upload(number: int) -> UploadRecord:
    fields = _fields(number)
    nonce = number.to_bytes(16, "big")
    entry = compose(_KIND, fields, ledger_key=_KEY, nonce=nonce, at=_NOW).entry
    return UploadRecord(
        id=nonce,
        account_id=_OWNER,
        cid=str(fields["cid"]),
        profile=str(fields["profile"]),
        size=number,
        media_type=str(fields["media_type"]),
        name=b"sealed",
        note=None,
        visibility="public",
        pin_provider="local",
        pin_status="pinned",
        entry=entry,
        entry_index=None,
        created_at=_NOW,
    )


def _owner() -> AccountRecord:
    return AccountRecord(
        id=_OWNER,
        email=b"sealed",
        email_index=b"index",
        email_verified=True,
        password_hash=None,
        name=None,
        locale=None,
        timezone=None,
        ledger_key=b"sealed",
        epoch=0,
        created_at=_NOW,
        updated_at=_NOW,
    )


if __name__ == "__main__":
    main()
