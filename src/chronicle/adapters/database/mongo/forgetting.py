"""Deletes what has had its time, some at a time, so that no deletion runs into its deadline."""

from chronicle.adapters.database.mongo.engine import Document, Engine

FORGOTTEN_AT_ONCE = 10_000


async def forget_some(engine: Engine, collection: str, which: Document) -> int:
    """Delete at most `FORGOTTEN_AT_ONCE` documents that match; how many.

    They are looked for first, as a deletion takes no limit, and must still match when it comes.
    """
    found = engine.reading(f"{collection}.forget").find(which, {"_id": 1})
    documents = await engine.answer(found.limit(FORGOTTEN_AT_ONCE).to_list())
    if not documents:
        return 0
    ids = [each["_id"] for each in documents]
    deleted = engine.writing(collection).delete_many({"_id": {"$in": ids}, **which})
    return (await engine.answer(deleted)).deleted_count
