"""What one account can do to another's: nothing, not even learn that it is there."""

import uuid

import httpx2

from tests.running_server import Person


def upload(person: Person, content: bytes, name: str = "a.txt") -> dict[str, object]:
    answer = person.client.post(
        "/api/web3/uploads",
        content=content,
        params={"name": name, "visibility": "public"},
        headers={"Content-Type": "text/plain"},
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = answer.json()
    return found


def comparable(answer: httpx2.Response) -> tuple[int, dict[str, object], set[str]]:
    """An answer without what differs between any two: its id and its time."""
    return answer.status_code, answer.json() | {"request_id": ""}, set(answer.headers)


def test_anothers_upload_is_answered_like_one_that_never_was(ada: Person, bob: Person) -> None:
    there = upload(ada, b"of Ada alone")["id"]
    nowhere = str(uuid.uuid4())
    for part in ("", "/content", "/proof"):
        path = "/api/web3/uploads/{}" + part
        foreign = bob.client.get(path.format(there))
        missing = bob.client.get(path.format(nowhere))
        assert ada.client.get(path.format(there)).status_code in (200, 409)
        assert foreign.status_code == 404
        assert comparable(foreign) == comparable(missing)
        head = bob.client.head(path.format(there))
        assert (head.status_code, head.content) == (404, b"")


def test_a_conditional_or_partial_read_tells_no_more(ada: Person, bob: Person) -> None:
    mine = upload(ada, b"with a tag")
    path = f"/api/web3/uploads/{mine['id']}/content"
    for headers in (
        {"If-None-Match": f'"{mine["cid"]}"'},
        {"If-None-Match": "*"},
        {"Range": "bytes=0-0"},
        {"Range": "bytes=999-"},
    ):
        assert bob.client.get(path, headers=headers).status_code == 404


def test_lists_hold_the_callers_own_alone(ada: Person, bob: Person) -> None:
    mine = {upload(ada, b"%d" % number)["id"] for number in range(3)}
    assert mine <= {item["id"] for item in ada.client.get("/api/web3/uploads").json()["items"]}
    theirs = {item["id"] for item in bob.client.get("/api/web3/uploads").json()["items"]}
    assert not mine & theirs


def test_the_same_bytes_in_two_accounts_are_two_events(ada: Person, bob: Person) -> None:
    first, second = upload(ada, b"shared bytes"), upload(bob, b"shared bytes", "mine.txt")
    assert first["cid"] == second["cid"]
    assert first["id"] != second["id"]
    assert bob.client.get(f"/api/web3/uploads/{first['id']}").status_code == 404
    assert ada.client.get(f"/api/web3/uploads/{second['id']}").status_code == 404


def test_anothers_cursor_shows_ones_own_list(ada: Person, bob: Person) -> None:
    for number in range(3):
        upload(ada, b"a%d" % number)
        upload(bob, b"b%d" % number)
    path = "/api/web3/uploads"
    cursor = ada.client.get(path, params={"limit": 1}).json()["next_cursor"]
    own = {item["id"] for item in bob.client.get(path, params={"limit": 100}).json()["items"]}
    page = bob.client.get(path, params={"cursor": cursor, "limit": 100})
    assert page.status_code == 200
    assert {item["id"] for item in page.json()["items"]} <= own


def test_a_cursor_that_was_tampered_with_is_refused(ada: Person) -> None:
    for number in range(2):
        upload(ada, b"c%d" % number)
    path = "/api/web3/uploads"
    cursor: str = ada.client.get(path, params={"limit": 1}).json()["next_cursor"]
    changed = [
        cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in (0, 9)
    ]
    for made_up in (*changed, cursor[:-1], cursor + "A", cursor + "=", " " + cursor, "", "\u00e9"):
        answer = ada.client.get(path, params={"cursor": made_up})
        assert answer.status_code in (400, 422), made_up
        assert answer.json()["code"] in ("invalid_cursor", "invalid_request")


def test_without_a_token_nothing_is_there(ada: Person) -> None:
    there = upload(ada, b"secret")["id"]
    for path in ("", f"/{there}", f"/{there}/content", f"/{there}/proof", f"/{uuid.uuid4()}"):
        answer = httpx2.get(f"{ada.server.url}/api/web3/uploads{path}")
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
