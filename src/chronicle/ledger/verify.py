"""Check a proof, and say in words what it proves and what it does not.

Pure: no server, no network, no clock. The CID of a file is computed by the caller, in each of the
profiles that the proof may mean; `file_question` says which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chronicle.ledger.bundles import ProofBundle
from chronicle.ledger.checkpoints import Checkpoint, parse_checkpoint
from chronicle.ledger.entries import Value, check_commitments, check_opening, parse_entry
from chronicle.ledger.failures import BadSignature
from chronicle.ledger.merkle import leaf_hash, proves_inclusion
from chronicle.ledger.notes import Verifier, parse_note, verified_by


class Outcome(StrEnum):
    """What came of checking a proof."""

    PROVEN = "proven"
    FALSE = "false"
    UNAUTHENTICATED = "unauthenticated"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file to hold against the proof: its size in bytes and its CID in each profile tried."""

    size: int
    cids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FileQuestion:
    """What a proof says of a file: its CID, and the profile if that was opened too."""

    cid: str
    profile: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result. `reason` says what is false or missing; None when all is proven.

    `signed_by` is the text of the pinned key that signed the checkpoint. `opened` holds the
    fields that the proof shows, `closed` the names of those that it keeps to itself. `file_profile`
    is the profile in which the file's CID is the one in the entry; None without a file.
    """

    outcome: Outcome
    reason: str | None
    index: int
    size: int
    origin: str
    at: datetime
    signed_by: str | None
    opened: Mapping[str, Value]
    closed: tuple[str, ...]
    file_profile: str | None


def file_question(bundle: ProofBundle) -> FileQuestion | None:
    """Which file a proof speaks of; None when it opens no CID."""
    openings = bundle.opened.openings
    cid, profile = openings.get("cid"), openings.get("profile")
    if cid is None or not isinstance(cid.value, str):
        return None
    named = profile.value if profile and isinstance(profile.value, str) else None
    return FileQuestion(cid.value, named)


def verify(
    bundle: ProofBundle, *, trusted: Sequence[Verifier] = (), file: FileFacts | None = None
) -> Verdict:
    """Check a proof, against a file if one is given, under the keys that the caller trusts.

    Without a key that the caller has from elsewhere the result is never `PROVEN`: anyone can
    make up a log with a proof in it.

    Raises:
        Unreadable: the entry or the checkpoint in the bundle does not follow its format.
    """
    note = parse_note(bundle.checkpoint)
    checkpoint = parse_checkpoint(note.text)
    try:
        signers, forged = verified_by(note, trusted), None
    except BadSignature as error:
        signers, forged = (), error.message
    named = [key for key in signers if key.name == checkpoint.origin]
    profile = _matching_profile(bundle, file)
    falsehood = forged or _falsehood(bundle, checkpoint) or _file_falsehood(bundle, file, profile)
    if falsehood is None and signers and not named:
        falsehood = "A pinned key signed the checkpoint, but of a log of another name."
    outcome, reason = _judge(falsehood, pinned=bool(trusted), signed=bool(named))
    return Verdict(
        outcome=outcome,
        reason=reason,
        index=bundle.index,
        size=checkpoint.head.size,
        origin=checkpoint.origin,
        at=parse_entry(bundle.opened.entry).at,
        signed_by=named[0].text if named else None,
        opened={name: opening.value for name, opening in bundle.opened.openings.items()},
        closed=tuple(n for n, _ in bundle.opened.commitments if n not in bundle.opened.openings),
        file_profile=profile,
    )


def _judge(falsehood: str | None, *, pinned: bool, signed: bool) -> tuple[Outcome, str | None]:
    if falsehood is not None:
        return Outcome.FALSE, falsehood
    if signed:
        return Outcome.PROVEN, None
    if pinned:
        return Outcome.UNAUTHENTICATED, "None of the pinned keys signed this checkpoint."
    return (
        Outcome.UNAUTHENTICATED,
        "No key was pinned, so it is not known whose log this is.",
    )


def _falsehood(bundle: ProofBundle, checkpoint: Checkpoint) -> str | None:
    """The first step from a field to the checkpoint's root that does not hold, or None."""
    opened, head = bundle.opened, checkpoint.head
    leaf = leaf_hash(opened.entry)
    if not proves_inclusion(leaf, bundle.index, head.size, bundle.hashes, head.root):
        return "The entry is not at this place in the checkpoint's tree."
    if not check_commitments(opened.entry, opened.commitments):
        return "The fields are not those that the entry commits to."
    for name, opening in opened.openings.items():
        if not check_opening(opened.commitments, name, opening):
            return f"The field “{name}” does not have the value that the entry commits to."
    return None


def _matching_profile(bundle: ProofBundle, file: FileFacts | None) -> str | None:
    question = file_question(bundle)
    if file is None or question is None:
        return None
    # A profile that the caller does not know, or that is not opened: any that was tried will do.
    named = question.profile
    wanted = [named] if named is not None and named in file.cids else list(file.cids)
    return next((each for each in wanted if file.cids.get(each) == question.cid), None)


def _file_falsehood(bundle: ProofBundle, file: FileFacts | None, profile: str | None) -> str | None:
    if file is None:
        return None
    if file_question(bundle) is None:
        return "The proof opens no CID, so it says nothing of this file."
    if profile is None:
        return "The file is not the one in the entry: its CID is another."
    size = bundle.opened.openings.get("size")
    if size is not None and size.value != file.size:
        return "The file is not the one in the entry: its size is another."
    return None
