"""One MongoDB database: how it is reached, how surely it keeps, how long it may take.

Every write is acknowledged once a majority has it in its journal. Every operation has a deadline
for all of it: finding a server, waiting for a connection, and the retries (client-side operation
timeout). Nothing here needs a transaction or a session of the caller's.
"""

import warnings
from collections.abc import Awaitable
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

import pymongo
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from chronicle.adapters.database.mongo.failures import translated
from chronicle.adapters.database.mongo.reads import READS

Document = dict[str, Any]
Collection = AsyncCollection[Document]
Database = AsyncDatabase[Document]

T = TypeVar("T")

DEFAULT_DATABASE = "chronicle"

LONGEST_SECONDS = 60
"""No operation takes longer, whatever the URL says."""

_SOON_SECONDS = 1.5

_SURELY = WriteConcern(w="majority", j=True)

_SECRET_OPTIONS = {"authmechanismproperties", "tlscertificatekeyfilepassword"}

# What the URL may set otherwise.
_DEFAULTS: dict[str, Any] = {
    "appName": "chronicle",
    "timeoutMS": 5000,
    "connectTimeoutMS": 3000,
    "maxPoolSize": 32,
    "retryWrites": True,
}


class CannotConnect(Exception):
    """There is no server, none that can be used, or none that lets us in; the text says which."""


async def open_engine(url: str) -> "Engine":
    """The database of a URL, once a server has answered for it.

    Raises:
        CannotConnect: the URL can't be understood, or nothing answers that can be written to.
    """
    try:
        engine = Engine(connect(url))
    except (PyMongoError, ValueError, TypeError, UserWarning) as error:
        raise CannotConnect(_without_secrets(str(error), url)) from error
    try:
        await engine.ask()
    except PyMongoError as error:
        await engine.close()
        raise CannotConnect(_without_secrets(_first_words(error), url)) from error
    return engine


def connect(url: str) -> AsyncMongoClient[Document]:
    """A client for the URL, which has connected to nothing yet.

    Raises:
        pymongo.errors.PyMongoError, ValueError, UserWarning: the URL can't be understood.
    """
    chosen = {name.lower() for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    defaults = {name: value for name, value in _DEFAULTS.items() if name.lower() not in chosen}
    with warnings.catch_warnings():
        # The driver would only warn of an option that it can't read, and leave it out: also of TLS.
        warnings.simplefilter("error", UserWarning)
        client: AsyncMongoClient[Document] = AsyncMongoClient(url, **defaults)
    deadline = client.options.timeout
    if not deadline or deadline > LONGEST_SECONDS:
        raise ValueError(f"timeoutMS takes 1 to {LONGEST_SECONDS * 1000}")
    return client


class Engine:
    """The database that a client's URL names, or `chronicle`."""

    def __init__(self, client: AsyncMongoClient[Document]) -> None:
        self._client = client
        self.database: Database = client.get_default_database(
            DEFAULT_DATABASE, write_concern=_SURELY
        )
        self._reads = {
            purpose: self.database.get_collection(
                purpose.partition(".")[0],
                read_concern=reading.concern,
                read_preference=reading.preference,
            )
            for purpose, reading in READS.items()
        }

    def reading(self, purpose: str) -> Collection:
        """A collection to read from, as surely as `READS` says for this purpose."""
        return self._reads[purpose]

    def writing(self, name: str) -> Collection:
        """A collection to write to: acknowledged by a majority, in its journals."""
        return self.database[name]

    async def answer(self, operation: Awaitable[T]) -> T:
        """What an operation comes to.

        Raises:
            Conflict, ValueError: nothing of it was stored.
            Unavailable: it failed, or its outcome is not known. Every write of Chronicle's is
                conditional, or stores the same when it is made again.
        """
        try:
            return await operation
        except PyMongoError as error:
            raise translated(error) from error

    async def is_up(self) -> bool:
        """Whether there is a primary that answers, and soon."""
        try:
            with pymongo.timeout(_SOON_SECONDS):
                await self.ask()
        except PyMongoError:
            return False
        return True

    async def ask(self) -> None:
        """Have the primary answer; raises the driver's own error when it does not."""
        await self._client.admin.command("ping")

    async def close(self) -> None:
        """Close every connection."""
        # It tells the server goodbye, and would look half a minute for one that is gone.
        with pymongo.timeout(_SOON_SECONDS):
            await self._client.close()


def stored(fields: Document) -> Document:
    """A document without its fields that are None: what is not there is not stored."""
    return {name: value for name, value in fields.items() if value is not None}


def optional_number(number: int | None) -> int | None:
    """A number as Python's own: the driver has a class for those of 64 bits."""
    return None if number is None else int(number)


def _first_words(error: PyMongoError) -> str:
    # After the first sentence the driver's messages describe its own view of the topology.
    return str(error).partition(", Timeout:")[0].partition(", full error")[0]


def _without_secrets(message: str, url: str) -> str:
    """The message, unless it repeats something of the URL that may be a password."""
    user_info = urlsplit(url).netloc.rpartition("@")[0]
    secrets = [part for part in (user_info, *user_info.split(":")[1:]) if part]
    options = parse_qsl(urlsplit(url).query)
    secrets += [value for name, value in options if name.lower() in _SECRET_OPTIONS]
    if any(secret in message or unquote(secret) in message for secret in secrets):
        return "its URL can't be understood"
    return message
