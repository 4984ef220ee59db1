"""Sign-ins with the old password that are under way while it is replaced, at two servers."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.mailboxes import token_mailed_to
from tests.running_server import (
    PASSWORD,
    Pair,
    Person,
    insist,
    signed_up,
    two_servers,
)

# Long enough that sign-ins have read the account, and wait for their hash, when the reset comes.
SLOW_HASHES = {
    "CHRONICLE_ARGON2_MEMORY_KIB": "1024",
    "CHRONICLE_ARGON2_TIME_COST": "40",
    # So many at once would have to prove work first.
    "CHRONICLE_CHALLENGE": "off",
}
AT_ONCE = 32


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with two_servers(tmp_path_factory, **SLOW_HASHES) as pair:
        yield pair


def reset_link(person: Person) -> str:
    answer = insist(
        lambda: person.client.post("/api/auth/password/forgot", json={"email": person.email})
    )
    assert answer.status_code == 202
    return token_mailed_to(person, person.email, "reset")


def test_no_sign_in_with_the_old_password_outlives_a_reset(
    pair: Pair,
) -> None:
    with (
        signed_up(pair[0], "resets@example.org") as ada,
        pair[0].client() as first,
        pair[1].client() as second,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        clients = (first, second)
        new = {"token": reset_link(ada), "password": "nine gulls in the rain"}
        old = {"email": ada.email, "password": PASSWORD, "token_transport": "body"}

        def call(number: int) -> httpx2.Response:
            client = clients[number % 2]
            if number == AT_ONCE // 4:
                return insist(lambda: client.post("/api/auth/password/reset", json=new))
            return client.post("/api/auth/login", json=old)

        answers = list(pool.map(call, range(AT_ONCE)))
        reset = answers.pop(AT_ONCE // 4)
        assert reset.status_code == 204, reset.text
        # More than five guesses at once are a lock for some, and many hashes at once too many.
        assert {answer.status_code for answer in answers} <= {200, 401, 429, 503}
        granted = [answer.json() for answer in answers if answer.status_code == 200]
        for client in clients:
            for session in (ada.session, *granted):
                token = {"Authorization": f"Bearer {session['access_token']}"}
                assert client.get("/api/auth/user", headers=token).status_code == 401
                body = {"refresh_token": session["refresh_token"]}
                assert client.post("/api/auth/refresh", json=body).status_code == 401
