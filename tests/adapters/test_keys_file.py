import base64
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chronicle.adapters import keys_file
from chronicle.errors import CannotStart
from chronicle.security.keys import Key, Keyring, Purpose, State

Stored = list[dict[str, str]]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def change(path: Path, index: int, **values: str) -> None:
    """Change one key of a file in place."""
    stored: Stored = json.loads(path.read_text())
    stored[index] |= values
    path.write_text(json.dumps(stored))


def test_a_made_file_holds_one_active_key_for_each_purpose(path: Path) -> None:
    assert keys_file.create(path)
    keyring = keys_file.load(path)
    for purpose in Purpose:
        assert [key.state for key in keyring.of(purpose)] == [State.ACTIVE]


def test_all_keys_are_drawn_independently(path: Path) -> None:
    keys_file.create(path)
    keyring = keys_file.load(path)
    keys = [keyring.active(purpose) for purpose in Purpose]
    assert len({key.secret for key in keys}) == len({key.id for key in keys}) == len(Purpose)


def test_a_made_file_and_its_new_folder_are_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.json"
    keys_file.create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_file_has_hex_ids_and_base64_secrets(path: Path) -> None:
    keys_file.create(path)
    stored: Stored = json.loads(path.read_text())
    for each in stored:
        assert set(each) == {"id", "purpose", "state", "secret"}
        assert len(bytes.fromhex(each["id"])) == 8
        assert len(base64.b64decode(each["secret"], validate=True)) == 32


def test_an_existing_file_is_never_replaced(path: Path) -> None:
    keys_file.create(path)
    before = path.read_bytes()
    assert not keys_file.create(path)
    assert path.read_bytes() == before


def test_processes_that_start_together_agree_on_one_file(path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keyrings = list(pool.map(keys_file.load_or_create, [path] * 16))
    assert len({keyring.active(Purpose.FIELD).secret for keyring in keyrings}) == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    def exhausted(_: int) -> bytes:
        raise OSError("no randomness")

    with pytest.raises(OSError, match="no randomness"):
        keys_file.create(tmp_path / "keys.json", random=exhausted)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match=r"file/keys\.json can't be made"):
        keys_file.create(tmp_path / "file" / "keys.json")


def test_a_missing_file_is_answered_with_the_command_that_makes_it(path: Path) -> None:
    with pytest.raises(CannotStart, match=f"chronicle keys init --file {path}"):
        keys_file.load(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777])
def test_a_file_that_others_can_open_is_refused(path: Path, mode: int) -> None:
    keys_file.create(path)
    path.chmod(mode)
    with pytest.raises(CannotStart, match=f"chmod 600 {path}"):
        keys_file.load(path)


def test_a_retired_key_is_kept_for_reading(path: Path) -> None:
    keys_file.create(path)
    stored: Stored = json.loads(path.read_text())
    path.write_text(json.dumps([*stored, stored[0] | {"id": "00" * 8, "state": "retired"}]))
    keyring = keys_file.load(path)
    assert [key.state for key in keyring.of(Purpose.FIELD)] == [State.ACTIVE, State.RETIRED]


@pytest.mark.parametrize(
    "content", ["", "{}", "[", "null", "[]", '[{"id": "00"}]', "[1]", "\udcff", "[" * 100_000]
)
def test_a_file_that_is_no_set_of_keys_is_refused(path: Path, content: str) -> None:
    path.write_text(content, errors="surrogateescape")
    path.chmod(0o600)
    with pytest.raises(CannotStart, match="can't be used"):
        keys_file.load(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "canary"},
        {"id": "00"},
        {"secret": "canary!canary"},
        {"secret": base64.b64encode(b"canary").decode()},
        {"state": "retired"},
        {"state": "canary"},
        {"purpose": "index"},
        {"colour": "blue"},
    ],
)
def test_a_wrong_key_is_refused_in_words(path: Path, wrong: dict[str, str]) -> None:
    keys_file.create(path)
    change(path, 0, **wrong)
    with pytest.raises(CannotStart, match=r"can't be used: \w") as caught:
        keys_file.load(path)
    assert "!canary" not in str(caught.value)


def test_no_secret_shows_in_a_keys_repr(path: Path) -> None:
    keys_file.create(path)
    stored: Stored = json.loads(path.read_text())
    shown = repr([keys_file.StoredKey(**each) for each in stored])  # type: ignore[arg-type]
    assert not any(each["secret"] in shown for each in stored)


def add_key(ring: Keyring) -> list[Key]:
    """One more retired key."""
    return [*ring.all(), Key(os.urandom(8), Purpose.TOKEN, State.RETIRED, os.urandom(32))]


def test_a_change_is_written_whole_for_this_user_alone(path: Path) -> None:
    keys_file.create(path)
    before = keys_file.load(path).all()
    keys_file.change(path, add_key, now=NOW)
    assert path.stat().st_mode & 0o777 == 0o600
    after = keys_file.load(path).all()
    assert after[: len(before)] == before
    assert len(after) == len(before) + 1
    assert {each.name for each in path.parent.iterdir()} == {"keys.json", ".keys.json.lock"}


def test_changes_at_the_same_time_lose_no_key(path: Path) -> None:
    keys_file.create(path)
    before = keys_file.load(path).all()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: keys_file.change(path, add_key, now=NOW), range(32)))
    after = keys_file.load(path).all()
    assert len(after) == len(before) + 32
    assert set(before) <= set(after)


def test_a_reader_beside_changes_always_finds_a_whole_file(path: Path) -> None:
    keys_file.create(path)
    with ThreadPoolExecutor(2) as pool:
        changes = pool.submit(lambda: [keys_file.change(path, add_key, now=NOW) for _ in range(50)])
        sizes = []
        while not changes.done():
            sizes.append(len(keys_file.load(path).all()))
        changes.result()
    assert sizes == sorted(sizes)


@pytest.mark.parametrize(
    "failing", [lambda _: [], lambda _: 1 / 0, lambda ring: ring.all() * 2], ids=repr
)
def test_a_change_that_fails_leaves_the_file_as_it_was(
    path: Path, failing: Callable[[Keyring], list[Key]]
) -> None:
    keys_file.create(path)
    before = path.read_bytes()
    with pytest.raises((ValueError, ZeroDivisionError)):
        keys_file.change(path, failing, now=NOW)
    assert path.read_bytes() == before
    assert {each.name for each in path.parent.iterdir()} == {"keys.json", ".keys.json.lock"}


def test_a_file_behind_a_link_is_changed_where_it_is(tmp_path: Path) -> None:
    path, link = tmp_path / "real" / "keys.json", tmp_path / "keys.json"
    keys_file.create(path)
    link.symlink_to(path)
    keys_file.change(link, add_key, now=NOW)
    assert link.is_symlink()
    assert keys_file.load(link).all() == keys_file.load(path).all()


def test_the_moments_of_a_rotation_are_kept(path: Path) -> None:
    keys_file.create(path)
    new = Key(os.urandom(8), Purpose.TOKEN, State.NEXT, os.urandom(32), NOW)
    keys_file.change(path, lambda ring: [*ring.all(), new], now=NOW - timedelta(hours=1))
    waiting = keys_file.load(path, now=NOW - timedelta(microseconds=1))
    assert waiting.next(Purpose.TOKEN) == new
    begun = keys_file.load(path, now=NOW)
    assert begun.active(Purpose.TOKEN).id == new.id
    assert [key.retired_at for key in begun.of(Purpose.TOKEN)] == [None, NOW]


def test_a_moment_without_a_time_zone_is_refused(path: Path) -> None:
    keys_file.create(path)
    change(path, 0, active_from="2026-03-01T12:00:00")
    with pytest.raises(CannotStart, match="can't be used"):
        keys_file.load(path)
