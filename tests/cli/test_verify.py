"""`chronicle verify`, as it is typed: a process of its own, no server, no settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chronicle.ledger.entries import compose, open_fields
from chronicle.ledger.notes import Signer
from chronicle.uploads.unixfs import PROFILES, compute_cid
from tests.fakes.ledger import NOW, SIGNER
from tests.ledger.samples import KIND, LEDGER_KEY, NONCE, bundle

CONTENT = b"harbour at night" * 100_000
KEY = SIGNER.verifier_key


def a_proof(*only: str, profile: str = "unixfs-v1-2025", name: str = "harbour.jpg") -> bytes:
    fields = {
        "cid": compute_cid([CONTENT], profile),
        "name": name,
        "profile": profile,
        "size": len(CONTENT),
    }
    entry = compose(KIND, fields, ledger_key=LEDGER_KEY, nonce=NONCE, at=NOW).entry
    return bundle(open_fields(entry, KIND, fields, ledger_key=LEDGER_KEY, only=only or None))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "a.tlog-proof").write_bytes(a_proof())
    (tmp_path / "file").write_bytes(CONTENT)
    return tmp_path


def typed(place: Path, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "chronicle", "verify", *arguments],
        cwd=place,
        env={"PATH": os.environ["PATH"], "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_a_proof_with_its_file_and_key_is_proven_in_words(place: Path):
    code, said = typed(place, "a.tlog-proof", "file", "--key", KEY)
    assert code == 0
    for words in (
        "Proven.",
        "Entry 5 of the log log.example/chronicle",
        "11 entries",
        "2026-03-01 12:00:00 UTC",
        "a file was received",
        "name: harbour.jpg",
        "The file file is the one in the entry",
        "What it does not prove:",
        "nothing was left out",
    ):
        assert words in said


def test_the_key_may_be_in_a_file(place: Path):
    (place / "log.key").write_text(f"{KEY}\n")
    assert typed(place, "a.tlog-proof", "--key", "log.key")[0] == 0


def test_without_a_key_it_is_unauthenticated(place: Path):
    code, said = typed(place, "a.tlog-proof", "file")
    assert code == 2
    assert said.startswith("Unauthenticated")
    assert "Proven." not in said


def test_a_key_that_did_not_sign_it_is_not_enough(place: Path):
    stranger = Signer("other.example", b"o" * 32).verifier_key
    assert typed(place, "a.tlog-proof", "--key", stranger)[0] == 2


@pytest.mark.parametrize("content", [CONTENT + b"x", CONTENT[:-1], b""])
def test_another_file_makes_it_false(place: Path, content: bytes):
    (place / "file").write_bytes(content)
    code, said = typed(place, "a.tlog-proof", "file", "--key", KEY)
    assert code == 1
    assert said.startswith("FALSE")
    assert "another" in said


def test_a_changed_proof_is_false(place: Path):
    proof = a_proof().replace(b"index 5", b"index 6")
    (place / "a.tlog-proof").write_bytes(proof)
    assert typed(place, "a.tlog-proof", "--key", KEY)[0] == 1


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_the_profile_is_found_where_the_proof_does_not_open_it(place: Path, profile: str):
    (place / "a.tlog-proof").write_bytes(a_proof("cid", profile=profile))
    code, said = typed(place, "a.tlog-proof", "file", "--key", KEY)
    assert code == 0
    assert "keeps to itself: kind, name, profile, size" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("missing.tlog-proof",),
        ("file",),
        ("a.tlog-proof", "missing"),
        ("a.tlog-proof", "--key", "no key"),
        ("a.tlog-proof", "--key", "file"),
        (".",),
    ],
)
def test_what_can_not_be_read_is_said_to_be_unreadable(place: Path, arguments: tuple[str, ...]):
    code, said = typed(place, *arguments)
    assert code == 3
    assert said.startswith("Unreadable")


def test_a_strangers_text_can_not_play_with_the_terminal(place: Path):
    (place / "a.tlog-proof").write_bytes(a_proof(name="\x1b[2J\u202egpj.exe\x9b1m"))
    said = typed(place, "a.tlog-proof", "--key", KEY)[1]
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "\\u{1b}[2J" in said
