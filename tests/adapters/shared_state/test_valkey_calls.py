"""One call to Valkey: late, redirected, to a server that forgot its scripts, or is another's."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop

from chronicle.adapters.shared_state.valkey import Script, Valkey, connect
from chronicle.adapters.shared_state.valkey_link import LinkFailed, Manner, Place
from chronicle.adapters.shared_state.valkey_node import Node
from chronicle.adapters.shared_state.valkey_topology import Single
from chronicle.circuit import CircuitState
from chronicle.errors import Unavailable
from tests.services.scripted_valkey import Answer, ScriptedValkey, scripted, slots

OK = b"+OK\r\n"
SCRIPT = Script("return 1", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db")
LATE_SECONDS = 0.15


@contextlib.asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Valkey]:
    client = connect(url)
    try:
        yield client
    finally:
        await client.aclose()


async def get(client: Valkey, key: str = "k") -> object:
    return await client.ask("GET", key, key=key)


async def test_replies_reach_their_callers_also_after_one_that_came_late(
    caplog: pytest.LogCaptureFixture,
) -> None:
    go, late = asyncio.Event(), asyncio.Event()

    async def answering(command: list[bytes]) -> Answer:
        if command[1] == b"slow":
            await go.wait()
            late.set()
        return b"$%d\r\n%s\r\n" % (len(command[1]), command[1])

    async with scripted(answering) as server, client_of(server.url) as client:
        together = await asyncio.gather(*(get(client, f"k{number}") for number in range(50)))
        assert together == [b"k%d" % number for number in range(50)]
        assert server.connections == 1
        with pytest.raises(Unavailable):
            await get(client, "slow")
        assert await get(client, "after") == b"after"
        go.set()
        await late.wait()
        assert await get(client, "last") == b"last"
        assert server.connections == 2
        assert caplog.records == []


class Counting(Single):
    """A topology that counts how many calls are under way at once, and knows no server."""

    under_way = most = 0

    async def node_for(self, key: bytes, deadline: float) -> Node:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        raise LinkFailed


async def test_so_many_are_under_way_that_none_is_late_for_its_neighbours() -> None:
    topology = Counting(Place(), Manner())
    client = Valkey(topology)
    calls = (get(client) for _ in range(100))
    assert {type(each) for each in await asyncio.gather(*calls, return_exceptions=True)} == {
        Unavailable
    }
    assert topology.most == 16


async def test_a_caller_that_goes_away_leaves_the_others_their_replies() -> None:
    go = asyncio.Event()

    async def answering(command: list[bytes]) -> Answer:
        if command[1] == b"first":
            await go.wait()
        return b"$%d\r\n%s\r\n" % (len(command[1]), command[1])

    async with scripted(answering) as server, client_of(server.url) as client:
        assert await get(client, "warm") == b"warm"
        first = asyncio.create_task(get(client, "first"))
        second = asyncio.create_task(get(client, "second"))
        await asyncio.sleep(0)
        first.cancel()
        go.set()
        assert await second == b"second"
        assert server.connections == 1


async def test_a_connection_that_was_closed_meanwhile_is_opened_again_at_once() -> None:
    async def answering(command: list[bytes]) -> Answer:
        # Every other time the connection breaks instead.
        return OK if len(server.commands) % 2 else None

    async with scripted(answering) as server, client_of(server.url) as client:
        for _ in range(3):
            assert await get(client) == b"OK"
        assert server.connections == 3


async def test_a_script_that_a_server_does_not_know_is_sent_to_it_once() -> None:
    known: set[bytes] = set()

    async def answering(command: list[bytes]) -> Answer:
        if command[0] == b"EVAL":
            known.add(SCRIPT.sha1.encode())
        elif command[1] not in known:
            return b"-NOSCRIPT No matching script.\r\n"
        return b":1\r\n"

    async with scripted(answering) as server, client_of(server.url) as client:
        for _ in range(3):
            assert await client.run(SCRIPT, keys=["k"], args=[7]) == 1
        names = [command[0] for command in server.commands]
        assert names == [b"EVALSHA", b"EVAL", b"EVALSHA", b"EVALSHA"]
        assert server.commands[1] == [b"EVAL", b"return 1", b"1", b"k", b"7"]


async def test_an_error_is_no_success() -> None:
    async def answering(command: list[bytes]) -> Answer:
        return b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"

    async with scripted(answering) as server, client_of(server.url) as client:
        for _ in range(9):
            with pytest.raises(Unavailable):
                await get(client)
        # It does answer: there is nothing to rest from.
        assert client.circuit is CircuitState.CLOSED
        assert not await client.is_up()


@pytest.mark.parametrize("noise", [b"HTTP/1.1 400 Bad Request\r\n\r\n", OK + OK])
async def test_what_is_no_valkey_is_not_believed(noise: bytes) -> None:
    async def answering(command: list[bytes]) -> Answer:
        return noise

    async with scripted(answering) as server, client_of(server.url) as client:
        with contextlib.suppress(Unavailable):
            assert await get(client) == b"OK"
        with contextlib.suppress(Unavailable):
            assert await get(client, "other") == b"OK"
        assert server.connections > 1


async def test_who_does_not_answer_is_left_alone_for_a_moment() -> None:
    async def answering(command: list[bytes]) -> Answer:
        await asyncio.sleep(3600)
        return OK

    async with scripted(answering) as server, client_of(server.url) as client:
        for _ in range(5):
            with pytest.raises(Unavailable):
                await get(client)
        assert client.circuit is CircuitState.OPEN
        before = len(server.commands)
        for _ in range(100):
            with pytest.raises(Unavailable):
                await get(client)
        assert not await client.is_up()
        assert len(server.commands) == before


async def test_user_password_and_database_are_told_before_anything_else() -> None:
    async def answering(command: list[bytes]) -> Answer:
        return OK

    async with scripted(answering) as server:
        url = f"redis://ada:pa%20ss@127.0.0.1:{server.port}/4"
        async with client_of(url) as client:
            await get(client)
        assert server.commands == [
            [b"AUTH", b"ada", b"pa ss"],
            [b"SELECT", b"4"],
            [b"GET", b"k"],
        ]


async def test_a_wrong_password_is_unavailable_and_nothing_is_sent() -> None:
    async def answering(command: list[bytes]) -> Answer:
        return b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"

    async with scripted(answering) as server:
        async with client_of(f"redis://:wrong@127.0.0.1:{server.port}") as client:
            with pytest.raises(Unavailable):
                await get(client)
        assert server.named(b"GET") == []


@contextlib.asynccontextmanager
async def two_nodes() -> AsyncIterator[tuple[ScriptedValkey, ScriptedValkey, dict[str, Answer]]]:
    """A Cluster whose first node keeps everything; `says` has what each answers to GET."""
    says: dict[str, Answer] = {}

    async def answering(name: str, command: list[bytes]) -> Answer:
        if command[0] == b"CLUSTER":
            return slots((0, 16383, one.port))
        if command[0] == b"ASKING":
            return OK
        return says[name]

    async with (
        scripted(lambda command: answering("one", command)) as one,
        scripted(lambda command: answering("two", command)) as two,
    ):
        yield one, two, says


def cluster(server: ScriptedValkey) -> str:
    return f"redis+cluster://127.0.0.1:{server.port}"


async def test_a_slot_that_has_moved_is_followed_and_remembered() -> None:
    async with two_nodes() as (one, two, says), client_of(cluster(one)) as client:
        says |= {"one": b"-MOVED 7629 127.0.0.1:%d\r\n" % two.port, "two": OK}
        assert await get(client) == b"OK"
        assert await get(client) == b"OK"
        assert (len(one.named(b"GET")), len(two.named(b"GET"))) == (1, 2)


async def test_a_key_that_is_being_moved_is_asked_for_and_not_remembered() -> None:
    async with two_nodes() as (one, two, says), client_of(cluster(one)) as client:
        says |= {"one": b"-ASK 7629 127.0.0.1:%d\r\n" % two.port, "two": OK}
        assert await get(client) == b"OK"
        assert await get(client) == b"OK"
        assert len(one.named(b"GET")) == 2
        assert [command[0] for command in two.commands] == [b"ASKING", b"GET"] * 2


async def test_a_script_follows_a_moving_key_to_a_server_that_does_not_know_it() -> None:
    async with two_nodes() as (one, two, says), client_of(cluster(one)) as client:
        says |= {"one": b"-ASK 7629 127.0.0.1:%d\r\n" % two.port}
        says |= {"two": b"-NOSCRIPT No matching script.\r\n"}
        with pytest.raises(Unavailable):
            await client.run(SCRIPT, keys=["k"], args=[])
        names = [command[0] for command in two.commands]
        assert names[:4] == [b"ASKING", b"EVALSHA", b"ASKING", b"EVAL"]


async def test_keys_on_their_way_are_tried_again() -> None:
    async with two_nodes() as (one, _, says), client_of(cluster(one)) as client:
        says["one"] = b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n"
        call = asyncio.create_task(get(client))
        while len(one.named(b"GET")) < 2 and not call.done():  # noqa: ASYNC110 - the other end has no event to wait for
            await asyncio.sleep(0)
        says["one"] = OK
        assert await call == b"OK"


async def test_going_in_circles_ends() -> None:
    async with two_nodes() as (one, two, says), client_of(cluster(one)) as client:
        says |= {"one": b"-MOVED 7629 127.0.0.1:%d\r\n" % two.port}
        says |= {"two": b"-MOVED 7629 127.0.0.1:%d\r\n" % one.port}
        with pytest.raises(Unavailable):
            await get(client)
        assert len(one.named(b"GET")) + len(two.named(b"GET")) <= 8


async def test_the_deadline_holds_for_all_redirections_together() -> None:
    async def answering(command: list[bytes]) -> Answer:
        if command[0] == b"CLUSTER":
            return slots((0, 16383, server.port))
        await asyncio.sleep(0.06)
        return b"-MOVED 7629 127.0.0.1:%d\r\n" % server.port

    async with scripted(answering) as server, client_of(cluster(server)) as client:
        with pytest.raises(Unavailable):
            await get(client)
        assert len(server.named(b"GET")) <= 2


@pytest.mark.parametrize("reply", [b"-MOVED 7629 :6379", b"-MOVED 7629", b"-MOVED x y:z"])
async def test_a_redirection_to_nowhere_is_unavailable(reply: bytes) -> None:
    async with two_nodes() as (one, _, says), client_of(cluster(one)) as client:
        says["one"] = reply + b"\r\n"
        with pytest.raises(Unavailable):
            await get(client)


@pytest.mark.parametrize("word", [b"READONLY", b"LOADING", b"MASTERDOWN", b"CLUSTERDOWN"])
async def test_a_server_that_can_keep_nothing_now_is_not_up(word: bytes) -> None:
    async def answering(command: list[bytes]) -> Answer:
        return b"-%s for now\r\n" % word

    async with scripted(answering) as server, client_of(server.url) as client:
        with pytest.raises(Unavailable):
            await get(client)
        assert not await client.is_up()


async def test_a_node_of_a_cluster_in_place_of_a_server_is_not_used_as_one() -> None:
    async def answering(command: list[bytes]) -> Answer:
        return b"-MOVED 7629 127.0.0.1:1\r\n"

    async with scripted(answering) as server, client_of(server.url) as client:
        with pytest.raises(Unavailable):
            await get(client)


async def test_who_throws_keys_away_is_named() -> None:
    policy = b"maxmemory_policy:allkeys-lru"

    async def answering(command: list[bytes]) -> Answer:
        text = b"# Memory\r\nmaxmemory:0\r\n" + policy + b"\r\n"
        return b"$%d\r\n%s\r\n" % (len(text), text)

    async with scripted(answering) as server, client_of(server.url) as client:
        assert await client.evicting() == [f"127.0.0.1:{server.port} (allkeys-lru)"]
        policy = b"maxmemory_policy:noeviction"
        assert await client.evicting() == []


def test_a_reply_that_came_while_the_process_was_busy_is_not_late(tmp_path: Path) -> None:
    path = str(tmp_path / "valkey.sock")

    def answer_and_be_busy(connection: socket.socket) -> None:
        if connection.recv(4096):
            connection.send(OK)
            time.sleep(LATE_SECONDS)

    async def ask() -> None:
        loop = asyncio.get_running_loop()
        listening = socket.socket(socket.AF_UNIX)
        with listening:
            listening.bind(path)
            listening.listen()
            async with client_of(f"unix://{path}") as client:
                call = asyncio.create_task(get(client))
                await asyncio.sleep(0)
                connection, _ = await loop.run_in_executor(None, listening.accept)
                with connection:
                    loop.add_reader(connection, answer_and_be_busy, connection)
                    assert await call == b"OK"
                    loop.remove_reader(connection)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ask())
