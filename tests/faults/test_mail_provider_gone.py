"""A mail provider that is down, slow or wrongly set up: no answer changes, and no mail is lost."""

from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path

import httpx2
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.production import production_server
from tests.running_server import PASSWORD, RunningServer, eventually, free_port
from tests.scripted_brevo import API_KEY, Answer, ScriptedBrevo
from tests.stored import database_content

WITHIN_SECONDS = 30


@pytest.fixture
def brevo_port() -> int:
    return free_port()


@pytest.fixture
def server(tmp_path: Path, brevo_port: int) -> Iterator[RunningServer]:
    server = RunningServer(
        tmp_path,
        CHRONICLE_MAILER="brevo",
        CHRONICLE_BREVO_API_KEY=API_KEY,
        CHRONICLE_BREVO_URL=f"http://127.0.0.1:{brevo_port}",
        CHRONICLE_MAIL_SECONDS="1",
    )
    with server:
        yield server
    assert "Traceback" not in server.log, server.log


def register(server: RunningServer, email: str) -> httpx2.Response:
    with server.client() as client:
        return client.post("/api/auth/register", json={"email": email, "password": PASSWORD})


def verify(server: RunningServer, answer: httpx2.Response, subject: str) -> httpx2.Response:
    body = {"ticket": answer.json()["ticket"], "code": subject.split(maxsplit=1)[0]}
    with server.client() as client:
        return client.post("/api/auth/register/verify", json=body)


def arrived(brevo: ScriptedBrevo, email: str) -> bool:
    return bool(brevo.to(email))


def test_with_the_provider_down_a_sign_up_is_answered_as_ever_and_its_mail_comes_later(
    server: RunningServer, brevo_port: int
) -> None:
    answer = register(server, "ada@example.org")
    assert answer.status_code == 202
    assert answer.json().keys() == {"ticket", "expires_in", "resend_after"}
    eventually(lambda: "could not be sent yet" in server.log)
    ready = httpx2.get(f"{server.url}/health/ready")
    assert ready.status_code == 200
    assert "mail" not in ready.text
    with ScriptedBrevo(brevo_port) as brevo:
        eventually(lambda: arrived(brevo, "ada@example.org"), within_seconds=WITHIN_SECONDS)
        (mail,) = brevo.to("ada@example.org")
        assert verify(server, answer, mail["subject"]).status_code == 201
        # A later mail went as well, and the first did not go again before it.
        assert register(server, "bob@example.org").status_code == 202
        eventually(lambda: arrived(brevo, "bob@example.org"), within_seconds=WITHIN_SECONDS)
        assert len(brevo.to("ada@example.org")) == len(brevo.calls) - 1 == 1
    assert "ada@example.org" not in server.log
    assert API_KEY not in server.log


def told(answer: httpx2.Response) -> tuple[int, set[str], dict[str, object]]:
    """What an answer tells, but for what is different in each."""
    body = answer.json() | {"ticket": "", "request_id": ""}
    return answer.status_code, set(answer.headers), body


def test_whether_mail_leaves_or_not_known_and_unknown_addresses_are_answered_alike(
    server: RunningServer, brevo_port: int
) -> None:
    def ask_everything(email: str) -> list[tuple[int, set[str], dict[str, object]]]:
        body = {"email": email}
        guess = {"email": email, "password": "seven lamps over another harbour"}
        with server.client() as client:
            answers = [
                client.post("/api/auth/login/code", json=body),
                client.post("/api/auth/password/forgot", json=body),
                client.post("/api/auth/register", json={**body, "password": PASSWORD}),
                # The fifth of these mails the owner about the lock.
                *(client.post("/api/auth/login", json=guess) for _ in range(6)),
            ]
        return [told(answer) for answer in answers]

    people = ("ada@example.org", "bob@example.org")
    with ScriptedBrevo(brevo_port) as brevo:
        for email in people:
            started = register(server, email)
            eventually(lambda email=email: arrived(brevo, email), within_seconds=WITHIN_SECONDS)
            assert verify(server, started, brevo.to(email)[0]["subject"]).status_code == 201
        while_it_is_up = [ask_everything(email) for email in (people[0], "eve@example.org")]
    while_it_is_down = [ask_everything(email) for email in (people[1], "mallory@example.org")]
    eventually(lambda: "could not be sent yet" in server.log)
    assert [status for status, _, _ in while_it_is_up[0]] == [202] * 3 + [401] * 5 + [429]
    assert while_it_is_up[0] == while_it_is_up[1] == while_it_is_down[0] == while_it_is_down[1]


def test_kill_minus_nine_with_mails_waiting_loses_none(
    server: RunningServer, brevo_port: int
) -> None:
    people = [f"person-{number}@example.org" for number in range(12)]
    for email in people:
        assert register(server, email).status_code == 202
    server.kill()
    with ScriptedBrevo(brevo_port) as brevo:
        server.start()
        eventually(
            lambda: all(arrived(brevo, email) for email in people), within_seconds=WITHIN_SECONDS
        )
        assert sorted(mail["to"][0]["email"] for mail in brevo.sent) == sorted(people)


@pytest.mark.parametrize("taken", [True, False])
def test_kill_minus_nine_with_a_mail_in_hand_hands_it_over_again_under_its_key(
    server: RunningServer, brevo_port: int, taken: bool
) -> None:
    with ScriptedBrevo(brevo_port) as brevo:
        brevo.script.append(Answer(201, taken=taken, cut_off=True))
        brevo.holds.clear()
        answer = register(server, "ada@example.org")
        assert answer.status_code == 202
        eventually(lambda: brevo.calls)
        server.kill()
        brevo.holds.set()
        server.start()
        eventually(lambda: len(brevo.calls) == 2, within_seconds=WITHIN_SECONDS)
        eventually(lambda: arrived(brevo, "ada@example.org"))
        first, second = (call["headers"]["idempotencyKey"] for call in brevo.calls)
        assert first == second
        assert len(brevo.sent) == 1
        assert verify(server, answer, brevo.sent[0]["subject"]).status_code == 201


def test_a_provider_that_hangs_holds_up_no_answer(server: RunningServer, brevo_port: int) -> None:
    with ScriptedBrevo(brevo_port) as brevo:
        brevo.holds.clear()
        answers = [register(server, f"person-{number}@example.org") for number in range(10)]
        assert {answer.status_code for answer in answers} == {202}
        eventually(lambda: len(brevo.calls) > 1)


def test_wrong_settings_alarm_the_operator_and_keep_the_mail(
    server: RunningServer, brevo_port: int
) -> None:
    with ScriptedBrevo(brevo_port) as brevo:
        brevo.script.append(Answer(401, "unauthorized", "Key not found"))
        assert register(server, "ada@example.org").status_code == 202
        eventually(lambda: "no mail can be sent with the settings as they are" in server.log)
        eventually(lambda: arrived(brevo, "ada@example.org"), within_seconds=WITHIN_SECONDS)


def test_what_waits_and_what_was_sent_is_no_plain_text_in_the_database(
    server: RunningServer, brevo_port: int
) -> None:
    assert register(server, "waiting-canary@example.org").status_code == 202
    with ScriptedBrevo(brevo_port) as brevo:
        eventually(
            lambda: arrived(brevo, "waiting-canary@example.org"), within_seconds=WITHIN_SECONDS
        )
        code = brevo.sent[0]["subject"].split()[0].encode()
    content = database_content(server)
    assert b"waiting-canary" not in content
    assert code not in content


def test_production_runs_with_a_mailer_and_shows_developers_pages_to_nobody(
    tmp_path: Path, brevo_port: int
) -> None:
    server = production_server(
        tmp_path, base_url="https://chronicle.example.org", brevo_port=brevo_port
    )
    with ScriptedBrevo(brevo_port) as brevo, server:
        for path in ("/api/dev/outbox", "/api/dev/mails", "/api/dev/mails/new_device"):
            assert httpx2.get(f"http://127.0.0.1:{server.port}{path}").status_code == 404
        assert register(server, "ada@example.org").status_code == 202
        eventually(lambda: arrived(brevo, "ada@example.org"), within_seconds=WITHIN_SECONDS)
        assert "https://chronicle.example.org" in brevo.sent[0]["textContent"]
    assert not (server.data_dir / "outbox").exists()


class Postman:
    """Keeps the messages that a mail server takes."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.messages.append(message_from_bytes(envelope.content, policy=default))
        return "250 Taken"


def test_a_mail_server_that_comes_late_gets_every_mail_once(tmp_path: Path) -> None:
    port, postman = free_port(), Postman()
    settings = {
        "CHRONICLE_MAILER": "smtp",
        "CHRONICLE_SMTP_URL": f"smtp://localhost:{port}?starttls=never",
    }
    with RunningServer(tmp_path, **settings) as server:
        answer = register(server, "ada@example.org")
        assert answer.status_code == 202
        eventually(lambda: "could not be sent yet" in server.log)
        controller = Controller(postman, hostname="127.0.0.1", port=port)
        controller.start()
        try:
            eventually(lambda: postman.messages, within_seconds=WITHIN_SECONDS)
        finally:
            controller.stop()
        (message,) = postman.messages
        assert message["To"] == "ada@example.org"
        assert verify(server, answer, str(message["Subject"])).status_code == 201
