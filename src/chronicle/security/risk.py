"""How unusual a sign-in was, and why: what its owner looks for first in a long history.

A judgement of the moment, stored with the event: whoever looks later knows more, and would judge
otherwise. It refuses nothing and asks for nothing. Signs weigh more or less; a strange network
alone is everyday, for people move about.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from chronicle.security.visitors import Visitor

_MEDIUM, _HIGH = 2, 4
_MANY_WRONG = 3


class Risk(StrEnum):
    """How unusual it was."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Sign(StrEnum):
    """What was unusual."""

    NEW_DEVICE = "new_device"
    """No sign-in that was granted lately came from such a device."""
    NEW_NETWORK = "new_network"
    """None came from this network: a /24 of IPv4, a /48 of IPv6."""
    NEW_COUNTRY = "new_country"
    """None came from this country, as far as places are known; for a known device, its last use."""
    AFTER_WRONG_PASSWORDS = "after_wrong_passwords"
    """Three wrong passwords in a row or more came right before."""
    UNKNOWN_DEVICE = "unknown_device"
    """Refused; not a device that the account knows."""
    MANY_WRONG_PASSWORDS = "many_wrong_passwords"
    """Refused, because there were so many wrong passwords or codes before."""
    WRONG_WHILE_SIGNED_IN = "wrong_while_signed_in"
    """Refused: a wrong password or code of somebody signed in, such as a thief of a session."""
    REPLAYED_TOKEN = "replayed_token"
    """A refresh token that had been used was used again, as when it was copied."""


_WEIGHTS = {
    Sign.NEW_NETWORK: 1,
    Sign.NEW_DEVICE: 2,
    Sign.NEW_COUNTRY: 2,
    Sign.AFTER_WRONG_PASSWORDS: 2,
    Sign.UNKNOWN_DEVICE: 2,
    Sign.WRONG_WHILE_SIGNED_IN: 2,
    Sign.MANY_WRONG_PASSWORDS: 4,
    Sign.REPLAYED_TOKEN: 4,
}


@dataclass(frozen=True, slots=True)
class Assessment:
    """A judgement and its grounds."""

    risk: Risk
    why: tuple[Sign, ...]


def assess(signs: Iterable[Sign]) -> Assessment:
    """What these signs come to together."""
    why = tuple(signs)
    weight = sum(_WEIGHTS[sign] for sign in why)
    risk = Risk.HIGH if weight >= _HIGH else Risk.MEDIUM if weight >= _MEDIUM else Risk.LOW
    return Assessment(risk, why)


def signs_of_a_stranger(visitor: Visitor, seen: Iterable[Visitor]) -> tuple[Sign, ...]:
    """What is new about a visitor, beside those who were seen lately."""
    before = tuple(seen)
    found = {
        Sign.NEW_DEVICE: visitor.device not in {one.device for one in before},
        Sign.NEW_NETWORK: visitor.network not in {one.network for one in before},
        Sign.NEW_COUNTRY: _is_elsewhere(visitor, before),
    }
    return tuple(sign for sign, is_there in found.items() if is_there)


def signs_of_a_known_device(visitor: Visitor, last: Visitor | None) -> tuple[Sign, ...]:
    """What is new about one whose device the account knows, beside its last use if known."""
    return (Sign.NEW_COUNTRY,) if last is not None and _is_elsewhere(visitor, (last,)) else ()


def signs_of_guessing(failures: int) -> tuple[Sign, ...]:
    """What so many wrong passwords in a row before the right one say."""
    return (Sign.AFTER_WRONG_PASSWORDS,) if failures >= _MANY_WRONG else ()


def _is_elsewhere(visitor: Visitor, before: tuple[Visitor, ...]) -> bool:
    countries = {one.country for one in before} - {None}
    return visitor.country is not None and bool(countries) and visitor.country not in countries
