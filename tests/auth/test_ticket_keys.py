"""Which keys prove mailed codes and links: the token keys, which can be renewed, and no others."""

from dataclasses import replace

import msgspec
import pytest

from chronicle.auth.mailed_codes import MailedCodes, TicketIssued, TicketKeys, TicketPurpose
from chronicle.errors import Gone
from chronicle.security.encryption import FieldCipher
from chronicle.security.keys import Key, Keyring, Purpose, State
from tests.auth.conftest import Desk
from tests.fakes.world import keyring

SUBJECT = b"subject"
PURPOSE = TicketPurpose.SIGN_IN
TICKET = TicketKeys(keyring()).new_ticket(bytes(25))


class Held(msgspec.Struct):
    what: str


def with_other(ring: Keyring, purpose: Purpose) -> Keyring:
    """A ring that differs in one key."""
    other = keyring("other").active(purpose)
    changed = [
        replace(key, secret=other.secret) if key.purpose is purpose else key for key in ring.all()
    ]
    return Keyring(changed)


def rotated(ring: Keyring) -> list[Key]:
    """The keys after another token key has taken over."""
    new = Key(b"newnewid", Purpose.TOKEN, State.ACTIVE, bytes(32))
    old = [
        replace(key, state=State.RETIRED) if key.purpose is Purpose.TOKEN else key
        for key in ring.all()
    ]
    return [*old, new]


def codes_of(desk: Desk, ring: Keyring) -> MailedCodes:
    kept = desk.registration.codes
    return replace(kept, cipher=FieldCipher(ring), keys=TicketKeys(ring))


async def issued_before(codes: MailedCodes, ring: Keyring) -> tuple[TicketIssued, str, str]:
    """A ticket with its code and its link's token, from just before the token key changed."""
    issued, code = await codes.issue(PURPOSE, SUBJECT, Held("this"))
    link = codes.link_token(issued.ticket)
    assert ring.renew(rotated(ring))
    return issued, code, link


async def test_what_was_mailed_before_a_rotation_is_good_after_it(desk: Desk) -> None:
    ring = keyring()
    codes = codes_of(desk, ring)
    issued, code, link = await issued_before(codes, ring)
    assert (await codes.check(PURPOSE, issued.ticket, code, Held)).what == "this"
    assert (await codes.check_link(PURPOSE, issued.ticket, link, Held)).what == "this"
    desk.world.pass_time(minutes=2)
    _, other, _ = await codes.renew(PURPOSE, issued.ticket, Held)
    assert (await codes.check(PURPOSE, issued.ticket, other, Held)).what == "this"
    newer, code = await codes.issue(PURPOSE, SUBJECT, Held("that"))
    assert (await codes.check(PURPOSE, newer.ticket, code, Held)).what == "that"


async def test_what_was_mailed_under_a_key_that_was_removed_is_void(desk: Desk) -> None:
    ring = keyring()
    codes = codes_of(desk, ring)
    issued, code, link = await issued_before(codes, ring)
    assert ring.renew([key for key in ring.all() if key.state is not State.RETIRED])
    for use in (
        codes.check(PURPOSE, issued.ticket, code, Held),
        codes.check_link(PURPOSE, issued.ticket, link, Held),
        codes.renew(PURPOSE, issued.ticket, Held),
    ):
        with pytest.raises(Gone):
            await use


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_link_depends_on_the_token_key_alone(purpose: Purpose) -> None:
    ring = keyring()
    same = TicketKeys(ring).mac(TICKET, "link") == TicketKeys(with_other(ring, purpose)).mac(
        TICKET, "link"
    )
    assert same is (purpose is not Purpose.TOKEN)


@pytest.mark.parametrize(
    "ticket", ["", "x", "\u00e9", "AAAAAAAAAAAA", TICKET[1:], TICKET * 2 + "="]
)
async def test_a_made_up_ticket_is_over(desk: Desk, ticket: str) -> None:
    codes = desk.registration.codes
    for use in (
        codes.check(PURPOSE, ticket, "7K3M-Q9TD", Held),
        codes.check_link(PURPOSE, ticket, "x" * 22, Held),
        codes.renew(PURPOSE, ticket, Held),
        codes.look(PURPOSE, ticket, Held),
    ):
        with pytest.raises(Gone):
            await use
