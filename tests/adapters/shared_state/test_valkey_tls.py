"""Valkey over TLS: who can't prove who it is gets neither a password nor a call."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chronicle.adapters.shared_state.valkey import Valkey, connect, trust_of
from chronicle.errors import CannotStart, Unavailable
from tests.services.certificates import Certificates
from tests.services.scripted_valkey import Answer, ScriptedValkey, scripted


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "ours")


async def answering(_command: list[bytes]) -> Answer:
    return b"+OK\r\n"


def told_by(certificates: Certificates, *, host: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = certificates.issue("listening", host)
    context.load_cert_chain(issued.certificate, issued.key)
    context.load_verify_locations(certificates.ca_file)
    return context


@contextlib.asynccontextmanager
async def client_of(
    server: ScriptedValkey, trust: ssl.SSLContext | None, *, scheme: str = "rediss"
) -> AsyncIterator[Valkey]:
    client = connect(f"{scheme}://:secret@127.0.0.1:{server.port}", trust=trust)
    try:
        yield client
    finally:
        await client.aclose()


async def test_it_is_used_when_its_authority_is_trusted(certificates: Certificates) -> None:
    async with scripted(answering, tls=told_by(certificates)) as server:
        trust = trust_of(certificates.ca_file, None, None)
        async with client_of(server, trust) as client:
            assert await client.ask("GET", "k", key="k") == b"OK"
        assert server.commands == [[b"AUTH", b"secret"], [b"GET", b"k"]]


async def test_a_certificate_of_an_unknown_authority_is_refused(
    certificates: Certificates, tmp_path: Path
) -> None:
    others = Certificates(tmp_path / "others")
    async with scripted(answering, tls=told_by(certificates)) as server:
        for trust in (None, trust_of(others.ca_file, None, None)):
            async with client_of(server, trust) as client:
                with pytest.raises(Unavailable):
                    await client.ask("GET", "k", key="k")
        assert server.commands == []


async def test_a_certificate_for_another_host_is_refused(certificates: Certificates) -> None:
    async with scripted(answering, tls=told_by(certificates, host="127.0.0.2")) as server:
        async with client_of(server, trust_of(certificates.ca_file, None, None)) as client:
            with pytest.raises(Unavailable):
                await client.ask("GET", "k", key="k")
        assert server.commands == []


async def test_a_server_without_tls_is_not_talked_to_without(certificates: Certificates) -> None:
    async with scripted(answering) as server:
        async with client_of(server, trust_of(certificates.ca_file, None, None)) as client:
            with pytest.raises(Unavailable):
                await client.ask("GET", "k", key="k")
        assert server.commands == []


async def test_a_client_shows_its_own_certificate_where_it_is_asked_to(
    certificates: Certificates,
) -> None:
    told = told_by(certificates)
    told.verify_mode = ssl.CERT_REQUIRED
    client_certificate = certificates.issue("chronicle", "127.0.0.1")
    shown = trust_of(certificates.ca_file, client_certificate.certificate, client_certificate.key)
    async with scripted(answering, tls=told) as server:
        async with client_of(server, shown) as client:
            assert await client.ask("GET", "k", key="k") == b"OK"
        async with client_of(server, trust_of(certificates.ca_file, None, None)) as client:
            with pytest.raises(Unavailable):
                await client.ask("GET", "k", key="k")
        assert len(server.named(b"GET")) == 1


def test_files_that_hold_no_certificate_are_said_at_the_start(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for files in ((empty, None, None), (tmp_path / "missing", None, None), (None, empty, None)):
        with pytest.raises(CannotStart, match="CHRONICLE_VALKEY_CA_FILE"):
            trust_of(*files)
