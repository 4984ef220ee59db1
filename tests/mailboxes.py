"""Codes and links in what a development server mailed, by address."""

import re

from tests.running_server import Person, eventually

CODE = re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b")


def mails_to(person: Person, address: str) -> list[dict[str, str]]:
    """The mails to an address, newest first; `person` only asks."""
    items = person.client.get("/api/dev/outbox").json()["items"]
    return [mail for mail in items if mail["to"] == address]


def code_mailed_to(person: Person, address: str) -> str:
    """The newest code that was mailed there."""

    def look() -> str | None:
        codes = [CODE.search(mail["subject"]) for mail in mails_to(person, address)]
        return next((code[0] for code in codes if code), None)

    code = eventually(look)
    assert code is not None
    return code


def token_mailed_to(person: Person, address: str, page: str) -> str:
    """The newest token of a link to a page that was mailed there."""

    def look() -> str | None:
        pattern = re.compile(rf"/{page}#token=([\w-]{{22}})")
        found = [pattern.search(mail["text"]) for mail in mails_to(person, address)]
        return next((match[1] for match in found if match), None)

    token = eventually(look)
    assert token is not None
    return token
