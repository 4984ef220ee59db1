"""Addresses and networks that get no answer but no.

Kept sealed in the database, read by every process into memory, so that looking an address up costs
nothing and works while the database does not.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import msgspec

from chronicle.errors import FieldError, Rejected
from chronicle.security.encryption import BlindIndex, FieldCipher
from chronicle.security.ports import BlockRecord, Blocks
from chronicle.world import World

Network = IPv4Network | IPv6Network

_TABLE = "blocks"
_MAPPED = IPv6Network("::ffff:0:0/96")
_LONGEST_REASON = 500


class _Sealed(msgspec.Struct, frozen=True):
    """What is sealed in a record."""

    network: str
    reason: str


@dataclass(frozen=True, slots=True)
class Block:
    """A blocked network; one address is a network too. For good, unless it expires."""

    network: Network
    reason: str
    created_at: datetime
    expires_at: datetime | None


class Blocklist:
    """The blocks, as this process knows them since it last looked."""

    def __init__(
        self, blocks: Blocks, cipher: FieldCipher, index: BlindIndex, world: World
    ) -> None:
        """Nothing is blocked before the first `refresh`."""
        self._blocks = blocks
        self._cipher = cipher
        self._index = index
        self._world = world
        self._revision: int | None = None
        # By IP version and length of the prefix: the prefixes as numbers, and when they expire.
        self._prefixes: dict[tuple[int, int], dict[int, datetime | None]] = {}

    def holds(self, address: str) -> bool:
        """Whether an address, in whatever spelling, lies in a blocked network."""
        if not self._prefixes:
            return False
        parsed = _parsed(address)
        if parsed is None:
            return False
        version, bits, number = parsed
        for (of_version, length), expiries in self._prefixes.items():
            if of_version == version and (prefix := number >> (bits - length)) in expiries:
                expires_at = expiries[prefix]
                if expires_at is None or self._world.now() < expires_at:
                    return True
        return False

    async def refresh(self) -> None:
        """Read what has changed in the database. On Unavailable, all stays as it was."""
        revision = await self._blocks.revision()
        if revision == self._revision:
            return
        prefixes: dict[tuple[int, int], dict[int, datetime | None]] = {}
        for block in await self.listed():
            network = block.network
            length = network.prefixlen
            number = int(network.network_address) >> (network.max_prefixlen - length)
            prefixes.setdefault((network.version, length), {})[number] = block.expires_at
        self._prefixes, self._revision = prefixes, revision

    async def listed(self) -> list[Block]:
        """Every block that has not expired, in the order of the addresses."""
        now = self._world.now()
        blocks = [
            self._in_the_clear(record)
            for record in await self._blocks.all()
            if record.expires_at is None or now < record.expires_at
        ]
        return sorted(
            blocks, key=lambda block: (block.network.version, int(block.network.network_address))
        )

    async def add(self, network: str, reason: str, lifetime: timedelta | None) -> Block:
        """Block a network, or give its block another reason and end. Durable; known here at once.

        Raises:
            Rejected: it is no network, or is the whole Internet; or there is no reason, or a long
                one. Nothing changed.
        """
        parsed = read_network(network)
        if not 1 <= len(reason) <= _LONGEST_REASON:
            raise _wrong("reason", f"takes 1 to {_LONGEST_REASON} characters")
        now = self._world.now()
        expires_at = now + lifetime if lifetime is not None else None
        record_id = self._id(parsed)
        await self._blocks.put(
            BlockRecord(
                id=record_id,
                content=self._cipher.seal(
                    msgspec.msgpack.encode(_Sealed(str(parsed), reason)),
                    table=_TABLE,
                    record=record_id,
                    field="content",
                ),
                created_at=now,
                expires_at=expires_at,
            )
        )
        await self.refresh()
        return Block(parsed, reason, now, expires_at)

    async def remove(self, network: str) -> bool:
        """Let a network in again; just as it was blocked, not a part of it. False if it was not.

        Raises:
            Rejected: it is no network.
        """
        removed = await self._blocks.remove(self._id(read_network(network)))
        await self.refresh()
        return removed

    async def forget_old(self) -> int:
        """Drop blocks that have expired; how many."""
        return await self._blocks.forget(before=self._world.now())

    def _id(self, network: Network) -> bytes:
        return self._index.of(str(network), column="blocks.network")

    def _in_the_clear(self, record: BlockRecord) -> Block:
        plain = self._cipher.open(record.content, table=_TABLE, record=record.id, field="content")
        sealed = msgspec.msgpack.decode(plain, type=_Sealed)
        return Block(
            ip_network(sealed.network), sealed.reason, record.created_at, record.expires_at
        )


def read_network(text: str) -> Network:
    """An address or a network in CIDR form; an IPv4 one that is mapped into IPv6, as itself.

    Raises:
        Rejected: it is neither, or holds every address there is.
    """
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise _wrong("network", "takes an address or a network, as 192.0.2.0/24") from error
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = int(network.network_address) & 0xFFFF_FFFF
        network = IPv4Network((mapped, network.prefixlen - _MAPPED.prefixlen))
    if network.prefixlen == 0:
        raise _wrong("network", "would block everybody")
    return network


@lru_cache(maxsize=8192)
def _parsed(address: str) -> tuple[int, int, int] | None:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.version, parsed.max_prefixlen, int(parsed)


def _wrong(field: str, why: str) -> Rejected:
    return Rejected(message=f"{field}: {why}", fields=(FieldError(field, why),))
