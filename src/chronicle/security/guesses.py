"""Guesses at passwords and codes: counted before anybody learns of them, and a lock that grows.

Nobody is told that a guess was wrong before it is counted, nor gets anything by a right one while a
lock stands: so of any number of guesses that race, as many are answered as there are left. The
count is in the database, so that nothing else that fails or is flushed gives anybody new guesses,
and stands under the subject's blind index, so that it is the same whether or not there is an
account.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chronicle.errors import TooMany
from chronicle.security.ports import GuessCount, GuessCounts, RightGuess
from chronicle.world import World


class GuessPurpose(StrEnum):
    """What is being guessed, and of whom the guesses are counted."""

    PASSWORD = "password"
    """The password of an identifier."""
    PASSWORD_ON_DEVICE = "password_on_device"
    """A password, from a device that the account knows."""
    PASSWORD_AGAIN = "password_again"
    """The password of an account, from somebody who is signed in to it."""
    MAILED_CODE = "mailed_code"
    """Codes mailed to an identifier, or for an account that is signed in, however many codes."""


@dataclass(frozen=True, slots=True)
class LockRule:
    """A lock after every `every` wrong guesses in a row, each as long as the next of `lengths`.

    The last length stays. After `forgotten_after` without a guess, all begins anew.
    """

    every: int
    lengths: tuple[timedelta, ...]
    forgotten_after: timedelta

    def counted(self, seen: GuessCount | None, now: datetime) -> GuessCount | None:
        """The count with one more guess in it, or None while it is locked."""
        if seen is None or now - seen.last_at >= self.forgotten_after:
            seen = GuessCount(0, now, None)
        if seen.locked_until is not None and now < seen.locked_until:
            return None
        failures = seen.failures + 1
        length = self._lock_after(failures)
        # A clock that was set back does not make a failure older than it is.
        return GuessCount(failures, max(now, seen.last_at), now + length if length else None)

    def given_back(self, seen: GuessCount | None) -> GuessCount | None:
        """The count without a guess that must not count, and without the lock that it began."""
        if seen is None or seen.failures <= 1:
            return None
        began_a_lock = seen.failures % self.every == 0
        locked_until = None if began_a_lock else seen.locked_until
        return GuessCount(seen.failures - 1, seen.last_at, locked_until)

    def grows(self, failures: int) -> bool:
        """Whether the lock after so many failures is not yet the longest there is, again."""
        return failures <= self.every * len(self.lengths)

    def _lock_after(self, failures: int) -> timedelta | None:
        locks, rest = divmod(failures, self.every)
        return None if rest else self.lengths[min(locks, len(self.lengths)) - 1]


PASSWORDS = LockRule(
    every=5,
    lengths=tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60)),
    forgotten_after=timedelta(hours=24),
)
# A code has 40 bits and a ticket five guesses; this is for those who ask for ticket after ticket.
MAILED_CODES = LockRule(
    every=10,
    lengths=tuple(timedelta(minutes=minutes) for minutes in (15, 60, 240)),
    forgotten_after=timedelta(hours=24),
)


@dataclass(frozen=True, slots=True)
class Guess:
    """One guess: whether it may be answered, and the how-manieth in a row it is, or would be.

    `lock` is the lock that it meets or, wrong, begins.
    """

    allowed: bool
    failures: int
    lock: timedelta | None

    def refusal(self) -> TooMany:
        """What a guess that meets a lock answers."""
        seconds = self.lock.total_seconds() if self.lock else 0
        return TooMany(retry_after_seconds=max(1, int(-(-seconds // 1))))


@dataclass(frozen=True, slots=True)
class Guesses:
    """Counts the guesses of one purpose. Subjects are blind indexes or ids.

    Call `begin` before anything is checked, and check nothing unless it is allowed. Then `settle`
    a right guess; a wrong one is counted already. `give_back` what must not count.

    Or check first, and tell nobody; then `begin`, and go on only if it is allowed. Or `look`, and
    answer alike what meets a lock, right or wrong; `begin` counts the wrong one, and what a `right`
    one leads to is stored on the condition that no lock began meanwhile.
    """

    counts: GuessCounts
    purpose: GuessPurpose
    rule: LockRule
    world: World

    async def begin(self, subject: bytes) -> Guess:
        """Count a guess, as if it were wrong. Durable on return, for every process."""
        now = self.world.now()
        counted, stands = await self.counts.count(self.purpose, subject, rule=self.rule, now=now)
        return _guess(counted, stands, now)

    async def look(self, subject: bytes) -> Guess:
        """How a guess would stand now. Nothing is counted."""
        now = self.world.now()
        seen = await self.counts.find(self.purpose, subject)
        counted = self.rule.counted(seen, now)
        if counted is None and seen is not None:
            return _guess(False, seen, now)
        return Guess(allowed=True, failures=counted.failures if counted else 1, lock=None)

    def right(self, subject: bytes, *, counted: bool) -> RightGuess:
        """A guess that was right; unless it is counted, it can meet a lock when it is stored."""
        return RightGuess(self.purpose, subject, self.rule, self.world.now(), counted)

    def refused(self, guess: RightGuess, met: GuessCount) -> Guess:
        """One that met a lock."""
        return _guess(False, met, guess.at)

    async def settle(self, subject: bytes) -> None:
        """Forget every wrong guess: one was right."""
        await self.counts.clear(self.purpose, subject)

    async def forget_old(self) -> int:
        """Drop the counts, of any purpose, that this rule has forgotten; how many."""
        return await self.counts.forget(before=self.world.now() - self.rule.forgotten_after)

    async def give_back(self, subject: bytes) -> None:
        """Take back a guess that must not count: it was not checked, or was right."""
        await self.counts.give_back(self.purpose, subject, rule=self.rule)


def _guess(allowed: bool, stands: GuessCount, now: datetime) -> Guess:
    lock = stands.locked_until - now if stands.locked_until is not None else None
    return Guess(allowed, stands.failures, lock)
