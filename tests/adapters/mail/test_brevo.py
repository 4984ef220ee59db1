import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
import pytest

from chronicle.adapters.mail.brevo import BrevoTransport
from chronicle.auth.ports import Mail, MailDelayed, MailerMisconfigured, MailRefused, MailTrouble
from tests.running_server import free_port
from tests.scripted_brevo import API_KEY, Answer, ScriptedBrevo

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KEY = UUID("01890000-0000-7000-8000-000000000001")
MAIL = Mail("ada@example.net", "Grüße", "Text\n", "<p>Text</p>")


@pytest.fixture
def brevo() -> Iterator[ScriptedBrevo]:
    with ScriptedBrevo() as brevo:
        yield brevo


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=10) as client:
        yield client


@pytest.fixture
def transport(brevo: ScriptedBrevo, client: httpx2.AsyncClient) -> BrevoTransport:
    return BrevoTransport(
        client, url=brevo.url, api_key=API_KEY, sender="Chronicle <no-reply@example.org>"
    )


async def deliver(transport: BrevoTransport, key: UUID = KEY) -> MailTrouble | None:
    """What stood in the way of a mail, or None."""
    try:
        await transport.deliver(MAIL, key=key, written_at=NOW)
    except MailTrouble as trouble:
        return trouble
    return None


async def test_a_mail_is_handed_over_whole(brevo: ScriptedBrevo, transport: BrevoTransport) -> None:
    assert await deliver(transport) is None
    assert brevo.sent == [
        {
            "sender": {"name": "Chronicle", "email": "no-reply@example.org"},
            "to": [{"email": "ada@example.net"}],
            "subject": "Grüße",
            "textContent": "Text\n",
            "htmlContent": "<p>Text</p>",
            "headers": {"idempotencyKey": str(KEY)},
        }
    ]


async def test_a_sender_without_a_name_stays_without_one(
    brevo: ScriptedBrevo, client: httpx2.AsyncClient
) -> None:
    transport = BrevoTransport(client, url=brevo.url, api_key=API_KEY, sender="a@example.org")
    assert await deliver(transport) is None
    assert brevo.sent[0]["sender"] == {"email": "a@example.org"}


async def test_a_key_that_was_used_before_means_that_the_mail_is_on_its_way(
    brevo: ScriptedBrevo, transport: BrevoTransport
) -> None:
    assert await deliver(transport) is None
    assert await deliver(transport) is None
    assert (len(brevo.calls), len(brevo.sent)) == (2, 1)


async def test_an_answer_that_was_lost_brings_no_second_mail(
    brevo: ScriptedBrevo, transport: BrevoTransport
) -> None:
    brevo.script.append(Answer(201, taken=True, cut_off=True))
    assert isinstance(await deliver(transport), MailDelayed)
    assert await deliver(transport) is None
    assert len(brevo.sent) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_parameter", MailRefused),
        (400, "missing_parameter", MailRefused),
        (400, "out_of_range", MailRefused),
        (400, "bad_request", MailRefused),
        (422, "unprocessable_entity", MailRefused),
        (413, "", MailRefused),
        (400, "not_enough_credits", MailerMisconfigured),
        (402, "not_enough_credits", MailerMisconfigured),
        (401, "unauthorized", MailerMisconfigured),
        (403, "permission_denied", MailerMisconfigured),
        (403, "reseller_permission_denied", MailerMisconfigured),
        (403, "account_under_validation", MailerMisconfigured),
        (400, "account_under_validation", MailerMisconfigured),
        (404, "document_not_found", MailerMisconfigured),
        (405, "method_not_allowed", MailerMisconfigured),
        (406, "not_acceptable", MailerMisconfigured),
        (302, "", MailerMisconfigured),
        (408, "", MailDelayed),
        (425, "", MailDelayed),
        (429, "too_many_requests", MailDelayed),
        (500, "internal_server_error", MailDelayed),
        (502, "", MailDelayed),
        (503, "", MailDelayed),
    ],
)
async def test_each_answer_says_whether_to_try_again(
    brevo: ScriptedBrevo,
    transport: BrevoTransport,
    status: int,
    code: str,
    kind: type[MailTrouble],
) -> None:
    brevo.script.append(Answer(status, code, "ada@example.net is not valid in to"))
    trouble = await deliver(transport)
    assert type(trouble) is kind
    assert trouble.reason == f"brevo {status} {code}".strip()


@pytest.mark.parametrize("code", ["duplicate_parameter", "duplicate_request"])
async def test_both_words_for_a_duplicate_are_known(
    brevo: ScriptedBrevo, transport: BrevoTransport, code: str
) -> None:
    brevo.script.append(Answer(400, code, "seen before"))
    assert await deliver(transport) is None


async def test_a_sender_that_brevo_does_not_know_is_the_operators_business(
    brevo: ScriptedBrevo, transport: BrevoTransport
) -> None:
    refusal = "Sending has been rejected because the sender you used is not valid"
    brevo.script.append(Answer(400, "invalid_parameter", refusal))
    assert isinstance(await deliver(transport), MailerMisconfigured)


async def test_a_wrong_api_key_is_the_operators_business_and_is_not_told(
    brevo: ScriptedBrevo, client: httpx2.AsyncClient
) -> None:
    transport = BrevoTransport(client, url=brevo.url, api_key="wrong-canary", sender="a@b.example")
    trouble = await deliver(transport)
    assert isinstance(trouble, MailerMisconfigured)
    assert "canary" not in repr(trouble)
    assert brevo.sent == []


@pytest.mark.parametrize(
    ("reset", "pause"),
    [
        ("45", timedelta(seconds=45)),
        ("0", timedelta(0)),
        ("soon", None),
        ("-1", None),
        ("1" * 30, None),
        ("", None),
    ],
)
async def test_a_limit_says_when_it_ends(
    brevo: ScriptedBrevo, transport: BrevoTransport, reset: str, pause: timedelta | None
) -> None:
    headers = {"x-sib-ratelimit-limit": "1000", "x-sib-ratelimit-remaining": "0"}
    headers["x-sib-ratelimit-reset"] = reset
    brevo.script.append(Answer(429, "too_many_requests", headers=headers))
    trouble = await deliver(transport)
    assert isinstance(trouble, MailDelayed)
    assert trouble.pause == pause


@pytest.mark.parametrize(
    "raw", [b"", b"<html>", b"\xff", b"[]", b'{"code": 7}', b"null", b'{"code": "a@b \\n"}']
)
async def test_an_answer_that_makes_no_sense_is_judged_by_its_status(
    brevo: ScriptedBrevo, transport: BrevoTransport, raw: bytes
) -> None:
    for status, kind in ((400, MailRefused), (401, MailerMisconfigured), (503, MailDelayed)):
        brevo.script.append(Answer(status, raw=raw))
        trouble = await deliver(transport)
        assert type(trouble) is kind
        assert trouble.reason == f"brevo {status}"


async def test_a_redirect_is_not_followed_with_the_key(
    brevo: ScriptedBrevo, transport: BrevoTransport
) -> None:
    brevo.script.append(Answer(307, headers={"location": f"{brevo.url}/elsewhere"}))
    assert isinstance(await deliver(transport), MailerMisconfigured)
    assert len(brevo.calls) == 1


async def test_a_server_that_is_not_there_delays_the_mail(client: httpx2.AsyncClient) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    transport = BrevoTransport(client, url=url, api_key=API_KEY, sender="a@example.org")
    trouble = await deliver(transport)
    assert type(trouble) is MailDelayed
    assert trouble.reason == "brevo can't be reached: ConnectError"


async def test_a_server_that_never_answers_delays_the_mail(brevo: ScriptedBrevo) -> None:
    brevo.holds.clear()
    async with httpx2.AsyncClient(timeout=httpx2.Timeout(10, read=0.2)) as client:
        transport = BrevoTransport(client, url=brevo.url, api_key=API_KEY, sender="a@example.org")
        trouble = await deliver(transport)
    assert type(trouble) is MailDelayed
    assert trouble.reason == "brevo can't be reached: ReadTimeout"


async def test_nothing_of_the_mail_or_the_key_stands_in_what_is_logged(
    brevo: ScriptedBrevo, transport: BrevoTransport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="httpx2")
    brevo.script.append(Answer(400, "invalid_parameter", json.dumps(MAIL.to)))
    trouble = await deliver(transport)
    for canary in (MAIL.to, MAIL.subject, API_KEY):
        assert canary not in repr(trouble)
        assert canary not in caplog.text
