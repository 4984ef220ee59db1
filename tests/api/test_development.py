import httpx2
import pytest

from chronicle.auth.mail_samples import SAMPLES


def test_every_mail_can_be_looked_at_in_every_language(client: httpx2.Client) -> None:
    listed = client.get("/api/dev/mails").json()
    assert listed["names"] == list(SAMPLES)
    for name in listed["names"]:
        for language in listed["languages"]:
            mail = client.get(f"/api/dev/mails/{name}", params={"locale": language})
            assert mail.status_code == 200
            assert mail.json().keys() == {"subject", "text", "html"}
            assert f'<html lang="{language}">' in mail.json()["html"]
            page = client.get(f"/api/dev/mails/{name}/page", params={"locale": language})
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert page.headers["content-security-policy"] == (
                "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
            )
            assert page.text == mail.json()["html"]


def test_a_mail_that_is_not_there_is_not_found(client: httpx2.Client) -> None:
    for name in ("nothing", "SAMPLES", "__class__", "registration_code%2F"):
        assert client.get(f"/api/dev/mails/{name}").status_code == 404
        assert client.get(f"/api/dev/mails/{name}/page").status_code == 404


@pytest.mark.parametrize(
    "path", ["/api/dev/outbox", "/api/dev/mails", "/api/dev/mails/new_device/page"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"Host": "rebound.example"},
    ],
)
def test_what_is_for_developers_is_for_this_machine_alone(
    client: httpx2.Client, path: str, headers: dict[str, str]
) -> None:
    assert client.get(path).status_code == 200
    assert client.get(path, headers=headers).status_code == 404
