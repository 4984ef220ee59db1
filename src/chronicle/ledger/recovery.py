"""Open the log: finish what was committed, and refuse to extend what does not fit together.

Done at every start, and whenever a step of the sequencer failed or another writer was faster.
"""

import logging
from dataclasses import dataclass

from chronicle.ledger.checkpoints import EMPTY_TREE, open_checkpoint, sign_checkpoint
from chronicle.ledger.failures import (
    DatabaseBehind,
    Forked,
    KeyMismatch,
    LogRefused,
    OriginMismatch,
    TreeDamaged,
    Unreadable,
)
from chronicle.ledger.notes import Signer
from chronicle.ledger.ports import Checkpoints, StoredCheckpoint, TileStore, TreeHead
from chronicle.ledger.proofs import root_at
from chronicle.ledger.staging import FOLDER, StagedBatch, decode_batch, size_in
from chronicle.ledger.stored_tree import CHECKPOINT_PATH, lay_down, load_edge, read_tile
from chronicle.ledger.tiles import Edge, grow

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenLog:
    """The log as far as it is committed: all its tiles stand and its checkpoint is published.

    `last` is the batch that the checkpoint committed; None in an empty log, or where the staging
    object has been lost.
    """

    stored: StoredCheckpoint
    edge: Edge
    last: StagedBatch | None


async def open_log(store: TileStore, checkpoints: Checkpoints, signer: Signer) -> OpenLog:
    """Load the log, lay down its last batch again, and publish its checkpoint.

    Raises:
        LogRefused: the log must not be extended; the type says why. Nothing was written, unless
            an earlier batch could be finished.
        Unavailable: a store failed; safe to call again.
    """
    while True:
        opened = await _open_as_found(store, checkpoints, signer)
        # Another writer may have gone on meanwhile, and its newer checkpoint been published over.
        if await checkpoints.load() == opened.stored:
            break
    if opened.last is None and opened.stored.staging:
        _log.warning("%s is gone; the tiles were taken as they are", opened.stored.staging)
    await sweep(store, opened.stored)
    return opened


async def _open_as_found(store: TileStore, checkpoints: Checkpoints, signer: Signer) -> OpenLog:
    # The published checkpoint first: another writer may commit and publish in between, and a
    # published checkpoint that is read last would then seem to be ahead of the database.
    published = await _published(store, signer)
    stored = await checkpoints.load() or await _begin(checkpoints, signer, published)
    _refuse_foreign(stored, signer)
    _refuse_behind(stored.head, published)
    last = await _last_batch(store, stored)
    edge = await _finish(store, stored, last)
    await _refuse_fork(store, stored.head, published)
    await publish(store, stored.note)
    return OpenLog(stored, edge, last)


async def _begin(
    checkpoints: Checkpoints, signer: Signer, published: TreeHead | None
) -> StoredCheckpoint:
    if published is not None and published.size > 0:
        raise DatabaseBehind(
            f"A checkpoint of {published.size} entries is published, but the database holds "
            "no log. Restore the database that belongs to it."
        )
    note = sign_checkpoint(signer, EMPTY_TREE)
    return await checkpoints.start(StoredCheckpoint(signer.name, EMPTY_TREE, note, None))


async def publish(store: TileStore, note: bytes) -> None:
    """Show a checkpoint to the world. All that it covers must stand before."""
    if await store.read(CHECKPOINT_PATH) != note:
        await store.write(CHECKPOINT_PATH, note)


async def _published(store: TileStore, signer: Signer) -> TreeHead | None:
    note = await store.read(CHECKPOINT_PATH)
    if note is None:
        return None
    try:
        checkpoint, signers = open_checkpoint(note, [signer.verifier])
    except Unreadable as error:
        raise LogRefused(f"The published checkpoint can't be read: {error.message}.") from error
    _refuse_other_name(checkpoint.origin, signer, "published")
    if not signers:
        raise KeyMismatch("The published checkpoint was signed by a key that is not at hand.")
    return checkpoint.head


def _refuse_foreign(stored: StoredCheckpoint, signer: Signer) -> None:
    _refuse_other_name(stored.origin, signer, "stored")
    try:
        checkpoint, signers = open_checkpoint(stored.note, [signer.verifier])
    except Unreadable as error:
        raise LogRefused(f"The stored checkpoint can't be read: {error.message}.") from error
    if not signers:
        raise KeyMismatch("The stored checkpoint was signed by a key that is not at hand.")
    if checkpoint.head != stored.head or checkpoint.origin != stored.origin:
        raise LogRefused("The stored checkpoint is not the one that was signed.")


def _refuse_other_name(origin: str, signer: Signer, where: str) -> None:
    if origin != signer.name:
        raise OriginMismatch(f"The {where} log is named {origin}, and this one {signer.name}.")


def _refuse_behind(stored: TreeHead, published: TreeHead | None) -> None:
    if published is not None and published.size > stored.size:
        raise DatabaseBehind(
            f"A checkpoint of {published.size} entries is published, but the database knows "
            f"{stored.size}: it seems to be restored from a backup. Going on would fork the log."
        )


async def _refuse_fork(store: TileStore, stored: TreeHead, published: TreeHead | None) -> None:
    if published is None:
        return
    root = await root_at(published.size, lambda tile: read_tile(store, tile))
    if root != published.root:
        raise Forked(
            f"The published checkpoint of {published.size} entries is not a beginning of the "
            f"tree of {stored.size} entries that the database holds."
        )


async def _last_batch(store: TileStore, stored: StoredCheckpoint) -> StagedBatch | None:
    content = await store.read(stored.staging) if stored.staging else None
    if content is None:
        return None
    try:
        return decode_batch(content)
    except Unreadable as error:
        raise TreeDamaged(f"{stored.staging} can't be read: {error.message}.") from error


async def _finish(store: TileStore, stored: StoredCheckpoint, last: StagedBatch | None) -> Edge:
    """Lay down the last batch once more, and make sure that the tiles hash to the checkpoint."""
    todo = last or StagedBatch(size_before=stored.head.size, entries=(), marks=())
    growth = grow(await load_edge(store, todo.size_before), todo.entries)
    if growth.edge.head != stored.head:
        raise TreeDamaged(
            f"The stored tiles do not hash to the checkpoint of {stored.head.size} entries."
        )
    await lay_down(store, growth)
    return growth.edge


async def sweep(store: TileStore, stored: StoredCheckpoint) -> None:
    """Remove staging objects that no checkpoint names, nor can come to name.

    Checkpoints only grow, and one is replaced only by a larger one. So what leads to no more than
    the present size can't be committed any more; what leads further may be another writer's, who
    is just about to commit it.
    """
    for path in await store.list(FOLDER):
        size = size_in(path)
        if size is not None and size <= stored.head.size and path != stored.staging:
            await store.remove(path)
