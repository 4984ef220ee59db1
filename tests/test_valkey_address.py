"""What an address of Valkey may say."""

import pytest

from chronicle.valkey_address import Login, Topology, ValkeyAddress, parse


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("redis://h", ValkeyAddress(Topology.SINGLE, (("h", 6379),))),
        ("valkey://h:1/2", ValkeyAddress(Topology.SINGLE, (("h", 1),), database=2)),
        ("rediss://[::1]:7", ValkeyAddress(Topology.SINGLE, (("::1", 7),), tls=True)),
        ("valkeys://h?db=3", ValkeyAddress(Topology.SINGLE, (("h", 6379),), tls=True, database=3)),
        (
            "redis://ada:a%40b%3A%2F@h",
            ValkeyAddress(Topology.SINGLE, (("h", 6379),), login=Login("ada", "a@b:/")),
        ),
        (
            "redis://:secret@h",
            ValkeyAddress(Topology.SINGLE, (("h", 6379),), login=Login(None, "secret")),
        ),
        (
            "redis://h?username=ada&password=a+b",
            ValkeyAddress(Topology.SINGLE, (("h", 6379),), login=Login("ada", "a b")),
        ),
        ("unix:///run/v%20k.sock", ValkeyAddress(Topology.SINGLE, socket="/run/v k.sock")),
        (
            "unix://:secret@/run/v.sock?db=1",
            ValkeyAddress(
                Topology.SINGLE, socket="/run/v.sock", database=1, login=Login(None, "secret")
            ),
        ),
        (
            "redis+sentinel://a,b:1,[2001:db8::1]:2/main/4",
            ValkeyAddress(
                Topology.SENTINEL,
                (("a", 26379), ("b", 1), ("2001:db8::1", 2)),
                database=4,
                service="main",
            ),
        ),
        (
            "valkeys+sentinel://u:p@a/main?sentinel_username=s&sentinel_password=t",
            ValkeyAddress(
                Topology.SENTINEL,
                (("a", 26379),),
                tls=True,
                login=Login("u", "p"),
                service="main",
                sentinel_login=Login("s", "t"),
            ),
        ),
        (
            "rediss+cluster://u:p@a:1,b",
            ValkeyAddress(
                Topology.CLUSTER, (("a", 1), ("b", 6379)), tls=True, login=Login("u", "p")
            ),
        ),
    ],
)
def test_an_address_is_read(text: str, address: ValkeyAddress) -> None:
    assert parse(text) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("h:6379", "is not valkey://"),
        ("http://h", "is not valkey://"),
        ("redis+ring://h", "is not valkey://"),
        ("redis://", "is not valkey://"),
        ("redis://h:0", "host:port"),
        ("redis://h:65536", "host:port"),
        ("redis://a b", "host:port"),
        ("redis://a,b", "redis\\+sentinel"),
        ("redis+cluster://a,,b", "host:port"),
        ("redis+cluster://a,h1:2,[::1", "is not valkey://"),
        ("redis+sentinel://a,b", "name of the service"),
        ("redis+sentinel://a/main/1/2", "more in its path"),
        ("redis://h/first", "no number"),
        ("redis://h/65536", "beyond"),
        ("redis+cluster://h/1", "database 0"),
        ("redis://h?ssl_cert_reqs=none", "always checked"),
        ("rediss://h?ssl_ca_certs=/ca.pem", "CHRONICLE_VALKEY_CA_FILE"),
        ("redis://h?socket_timeout=1", "knows no options but db, password, username"),
        ("redis://h?sentinel_password=p", "knows no options"),
        ("redis://:pa#ss@h", "%23"),
        ("unix://", "socket's path"),
        ("unix://host/run/v.sock", "socket's path"),
    ],
)
def test_what_is_wrong_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text)


def test_no_login_is_shown() -> None:
    address = parse("redis+sentinel://ada:canary@h/main?sentinel_password=canary2")
    assert "canary" not in repr(address)
    assert "ada" not in repr(address)
