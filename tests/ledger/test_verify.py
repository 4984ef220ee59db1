from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chronicle.ledger.bundles import ProofBundle, parse_bundle
from chronicle.ledger.checkpoints import Checkpoint, sign_checkpoint
from chronicle.ledger.entries import Opening
from chronicle.ledger.failures import Unreadable
from chronicle.ledger.notes import Signer, Verifier
from chronicle.ledger.ports import TreeHead
from chronicle.ledger.verify import FileFacts, Outcome, Verdict, file_question, verify
from tests.fakes.ledger import NOW, SIGNER
from tests.ledger.samples import FIELDS, bundle, opened, parsed

KEY = SIGNER.verifier
CID, PROFILE = str(FIELDS["cid"]), str(FIELDS["profile"])
FILE = FileFacts(12, {PROFILE: CID})


def check(
    proof: ProofBundle | None = None,
    *,
    trusted: tuple[Verifier, ...] = (KEY,),
    file: FileFacts | None = None,
) -> Verdict:
    return verify(proof or parsed(opened()), trusted=trusted, file=file)


def test_a_whole_proof_under_a_pinned_key_is_proven():
    verdict = check()
    assert verdict.outcome is Outcome.PROVEN
    assert verdict.reason is None
    assert (verdict.index, verdict.size, verdict.origin) == (5, 11, SIGNER.name)
    assert verdict.at == NOW
    assert verdict.signed_by == SIGNER.verifier_key
    assert verdict.opened == {"kind": "upload.received", **FIELDS}
    assert verdict.closed == ()


def test_what_a_proof_keeps_closed_is_named_and_not_shown():
    verdict = check(parsed(opened("cid")))
    assert verdict.outcome is Outcome.PROVEN
    assert verdict.opened == {"cid": CID}
    assert verdict.closed == ("kind", "name", "owner", "profile", "size")


def test_without_a_pinned_key_nothing_is_proven():
    assert check(trusted=()).outcome is Outcome.UNAUTHENTICATED
    stranger = Signer("other.example", b"o" * 32).verifier
    assert check(trusted=(stranger,)).outcome is Outcome.UNAUTHENTICATED


def test_a_key_of_the_same_name_vouches_for_nothing():
    assert check(trusted=(Signer(SIGNER.name, b"x" * 32).verifier,)).outcome is (
        Outcome.UNAUTHENTICATED
    )


def test_any_of_several_pinned_keys_will_do():
    stranger = Signer("other.example", b"o" * 32).verifier
    assert check(trusted=(stranger, KEY)).outcome is Outcome.PROVEN


def test_a_pinned_key_does_not_vouch_for_a_log_of_another_name():
    whole = parsed(opened())
    renamed = Checkpoint("other.example", TreeHead(11, _root(whole)))
    proof = replace(whole, checkpoint=SIGNER.sign(renamed.text()))
    assert check(proof).outcome is Outcome.FALSE


def _root(proof: ProofBundle) -> bytes:
    from chronicle.ledger.checkpoints import open_checkpoint

    return open_checkpoint(proof.checkpoint, [])[0].head.root


@pytest.mark.parametrize("trusted", [(), (KEY,)])
def test_a_proof_that_does_not_hold_is_false_whoever_signed(trusted: tuple[Verifier, ...]):
    whole = parsed(opened())
    shown = whole.opened
    wrong_value = {**shown.openings, "size": replace(shown.openings["size"], value=13)}
    wrong_field = {**shown.openings, "stranger": Opening("x", bytes(32))}
    broken = [
        replace(whole, index=4),
        replace(whole, index=11),
        replace(whole, hashes=whole.hashes[:-1]),
        replace(whole, hashes=whole.hashes[::-1]),
        replace(whole, opened=replace(shown, openings=wrong_value)),
        replace(whole, opened=replace(shown, openings=wrong_field)),
        replace(whole, opened=replace(shown, commitments=shown.commitments[:-1], openings={})),
    ]
    for proof in broken:
        verdict = check(proof, trusted=trusted)
        assert verdict.outcome is Outcome.FALSE
        assert verdict.reason


def test_a_checkpoint_that_the_pinned_key_did_not_sign_is_false():
    whole = parsed(opened())
    text = whole.checkpoint.replace(b"\n11\n", b"\n12\n")
    assert check(replace(whole, checkpoint=text)).outcome is Outcome.FALSE


def test_an_empty_log_proves_nothing():
    proof = replace(
        parsed(opened()),
        index=0,
        hashes=(),
        checkpoint=sign_checkpoint(SIGNER, TreeHead(1, bytes(32))),
    )
    assert check(proof).outcome is Outcome.FALSE


def test_the_file_of_the_entry_is_recognised():
    verdict = check(file=FILE)
    assert (verdict.outcome, verdict.file_profile) == (Outcome.PROVEN, PROFILE)


@pytest.mark.parametrize(
    "file",
    [
        FileFacts(12, {PROFILE: "bafkother"}),
        FileFacts(13, {PROFILE: CID}),
        # The CID of another profile is that of other blocks.
        FileFacts(12, {PROFILE: "bafkother", "unixfs-v0-2015": CID}),
        FileFacts(12, {}),
    ],
)
def test_another_file_makes_the_proof_false(file: FileFacts):
    assert check(file=file).outcome is Outcome.FALSE


def test_without_a_profile_any_that_was_tried_will_do():
    proof = parsed(opened("cid"))
    assert file_question(proof).profile is None  # type: ignore[union-attr]
    verdict = check(proof, file=FileFacts(12, {"a": "bafkother", "b": CID}))
    assert (verdict.outcome, verdict.file_profile) == (Outcome.PROVEN, "b")


def test_a_proof_that_opens_no_cid_says_nothing_of_a_file():
    proof = parsed(opened("size"))
    assert file_question(proof) is None
    assert check(proof, file=FILE).outcome is Outcome.FALSE


def test_an_unreadable_entry_or_checkpoint_is_unreadable():
    whole = parsed(opened())
    with pytest.raises(Unreadable):
        check(replace(whole, checkpoint=b"x"))
    with pytest.raises(Unreadable):
        check(parsed(replace(opened(), entry=b"no entry")))


PROOF = bundle(opened())


@given(st.integers(0, len(PROOF) - 1), st.integers(1, 255))
def test_no_changed_proof_proves_anything_else(at: int, change: int):
    changed = PROOF[:at] + bytes([PROOF[at] ^ change]) + PROOF[at + 1 :]
    try:
        verdict = check(parse_bundle(changed), file=FILE)
    except Unreadable:
        return
    if verdict.outcome is Outcome.PROVEN:
        assert verdict == check(file=FILE)
