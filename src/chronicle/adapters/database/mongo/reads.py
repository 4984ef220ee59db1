"""How surely each read is answered: one table, so that the reasons stand side by side.

All reads go to the primary. A secondary may be seconds behind, and what a caller just stored (an
upload, a new session, the end of an old one) must be there when the caller looks next.

What a primary answers can still be taken back when it loses an election (`local`), or be what was
true before it lost one (`local` and `majority`, for the ten seconds or so until it notices). Where
that matters is said below. Decisions never rest on a read: they are conditional writes, and those
are acknowledged by a majority.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import Primary


@dataclass(frozen=True, slots=True)
class Reading:
    """A read concern, and which member is asked."""

    concern: ReadConcern
    preference: Primary = field(default_factory=Primary)


NEWEST = Reading(ReadConcern("local"))
"""What the primary has. The cheapest, and never older than what was acknowledged."""

SETTLED = Reading(ReadConcern("majority"))
"""What can't be taken back any more: for what is published, and can't be taken back either."""

CONFIRMED = Reading(ReadConcern("linearizable"))
"""What the primary has, after a majority confirmed that it is the primary. A round trip more."""

READS: Mapping[str, Reading] = {
    # A change that is read before a majority has it shows at most what will be there in a moment.
    "accounts.get": NEWEST,
    "accounts.find_by_email": NEWEST,
    # On the path of every signed-in call. A primary that was cut off can go on answering for a
    # session that ended elsewhere, until it steps down; see docs/databases.md.
    "sessions.live_owner": NEWEST,
    "sessions.live_of": NEWEST,
    "sessions.get": NEWEST,
    "events.page": NEWEST,
    "events.granted": NEWEST,
    "known_devices.find": NEWEST,
    "known_devices.of_account": NEWEST,
    "mailed_tokens.find": NEWEST,
    "accounts.gather": NEWEST,
    "uploads.get": NEWEST,
    "uploads.find_by_key": NEWEST,
    "uploads.page": NEWEST,
    # Bytes that no upload refers to are deleted: a primary that was cut off must not say so.
    "uploads.has_cid": CONFIRMED,
    # The log publishes what it finds here, and nobody can take back what was published.
    "accounts.pending": SETTLED,
    "events.pending": SETTLED,
    "uploads.pending": SETTLED,
    # The log goes on from here: a checkpoint that is taken back after that would fork it.
    "checkpoint.load": SETTLED,
    # At a start. A primary that was cut off can answer a time that is as old as its cut.
    "clock_floor.read": NEWEST,
    # Before a conditional write, which compares all of it again.
    "guess_counts.count": NEWEST,
    "mails.claim": NEWEST,
    # The revision is read first: blocks as new as it, or newer.
    "blocks.all": NEWEST,
    "blocks_revision.revision": NEWEST,
    # What to delete; the deletion asks for the same again.
    "events.forget": NEWEST,
    "known_devices.add": NEWEST,
    "mails.forget": NEWEST,
    "sessions.forget": NEWEST,
    # Whether this Chronicle may work on the database at all.
    "migrations.version": SETTLED,
}
