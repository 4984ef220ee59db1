"""`/api/web3/log`: the ledger as a C2SP tlog-tiles log, its key, and a check of proofs.

Public: whoever wants to check the log needs no account, and pages of any origin may read it.
"""

from datetime import datetime
from typing import Literal

import msgspec
from starlette.responses import Response

from chronicle.api.endpoint import Call, Routes, Stream
from chronicle.api.request_reading import read_bounded
from chronicle.ledger.bundles import parse_bundle
from chronicle.ledger.verify import Outcome, Verdict, verify
from chronicle.security import budgets

endpoint = Routes("Ledger")

_PROOF_LIMIT = 64 * 1024
_TEXT = "text/plain; charset=utf-8"
_FOREVER = "public, max-age=31536000, immutable"


class ProofVerdict(msgspec.Struct):
    """What a proof proves, checked against this log's own key.

    `opened` holds the fields that the proof shows, with bytes as hex.
    """

    outcome: Literal["proven", "false", "unauthenticated"]
    reason: str | None
    index: int
    tree_size: int
    origin: str
    at: datetime
    signed_by: str | None
    opened: dict[str, str | int]
    closed: list[str]


@endpoint.get(
    "/api/web3/log/checkpoint",
    answers=str,
    media_type=_TEXT,
    problems=("log_not_started", "storage_unavailable"),
)
async def checkpoint(call: Call[None, None]) -> Response:
    """The newest checkpoint: origin, size and root hash as a signed note."""
    return _public(await call.app.log.checkpoint_note(), _TEXT, "public, max-age=2")


@endpoint.get("/api/web3/log/key", answers=str, media_type=_TEXT)
async def verifier_key(call: Call[None, None]) -> Response:
    """The verifier key of the log, as `chronicle verify --key` takes it."""
    return _public(f"{call.app.log_key.text}\n".encode(), _TEXT, "public, max-age=300")


@endpoint.get(
    "/api/web3/log/tile/{path:path}",
    answers=bytes,
    media_type="application/octet-stream",
    problems=("tile_not_found", "log_not_started", "storage_unavailable"),
)
async def tile(call: Call[None, None]) -> Response:
    """A tile of hashes (`<L>/<N>[.p/<W>]`) or of entries (`entries/<N>[.p/<W>]`)."""
    content = await call.app.log.tile(f"tile/{call.path('path')}")
    return _public(content, "application/octet-stream", _FOREVER)


@endpoint.post(
    "/api/web3/log/verify",
    answers=ProofVerdict,
    request_media=("text/plain",),
    problems=("unreadable_proof",),
    budget=budgets.LOG,
)
async def verify_proof(call: Call[Stream, None]) -> ProofVerdict:
    """Check a proof (the text of a `.tlog-proof` file, at most 64 KiB) against this log's key.

    A convenience: it takes this server's word. `chronicle verify` and the console's verify page
    check without it. The file itself is hashed by the caller, and its CID compared with `opened`.
    """
    text = await read_bounded(
        call.headers, call.receive, _PROOF_LIMIT, seconds=call.app.settings.request_seconds
    )
    return _render(verify(parse_bundle(text), trusted=(call.app.log_key,)))


def _render(verdict: Verdict) -> ProofVerdict:
    return ProofVerdict(
        outcome=_OUTCOMES[verdict.outcome],
        reason=verdict.reason,
        index=verdict.index,
        tree_size=verdict.size,
        origin=verdict.origin,
        at=verdict.at,
        signed_by=verdict.signed_by,
        opened={
            name: value.hex() if isinstance(value, bytes) else value
            for name, value in verdict.opened.items()
        },
        closed=list(verdict.closed),
    )


_OUTCOMES: dict[Outcome, Literal["proven", "false", "unauthenticated"]] = {
    Outcome.PROVEN: "proven",
    Outcome.FALSE: "false",
    Outcome.UNAUTHENTICATED: "unauthenticated",
}


def _public(content: bytes, media_type: str, cache: str) -> Response:
    headers = {
        "cache-control": cache,
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
    }
    return Response(content, media_type=media_type, headers=headers)
