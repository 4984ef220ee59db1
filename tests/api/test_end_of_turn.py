import asyncio
from typing import Any

from chronicle.api.end_of_turn import GatheringTransport, Outbox


class Wire:
    """Where a transport's bytes go; connections that share one are told apart by name."""

    def __init__(self, sent: list[tuple[str, bytes]], name: str) -> None:
        self.sent = sent
        self.name = name
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent.append((self.name, data))

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def connections(*names: str) -> tuple[list[GatheringTransport], list[Any], list[tuple[str, bytes]]]:
    outbox, sent = Outbox(), []  # type: tuple[Outbox, list[tuple[str, bytes]]]
    wires: list[Any] = [Wire(sent, name) for name in names]
    return [GatheringTransport(wire, outbox) for wire in wires], wires, sent


async def a_turn() -> None:
    await asyncio.sleep(0)


async def test_what_a_turn_writes_leaves_when_it_ends_in_one_piece_a_connection() -> None:
    (one, other), _, sent = connections("one", "other")
    one.write(b"head ")
    other.write(b"hello")
    one.write(b"body")
    assert sent == []
    await a_turn()
    assert sent == [("one", b"head body"), ("other", b"hello")]
    await a_turn()
    assert len(sent) == 2


async def test_the_next_turn_sends_what_it_writes_itself() -> None:
    (one,), _, sent = connections("one")
    for piece in (b"first", b"second"):
        one.write(piece)
        await a_turn()
    assert sent == [("one", b"first"), ("one", b"second")]


async def test_closing_sends_what_was_written_before() -> None:
    (one,), (wire,), sent = connections("one")
    one.write(b"goodbye")
    one.close()
    assert (sent, wire.closed, one.is_closing()) == ([("one", b"goodbye")], True, True)
    await a_turn()
    assert sent == [("one", b"goodbye")]


async def test_an_aborted_connection_sends_nothing_more() -> None:
    (one,), (wire,), sent = connections("one")
    one.write(b"lost")
    one.abort()
    await a_turn()
    assert (sent, wire.closed) == ([], True)


async def test_much_is_not_held_back() -> None:
    (one,), _, sent = connections("one")
    one.write(b"head")
    one.write(b"x" * 65536)
    assert sent == [("one", b"head" + b"x" * 65536)]
    one.write(b"tail")
    await a_turn()
    assert sent[1:] == [("one", b"tail")]


async def test_nothing_is_written_to_a_connection_that_the_client_left() -> None:
    (one,), (wire,), sent = connections("one")
    one.write(b"too late")
    wire.closed = True
    await a_turn()
    assert sent == []
