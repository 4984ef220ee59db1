"""A clock that was set back, and keys that are rotated after it."""

import asyncio
import secrets
from datetime import timedelta
from pathlib import Path

from chronicle.adapters import keys_file
from chronicle.security.key_rotation import rotated
from chronicle.security.keys import Key, Keyring, Purpose
from chronicle.world import World
from tests.test_clock import Machine, running


async def test_a_server_whose_time_is_ahead_does_not_use_a_new_key_before_others_know_it(
    tmp_path: Path,
) -> None:
    machine = Machine()
    machine.time = World().now()  # Valkey has the real time
    async with running(tmp_path, machine) as app:
        tokens = app.sessions.access_tokens
        signing = tokens.jwks()["keys"][0]["kid"]
        machine.set_clock(minutes=-30)

        def decide(ring: Keyring) -> list[Key]:
            return rotated(
                ring,
                Purpose.TOKEN,
                now=machine.time,
                after=timedelta(minutes=10),
                random=secrets.token_bytes,
            )

        keys_file.change(app.settings.keys_file, decide, now=machine.time)
        async with asyncio.timeout(30):
            while len(tokens.jwks()["keys"]) < 2:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.05)
        assert tokens.jwks()["keys"][0]["kid"] == signing
