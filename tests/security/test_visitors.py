import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.security.visitors import Visitor, visitor

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
)
CHROME = (
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36"
)


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (SAFARI, "Safari on iPhone"),
        (EDGE, "Edge on Windows"),
        (CHROME, "Chrome on Android"),
        ("curl/8.0", "curl"),
        ("python-httpx2/2.16", "python-httpx2"),
        ("", "An unnamed device"),
        ("<script>", "An unnamed device"),
    ],
)
def test_devices_have_names_for_people(agent: str, device: str) -> None:
    assert visitor("192.0.2.1", agent).device == device


@given(st.text(max_size=2000))
def test_any_agent_becomes_a_short_printable_name(agent: str) -> None:
    known = visitor("192.0.2.1", agent)
    assert len(known.agent) <= 512
    assert known.device.isprintable()
    assert 0 < len(known.device) <= 60


def test_a_visitor_of_before_places_were_noted_still_opens() -> None:
    stored = msgspec.msgpack.encode({"address": "192.0.2.7", "agent": "curl/8.0"})
    opened = msgspec.msgpack.decode(stored, type=Visitor)
    assert (opened.address, opened.device, opened.place) == ("192.0.2.7", "curl", None)
    placed = visitor("192.0.2.7", "curl/8.0", place="Lyon, France")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(placed), type=Visitor) == placed
