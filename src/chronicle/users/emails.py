"""E-mail addresses: the one canonical form that decides whether two of them are the same."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

from chronicle.errors import FieldError, Rejected
from chronicle.users import look_alikes

_LONGEST_ADDRESS = 254
_LONGEST_LOCAL_PART = 64
_NEVER = frozenset(' ()<>[],;:\\"')


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address as entered (trimmed, deliverable) and in the form that must be unique."""

    entered: str
    canonical: str


def parse_email(text: str) -> EmailAddress:
    """Read an address a person typed.

    One `@`; no white space or control characters; the domain through UTS-46 to lower-case
    A-labels (RFC 5891); the local part NFC and case-folded for uniqueness only. Dots and plus
    tags are kept: what they mean is the mailbox owner's business. RFC 5321 4.5.3.1 bounds it.

    Raises:
        Rejected: `invalid_request` for the field `email`.
    """
    entered = unicodedata.normalize("NFC", text.strip())
    local, at, domain = entered.partition("@")
    if not at or not local or "@" in domain or not _is_fit(entered):
        raise _refused("is not an e-mail address, like name@example.org")
    if local.startswith(".") or local.endswith(".") or ".." in local:
        raise _refused("has a dot where an address can have none")
    ascii_domain = _domain(domain)
    canonical = f"{unicodedata.normalize('NFC', local.casefold())}@{ascii_domain}"
    longest = max(len(entered.encode()), len(canonical.encode()))
    if longest > _LONGEST_ADDRESS or len(local.encode()) > _LONGEST_LOCAL_PART:
        raise _refused("is longer than an address can be")
    return EmailAddress(entered=f"{local}@{ascii_domain}", canonical=canonical)


def parse_new_email(text: str) -> EmailAddress:
    """Read an address that is to become an account's; one that passes for another is refused.

    What is ASCII is never refused for its looks. UTS #39, 3.3: the local part in NFKC and without
    what nobody sees, each part of it and each label of the domain in one script. A part that looks
    like ASCII throughout, and isn't, is refused unless the top-level domain is in its script: a
    choir's Russian name, which looks like "xop", is theirs to use under a Russian domain, and
    poses under any other.

    Raises:
        Rejected: as `parse_email`; `look_alike` for the field `email`.
    """
    email = parse_email(text)
    local, _, domain = email.entered.rpartition("@")
    labels = idna.decode(domain).split(".")
    if not local.isascii() and unicodedata.normalize("NFKC", local) != local:
        raise _poses("has variants of plain characters before the @")
    if any(look_alikes.is_filler(c) or look_alikes.selects_a_variant(c) for c in local):
        raise _poses("has a character that nobody sees before the @")
    # A tag after a plus sign is the owner's own note, in the script that they like.
    for part in (*local.split("+"), *labels):
        _refuse_look_alike(part, top_level=labels[-1])
    return email


def _refuse_look_alike(part: str, *, top_level: str) -> None:
    if look_alikes.mixes_scripts(part):
        raise _poses("has alphabets mixed, so that it can be taken for another address")
    if look_alikes.mixes_digits(part):
        raise _poses("has digits of different scripts")
    at_home = look_alikes.scripts_of(part) == look_alikes.scripts_of(top_level)
    if at_home and not look_alikes.is_latin(part):
        return
    if look_alikes.looks_ascii(part) or look_alikes.looks_ascii(part.casefold()):
        raise _poses("is easily taken for another address, which has Latin letters")


@lru_cache(maxsize=1024)  # most people have theirs with one of a few
def _domain(domain: str) -> str:
    try:
        ascii_domain = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise _refused("has a domain that can't be one") from error
    if "." not in ascii_domain or ascii_domain.endswith("."):
        raise _refused("needs a full domain, like example.org")
    return ascii_domain


def _is_fit(entered: str) -> bool:
    """Whether each of these characters can stand in an address."""
    if not _NEVER.isdisjoint(entered):
        return False
    return all(map(_can_be_seen, entered)) if not entered.isascii() else entered.isprintable()


def _can_be_seen(character: str) -> bool:
    if character.isspace():
        return False
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co", "Cn"}


def _poses(why: str) -> Rejected:
    return Rejected("look_alike", f"email: {why}", fields=(FieldError("email", why),))


def _refused(why: str) -> Rejected:
    return Rejected("invalid_request", f"email: {why}", fields=(FieldError("email", why),))
