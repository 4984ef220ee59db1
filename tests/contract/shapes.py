"""What MongoDB's validators would say: not every server that speaks its protocol asks them."""

from datetime import datetime
from typing import Any

from tests.databases import OpenDatabase

_KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "binData": (bytes,),
    "string": (str,),
    "int": (int,),
    "long": (int,),
    "bool": (bool,),
    "date": (datetime,),
    "null": (type(None),),
}


async def check_shapes(database: OpenDatabase) -> None:
    """Hold every document that a test left against the declared shape of its collection."""
    if database.kind != "mongo":
        return
    from chronicle.adapters.database.mongo.schema import SHAPES

    for shape in SHAPES:
        schema = shape.validator()["$jsonSchema"]
        async for document in database.engine.database[shape.name].find({}):
            assert _fits(document, schema), f"{shape.name}: {document}"
            # A field that nobody declared is one that the validator does not guard.
            assert set(document) <= set(schema["properties"]), f"{shape.name}: {document}"


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    kinds = schema["bsonType"] if isinstance(schema["bsonType"], list) else [schema["bsonType"]]
    flag = isinstance(value, bool)  # True is an int to Python, and not to a database
    fitting = [kind for kind in kinds if isinstance(value, _KINDS[kind])]
    if not fitting or (flag and "bool" not in fitting):
        return False
    if isinstance(value, dict):
        there = all(name in value for name in schema.get("required", ()))
        known = schema.get("properties", {})
        return there and all(_fits(value[name], known[name]) for name in value if name in known)
    if isinstance(value, list) and "items" in schema:
        return all(_fits(item, schema["items"]) for item in value)
    return True
