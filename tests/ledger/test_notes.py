import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.ledger.checkpoints import (
    EMPTY_TREE,
    Checkpoint,
    open_checkpoint,
    parse_checkpoint,
    settled_origin,
    sign_checkpoint,
)
from chronicle.ledger.failures import BadSignature, Unreadable
from chronicle.ledger.notes import Note, Signature, Signer, Verifier, parse_note, verified_by
from chronicle.ledger.ports import StoredCheckpoint, TreeHead
from tests.fakes.database.checkpoints import InMemoryCheckpoints
from tests.fakes.ledger import SIGNER

# The example of golang.org/x/mod/sumdb/note's documentation, which is also C2SP's first user.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUg"
    "YN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
TEXT = "a text\n\nof two paragraphs\n"


def test_a_note_of_gos_documentation_is_verified():
    key = Verifier.parse(GO_KEY)
    assert verified_by(parse_note(GO_NOTE), [key]) == (key,)
    assert key.text == GO_KEY


def test_a_signed_note_is_verified_by_its_key_alone():
    note = parse_note(SIGNER.sign(TEXT))
    assert note.text == TEXT
    assert verified_by(note, [SIGNER.verifier]) == (SIGNER.verifier,)
    assert verified_by(note, [Verifier.parse(GO_KEY)]) == ()
    assert verified_by(note, []) == ()


def test_a_key_of_the_same_name_is_another_key():
    other = Signer(SIGNER.name, b"t" * 32)
    assert verified_by(parse_note(SIGNER.sign(TEXT)), [other.verifier]) == ()


def test_a_note_is_refused_when_a_known_key_did_not_sign_what_it_says():
    signed = parse_note(SIGNER.sign(TEXT))
    with pytest.raises(BadSignature):
        verified_by(Note("another text\n", signed.signatures), [SIGNER.verifier])


def test_signatures_of_strangers_are_passed_over():
    signed = parse_note(SIGNER.sign(TEXT))
    stranger = Signature("witness.example", b"\x01\x02\x03\x04", b"\x04" + bytes(71))
    note = Note(TEXT, (stranger, *signed.signatures))
    assert verified_by(note, [SIGNER.verifier]) == (SIGNER.verifier,)


def test_the_published_key_is_read_back():
    assert Verifier.parse(SIGNER.verifier_key) == SIGNER.verifier
    assert Verifier.parse(f" {SIGNER.verifier_key}\n") == SIGNER.verifier


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+AAAA",
        GO_KEY.replace("c74f20a3", "c74f20a4"),
        GO_KEY.replace("c74f20a3", "C74F20A3"),
        GO_KEY.replace("PeterNeumann", "Peter Neumann"),
        GO_KEY.replace("+ARpc", "+Ahpc"),
        GO_KEY + "=",
        "+c74f20a3" + GO_KEY[21:],
    ],
)
def test_what_is_no_verifier_key_is_unreadable(text: str):
    with pytest.raises(Unreadable):
        Verifier.parse(text)


@given(st.text(max_size=120))
def test_any_text_is_a_verifier_key_or_unreadable(text: str):
    with pytest.raises(Unreadable):
        Verifier.parse(text)


def test_a_secret_is_not_shown():
    assert "ssss" not in repr(SIGNER)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "a\x7f"[:1] + "\x01"])
def test_a_key_has_a_name_that_fits_a_note(name: str):
    with pytest.raises(ValueError, match="key name"):
        Signer(name, bytes(32))


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"text\n",
        b"text\n\n",
        GO_NOTE[:-1],
        GO_NOTE.replace("—".encode(), b"-"),
        GO_NOTE.replace(b" x08go", b"  x08go"),
        GO_NOTE.replace(b"JnAM=", b"JnAN="),  # stray bits after the last byte
        GO_NOTE.replace(b"If", b"I\tf"),
        GO_NOTE.replace(b"If", b"\xff"),
        GO_NOTE.replace(b"\n", b"\r\n"),
        b"text\n\n" + "— name AAAA\n".encode(),
        b"text\n\n" + "— name AAAAAAAA\n".encode() * 101,
        b"x" * 1_000_001,
    ],
)
def test_what_is_no_note_is_unreadable(note: bytes):
    with pytest.raises(Unreadable):
        parse_note(note)


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_note_or_unreadable(data: bytes):
    with contextlib.suppress(Unreadable):
        assert parse_note(data).signatures


@given(st.data())
def test_a_changed_note_is_not_verified(data: st.DataObject):
    note = SIGNER.sign(TEXT)
    at = data.draw(st.integers(0, len(note) - 1))
    change = data.draw(st.integers(1, 255))
    changed = note[:at] + bytes([note[at] ^ change]) + note[at + 1 :]
    with contextlib.suppress(Unreadable):
        assert verified_by(parse_note(changed), [SIGNER.verifier]) == ()


def test_the_checkpoint_of_the_specification_is_read():
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    checkpoint = parse_checkpoint(text)
    assert checkpoint.origin == "example.com/behind-the-sofa"
    assert checkpoint.head.size == 20852163
    assert checkpoint.text() == text


def test_a_signed_checkpoint_is_opened():
    head = TreeHead(7, b"r" * 32)
    checkpoint, signers = open_checkpoint(sign_checkpoint(SIGNER, head), [SIGNER.verifier])
    assert checkpoint == Checkpoint(SIGNER.name, head)
    assert signers == (SIGNER.verifier,)


ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


def test_further_lines_of_a_checkpoint_are_kept():
    checkpoint = parse_checkpoint(f"log\n1\n{ROOT}\nextension\n")
    assert checkpoint.extensions == ("extension",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log\n1\n",
        f"log\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"log\n01\n{ROOT}\n",
        f"log\n-1\n{ROOT}\n",
        f"log\n+1\n{ROOT}\n",
        f"log\n1 \n{ROOT}\n",
        f"log\n\u0661\n{ROOT}\n",
        f"log\n9223372036854775808\n{ROOT}\n",
        f"log\n{'9' * 5000}\n{ROOT}\n",
        f"log\n0\n{ROOT}\n",
        "log\n1\nAAAA\n",
        f"log\n1\n{ROOT[:-1]}\n",
        f"log\n1\n{ROOT}\n\nextension\n",
    ],
)
def test_what_is_no_checkpoint_is_unreadable(text: str):
    with pytest.raises(Unreadable):
        parse_checkpoint(text)


@given(st.text(max_size=100))
def test_any_text_is_a_checkpoint_or_unreadable(text: str):
    with pytest.raises(Unreadable):
        parse_checkpoint(text)


async def test_a_log_keeps_the_name_that_it_was_begun_with():
    checkpoints = InMemoryCheckpoints()
    assert await settled_origin(checkpoints, "new.example") == "new.example"
    await checkpoints.start(StoredCheckpoint("old.example", EMPTY_TREE, b"", None))
    assert await settled_origin(checkpoints, "new.example") == "old.example"
