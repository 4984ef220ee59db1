"""What every list route has in common."""

from typing import Annotated

import msgspec


class ListQuery(msgspec.Struct, forbid_unknown_fields=True):
    """How many items, and from where on: the `next_cursor` of the page before."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, msgspec.Meta(max_length=256)] | None = None


class LedgerPlace(msgspec.Struct):
    """A place in the ledger: its index, null until it has one, and its leaf hash in hex."""

    index: int | None
    leaf_hash: str
