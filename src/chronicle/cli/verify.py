"""`chronicle verify`: check a proof without any server, network or setting."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from chronicle.errors import Failure
from chronicle.ledger.bundles import MAX_BUNDLE_BYTES, ProofBundle, parse_bundle
from chronicle.ledger.entries import Value
from chronicle.ledger.failures import Unreadable
from chronicle.ledger.kinds import in_words
from chronicle.ledger.notes import Verifier
from chronicle.ledger.verify import FileFacts, Outcome, Verdict, file_question
from chronicle.ledger.verify import verify as check
from chronicle.uploads.unixfs import PROFILES, compute_cid

EXIT_UNREADABLE = 3
EXIT_CODES = {Outcome.PROVEN: 0, Outcome.FALSE: 1, Outcome.UNAUTHENTICATED: 2}

_PIECE_BYTES = 1 << 20
_MAX_KEY_BYTES = 10_000
_HEADINGS = {
    Outcome.PROVEN: "Proven.",
    Outcome.FALSE: "FALSE: this proof does not hold.",
    Outcome.UNAUTHENTICATED: "Unauthenticated: it holds together, but no pinned key signed it.",
}
_NOT_PROVEN = (
    "that the clock of the server was right",
    "who the person behind the account is",
    "that nothing was left out of the log",
    "that everyone is shown the same log: compare checkpoints for that",
)


def verify(
    proof: Path,
    file: Path | None = None,
    *,
    key: Annotated[str | None, Parameter(name=["--key", "-k"])] = None,
) -> int:
    """Check a proof, and say in words what it proves and what it does not.

    Exits 0 when it is proven, 1 when it is false, 2 when no trusted key signed it, 3 when something
    can't be read.

    Parameters
    ----------
    proof:
        The `.tlog-proof` file.
    file:
        The file that the proof is said to be about.
    key:
        The log's verifier key, or a file that holds it. Get it from someone you trust, not from
        beside the proof.
    """
    try:
        trusted = [_read_key(key)] if key is not None else []
        bundle = parse_bundle(_read_at_most(proof, MAX_BUNDLE_BYTES))
        verdict = check(bundle, trusted=trusted, file=_facts(file, bundle) if file else None)
    except (Failure, OSError) as error:
        print(f"Unreadable: {error.message if isinstance(error, Failure) else error}")
        return EXIT_UNREADABLE
    print("\n".join(_report(verdict, file)))
    return EXIT_CODES[verdict.outcome]


def _read_key(key: str) -> Verifier:
    # A verifier key is no path: it has three parts, and its name often holds a slash.
    try:
        return Verifier.parse(key)
    except Unreadable:
        if not Path(key).is_file():
            raise
    try:
        return Verifier.parse(_read_at_most(Path(key), _MAX_KEY_BYTES).decode())
    except UnicodeDecodeError as error:
        raise Unreadable(f"{key} holds no verifier key") from error


def _read_at_most(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Unreadable(f"{path} is larger than {limit} bytes")
    return content


def _facts(path: Path, bundle: ProofBundle) -> FileFacts:
    question = file_question(bundle)
    named = question.profile if question else None
    profiles = [named] if named is not None and named in PROFILES else list(PROFILES)
    cids = {profile: compute_cid(_pieces(path), profile) for profile in profiles}
    return FileFacts(path.stat().st_size, cids)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _report(verdict: Verdict, file: Path | None) -> Iterator[str]:
    yield _HEADINGS[verdict.outcome]
    if verdict.reason:
        yield f"  {_shown(verdict.reason)}"
    if verdict.outcome is Outcome.FALSE:
        return
    yield ""
    yield from _claims(verdict, file)
    if verdict.closed:
        yield f"  - It keeps to itself: {', '.join(verdict.closed)}."
    yield ""
    yield "What it does not prove:"
    yield from (f"  - {each}" for each in _unproven(verdict))


def _claims(verdict: Verdict, file: Path | None) -> Iterator[str]:
    proven = verdict.outcome is Outcome.PROVEN
    yield "What it proves:" if proven else "What it would prove, if the log were authentic:"
    yield (
        f"  - Entry {verdict.index} of the log {_shown(verdict.origin)} stands in it, "
        f"in a tree of {verdict.size} entries."
    )
    yield f"  - It is dated {verdict.at:%Y-%m-%d %H:%M:%S} UTC."
    kind = in_words(str(verdict.opened.get("kind")))
    if kind:
        yield f"  - It says that {kind}."
    for name, value in sorted(verdict.opened.items()):
        yield f"  - {name}: {_shown(value)}"
    if file is not None:
        yield f"  - The file {_shown(str(file))} is the one in the entry, byte for byte."
    if verdict.signed_by:
        yield f"  - The checkpoint is signed by {_shown(verdict.signed_by)}."


def _unproven(verdict: Verdict) -> Sequence[str]:
    if verdict.outcome is Outcome.UNAUTHENTICATED:
        return ("whose log this is: pass the log's key with --key", *_NOT_PROVEN)
    return _NOT_PROVEN


def _shown(value: Value) -> str:
    """A value as it may be shown in a terminal: a proof is a stranger's text."""
    if isinstance(value, bytes):
        return value.hex()
    return "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in str(value))
