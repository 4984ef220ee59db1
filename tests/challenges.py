"""Solving challenges, as any client would."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import httpx2


def number_of(challenge: Mapping[str, Any]) -> int:
    """The number that solves it."""
    for number in range(challenge["maxnumber"] + 1):
        tried = hashlib.sha256(f"{challenge['salt']}{number}".encode()).hexdigest()
        if tried == challenge["challenge"]:
            return number
    raise AssertionError(f"no number solves {challenge}")


def header_of(solution: Mapping[str, Any]) -> str:
    return base64.b64encode(json.dumps(solution).encode()).decode()


def solved(challenge: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: challenge[key] for key in ("algorithm", "challenge", "salt", "signature")}
    return {**kept, "number": number_of(challenge)}


def proof(client: httpx2.Client, **headers: str) -> dict[str, str]:
    """The header with a solution of a fresh challenge."""
    challenge = client.get("/api/auth/challenge", headers=headers).json()
    return {"Chronicle-Challenge": header_of(solved(challenge)), **headers}
