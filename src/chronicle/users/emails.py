"""E-mail addresses: the one canonical form that decides whether two of them are the same."""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import idna

from chronicle.errors import FieldError, Rejected

_LONGEST_ADDRESS = 254
_LONGEST_LOCAL_PART = 64


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
    if not at or not local or "@" in domain or any(map(_never_in_an_address, entered)):
        raise _refused("is not an e-mail address, like name@example.org")
    if local.startswith(".") or local.endswith(".") or ".." in local:
        raise _refused("has a dot where an address can have none")
    ascii_domain = _domain(domain)
    canonical = f"{unicodedata.normalize('NFC', local.casefold())}@{ascii_domain}"
    longest = max(len(entered.encode()), len(canonical.encode()))
    if longest > _LONGEST_ADDRESS or len(local.encode()) > _LONGEST_LOCAL_PART:
        raise _refused("is longer than an address can be")
    return EmailAddress(entered=f"{local}@{ascii_domain}", canonical=canonical)


@lru_cache(maxsize=1024)  # most people have theirs with one of a few
def _domain(domain: str) -> str:
    try:
        ascii_domain = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise _refused("has a domain that can't be one") from error
    if "." not in ascii_domain or ascii_domain.endswith("."):
        raise _refused("needs a full domain, like example.org")
    return ascii_domain


def _never_in_an_address(character: str) -> bool:
    return (
        character.isspace()
        or unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn"}
        or character in '()<>[],;:\\"'
    )


def _refused(why: str) -> Rejected:
    return Rejected("invalid_request", f"email: {why}", fields=(FieldError("email", why),))
