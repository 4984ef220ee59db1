"""Valkey hangs: what can be guessed is refused, and who is signed in goes on."""

import os
import signal

from tests.faults.test_valkey_gone import valkey_of
from tests.running_server import PASSWORD, Person, eventually
from tests.stored import put


def test_nobody_guesses_and_nobody_who_is_signed_in_is_held_up(ada: Person) -> None:
    server, client = ada.server, ada.client
    pid = valkey_of(server)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        for path, body in {
            "login": {"email": ada.email, "password": PASSWORD},
            "register": {"email": "eve@example.org", "password": PASSWORD},
            "login/code": {"email": ada.email},
            "password/forgot": {"email": ada.email},
            "unlock": {"token": "made up"},
        }.items():
            answer = client.post(f"/api/auth/{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), path
            assert int(answer.headers["retry-after"]) > 0
        assert client.get("/api/auth/user").status_code == 200
        named = client.patch("/api/auth/user", json={"name": "Ada"})
        assert named.status_code == 200
        assert "ratelimit" not in named.headers
        assert put(ada, b"while it hangs").status_code == 201
        token = {"refresh_token": ada.session["refresh_token"]}
        assert client.post("/api/auth/refresh", json=token).status_code == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: client.get("/health/ready").status_code == 200)
    assert ada.sign_in().session["user"]["email"] == ada.email
    assert "limits are not counted" in server.log
