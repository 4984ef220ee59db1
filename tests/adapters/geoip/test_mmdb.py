from pathlib import Path

import pytest

from chronicle.adapters.geoip.mmdb import MmdbPlaces, UnusablePlaces
from tests.places import ICELAND, KNOWN, LYON, TOKYO, somewhere, write_places


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_places(tmp_path / "places.mmdb")


@pytest.mark.parametrize(
    ("address", "place"),
    [
        (LYON, "Lyon, France"),
        (TOKYO, "Tokyo, Japan"),
        (ICELAND, "Iceland"),
        ("9.9.9.9", None),
        ("2600::1", None),
        ("127.0.0.1", None),
        ("10.1.2.3", None),
        ("::1", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_an_address_has_the_place_that_the_file_knows(
    file: Path, address: str, place: str | None
) -> None:
    assert MmdbPlaces(file).of(address) == place


def test_names_that_are_no_names_are_left_out(tmp_path: Path) -> None:
    strange = {
        "2.0.0.0/16": {"city": {"names": {"en": 7}}, "country": {"names": {"en": "France"}}},
        "2.1.0.0/16": {"city": "Lyon", "country": ["France"]},
        "2.2.0.0/16": {"city": {"names": {"fr": "Lyon"}}},
        "2.3.0.0/16": {"country": {"names": {"en": "Fra\x1bnce\n"}}},
    }
    places = MmdbPlaces(write_places(tmp_path / "strange.mmdb", strange))
    found = [places.of(f"2.{number}.0.1") for number in range(4)]
    assert found == ["France", None, None, "France"]


def test_a_file_that_is_missing_or_broken_is_refused_with_its_name(
    tmp_path: Path, file: Path
) -> None:
    whole = file.read_bytes()
    broken = {"empty": b"", "text": b"no places at all", "cut": whole[: len(whole) // 2]}
    broken["headless"] = whole[300:]
    for name, content in broken.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(UnusablePlaces, match=name):
            MmdbPlaces(path)
    with pytest.raises(UnusablePlaces, match="No such file"):
        MmdbPlaces(tmp_path / "missing")
    with pytest.raises(UnusablePlaces, match="directory"):
        MmdbPlaces(tmp_path)


def test_a_file_about_something_else_is_refused(tmp_path: Path) -> None:
    path = write_places(tmp_path / "asn.mmdb", KNOWN, kind="GeoLite2-ASN")
    with pytest.raises(UnusablePlaces, match="GeoLite2-ASN"):
        MmdbPlaces(path)


def test_damage_deep_in_the_file_costs_a_place_and_nothing_else(file: Path) -> None:
    content = file.read_bytes()
    at = content.index(b"Lyon")
    file.write_bytes(content[:at] + b"\xff\xff\xff\xff" + content[at + 4 :])
    places = MmdbPlaces(file)
    assert places.of(LYON) is None
    assert places.of(TOKYO) == "Tokyo, Japan"


def test_a_file_that_is_written_over_while_it_is_used_changes_nothing(file: Path) -> None:
    places = MmdbPlaces(file)
    file.write_bytes(b"")
    assert places.of(LYON) == "Lyon, France"


def test_a_file_of_countries_will_do(tmp_path: Path) -> None:
    known = {"2.125.160.0/20": somewhere(None, "France")}
    places = MmdbPlaces(write_places(tmp_path / "c.mmdb", known, kind="GeoLite2-Country"))
    assert places.of(LYON) == "France"
