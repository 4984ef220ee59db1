"""Which key follows which; and that whoever works with a ring follows it."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from chronicle.auth.refresh_tokens import RefreshTokens
from chronicle.auth.tokens import AccessTokens, Claims, Issuer
from chronicle.errors import CannotStart, Rejected, Unauthenticated
from chronicle.security.cursors import Cursors
from chronicle.security.encryption import FieldCipher, SealBroken
from chronicle.security.key_rotation import rotated, without
from chronicle.security.keys import Key, Keyring, Purpose, State, settled
from tests.fakes.world import FakeWorld, keyring

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AFTER = timedelta(minutes=10)
LIFE = timedelta(days=30)
_draws = itertools.count(1)


def draw(count: int) -> bytes:
    return next(_draws).to_bytes(count, "big")


def rotate(ring: Keyring, purpose: Purpose, *, at: datetime = NOW) -> Keyring:
    """The ring after one rotation, as it is once the new key writes."""
    keys = rotated(ring, purpose, now=at, after=AFTER, random=draw)
    return Keyring(settled(keys, at + AFTER))


@pytest.mark.parametrize("purpose", [Purpose.TOKEN, Purpose.FIELD, Purpose.CURSOR])
def test_a_new_key_is_known_first_and_writes_when_its_time_has_come(purpose: Purpose) -> None:
    ring = keyring()
    old = ring.active(purpose)
    keys = rotated(ring, purpose, now=NOW, after=AFTER, random=draw)
    before = Keyring(settled(keys, NOW + AFTER - timedelta(microseconds=1)))
    new = before.next(purpose)
    assert new is not None
    assert before.of(purpose) == [old, new]
    after = Keyring(settled(keys, NOW + AFTER))
    assert [(key.id, key.state) for key in after.of(purpose)] == [
        (new.id, State.ACTIVE),
        (old.id, State.RETIRED),
    ]
    assert after.of(purpose)[1].retired_at == NOW + AFTER
    assert after.next(purpose) is None


@pytest.mark.parametrize(
    ("purpose", "why"),
    [
        (Purpose.INDEX, "nobody would be found"),
        (Purpose.LEDGER, "another ledger"),
        (Purpose.AUDIT, "nothing to renew"),
    ],
)
def test_a_key_that_can_not_be_rotated_says_why(purpose: Purpose, why: str) -> None:
    with pytest.raises(CannotStart, match=why):
        rotated(keyring(), purpose, now=NOW, after=AFTER, random=draw)


def test_a_second_rotation_waits_for_the_first() -> None:
    once = Keyring(rotated(keyring(), Purpose.TOKEN, now=NOW, after=AFTER, random=draw))
    with pytest.raises(CannotStart, match="under way"):
        rotated(once, Purpose.TOKEN, now=NOW + timedelta(minutes=1), after=AFTER, random=draw)


def test_in_an_emergency_the_waiting_key_begins_at_once() -> None:
    once = Keyring(rotated(keyring(), Purpose.TOKEN, now=NOW, after=AFTER, random=draw))
    keys = rotated(once, Purpose.TOKEN, now=NOW, after=timedelta(0), random=draw)
    assert len(keys) == len(once.all())
    waiting = once.next(Purpose.TOKEN)
    assert waiting is not None
    assert Keyring(settled(keys, NOW)).active(Purpose.TOKEN).id == waiting.id


def test_a_retired_token_key_stays_until_its_last_token_has_expired() -> None:
    old = keyring().active(Purpose.TOKEN).id
    ring = rotate(keyring(), Purpose.TOKEN)
    retired = NOW + AFTER
    too_early = retired + LIFE - timedelta(microseconds=1)
    with pytest.raises(CannotStart, match="good until 2026-03-31 12:10:00"):
        without(ring, old, now=too_early, tokens_live=LIFE, force=False)
    kept = without(ring, old, now=retired + LIFE, tokens_live=LIFE, force=False)
    assert old not in {key.id for key in kept}
    assert len(kept) == len(ring.all()) - 1


def test_by_force_a_retired_token_key_goes_at_once() -> None:
    old = keyring().active(Purpose.TOKEN).id
    ring = rotate(keyring(), Purpose.TOKEN)
    kept = without(ring, old, now=NOW, tokens_live=LIFE, force=True)
    assert old not in {key.id for key in kept}


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("purpose", [Purpose.TOKEN, Purpose.FIELD, Purpose.CURSOR, Purpose.LEDGER])
def test_an_active_key_is_never_removed(purpose: Purpose, force: bool) -> None:
    active = keyring().active(purpose).id
    with pytest.raises(CannotStart, match="active"):
        without(keyring(), active, now=NOW, tokens_live=LIFE, force=force)


@pytest.mark.parametrize("force", [False, True])
def test_a_retired_field_key_is_never_removed(force: bool) -> None:
    old = keyring().active(Purpose.FIELD).id
    ring = rotate(keyring(), Purpose.FIELD)
    with pytest.raises(CannotStart, match="can't be read without it"):
        without(ring, old, now=NOW + 10 * LIFE, tokens_live=LIFE, force=force)


def test_an_old_cursor_key_and_a_token_key_that_never_signed_may_go() -> None:
    old = keyring().active(Purpose.CURSOR).id
    assert without(rotate(keyring(), Purpose.CURSOR), old, now=NOW, tokens_live=LIFE, force=False)
    waits = Keyring(rotated(keyring(), Purpose.TOKEN, now=NOW, after=AFTER, random=draw))
    waiting = waits.next(Purpose.TOKEN)
    assert waiting is not None
    kept = without(waits, waiting.id, now=NOW, tokens_live=LIFE, force=False)
    assert kept == keyring().all()


def test_a_key_that_is_not_there_is_not_removed() -> None:
    with pytest.raises(CannotStart, match="no key 0000"):
        without(keyring(), bytes(8), now=NOW, tokens_live=LIFE, force=True)


def test_what_was_sealed_before_a_rotation_opens_after_it() -> None:
    ring = keyring()
    cipher = FieldCipher(ring)
    place = {"table": "t", "record": b"r", "field": "f"}
    sealed = cipher.seal(b"before", **place)  # type: ignore[arg-type]
    assert ring.renew(rotate(keyring(), Purpose.FIELD).all())
    again = cipher.seal(b"after", **place)  # type: ignore[arg-type]
    assert again[1:9] == ring.active(Purpose.FIELD).id != sealed[1:9]
    assert cipher.open(sealed, **place) == b"before"  # type: ignore[arg-type]
    assert cipher.open(again, **place) == b"after"  # type: ignore[arg-type]
    with pytest.raises(SealBroken):
        FieldCipher(keyring()).open(again, **place)  # type: ignore[arg-type]


def test_a_process_that_knows_the_next_key_reads_what_it_seals_before_its_time() -> None:
    keys = rotated(keyring(), Purpose.FIELD, now=NOW, after=AFTER, random=draw)
    behind, ahead = Keyring(keys), Keyring(settled(keys, NOW + AFTER))
    sealed = FieldCipher(ahead).seal(b"new", table="t", record=b"r", field="f")
    assert FieldCipher(behind).open(sealed, table="t", record=b"r", field="f") == b"new"


def claims() -> Claims:
    seconds = int(NOW.timestamp())
    subject = "00000000-0000-7000-8000-000000000001"
    return Claims(
        iss="me", aud="me", sub=subject, client_id="c", sid=subject, jti="1", iat=seconds,
        nbf=seconds, exp=seconds + 600, auth_time=seconds, amr=["pwd"], acr="aal1",
    )  # fmt: skip


def test_a_token_by_a_removed_key_is_refused_though_it_was_verified_before() -> None:
    ring = keyring()
    old = ring.active(Purpose.TOKEN).id
    tokens = AccessTokens(ring, Issuer("me", "me", "c"))
    token = tokens.sign(claims())
    ring.renew(rotate(keyring(), Purpose.TOKEN).all())
    tokens.verify(token, now=NOW)
    ring.renew(without(ring, old, now=NOW, tokens_live=LIFE, force=True))
    with pytest.raises(Unauthenticated):
        tokens.verify(token, now=NOW)
    assert len(tokens.jwks()["keys"]) == 1


def test_refresh_tokens_and_cursors_outlive_a_rotation_and_die_with_their_key() -> None:
    ring = keyring()
    world = FakeWorld().world
    refresh_tokens, cursors = RefreshTokens(ring, world.random_bytes), Cursors(ring)
    token = refresh_tokens.issue(world.new_id(), 0)  # type: ignore[arg-type]
    cursor = cursors.encode("list", b"here")
    both = rotate(rotate(keyring(), Purpose.TOKEN), Purpose.CURSOR)
    ring.renew(both.all())
    assert refresh_tokens.read(token).generation == 0
    assert cursors.decode("list", cursor) == b"here"
    ring.renew([key for key in both.all() if key.state is State.ACTIVE])
    with pytest.raises(Unauthenticated):
        refresh_tokens.read(token)
    with pytest.raises(Rejected):
        cursors.decode("list", cursor)


def replaced(ring: Keyring, purpose: Purpose) -> list[Key]:
    other = Key(draw(8), purpose, State.ACTIVE, draw(32))
    return [other if key.purpose is purpose else key for key in ring.all()]


@pytest.mark.parametrize("purpose", [Purpose.INDEX, Purpose.LEDGER, Purpose.AUDIT, Purpose.FIELD])
def test_a_ring_does_not_take_keys_that_can_not_follow_its_own(purpose: Purpose) -> None:
    ring, seen = keyring(), []
    before = ring.all()
    ring.follow(lambda _: seen.append(1))
    with pytest.raises(ValueError, match=f"{purpose} key"):
        ring.renew(replaced(ring, purpose))
    assert ring.all() == before
    assert seen == [1]


def test_followers_hear_of_a_change_and_of_nothing_else() -> None:
    ring, seen = keyring(), []
    ring.follow(lambda now: seen.append(now.active(Purpose.TOKEN).id))
    assert not ring.renew(keyring().all())
    new = rotate(keyring(), Purpose.TOKEN)
    assert ring.renew(new.all())
    assert seen == [keyring().active(Purpose.TOKEN).id, new.active(Purpose.TOKEN).id]
