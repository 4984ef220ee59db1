"""What holds of every answer, whatever was asked: headers, shape of problems, the document."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

import chronicle
from chronicle.api.app import endpoints
from chronicle.api.problems import PROBLEMS
from chronicle.errors import Failure
from tests.attacks.documented import Document
from tests.attacks.test_hostile_addresses import ID
from tests.running_server import NO_AUTHORITIES, PASSWORD, Person, RunningServer

SOURCE = Path(chronicle.__file__).parent
PAGES = ("/", "/docs", "/console/js/main.mjs", "/files/" + ID, "/nowhere")
API_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
CONTENT_POLICY = "default-src 'none'; sandbox"
PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; worker-src 'self'; font-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-frame-options": "DENY",
}
# What would tell an attacker what this is made of.
TELLING = re.compile(
    r"traceback|starlette|uvicorn|msgspec|sqlite|mongo|bson|redis|valkey|joserfc|python"
    r"|\.py\b|line \d+|/work|/home|/tmp|0x[0-9a-f]{6}",
    re.IGNORECASE,
)
JSON = ("application/json", "application/problem+json")
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"
UUID_7 = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
FORMS = {"time": TIME, "date": TIME} | dict.fromkeys(("id", "session_id", "request_id"), UUID_7)


@pytest.fixture(scope="module")
def document(server: RunningServer) -> Document:
    return Document(httpx2.get(f"{server.url}/openapi.json", verify=NO_AUTHORITIES).json())


@pytest.fixture(scope="module")
def guest(new_person: Callable[[], Person]) -> Person:
    """Somebody of this module's own: some of what is asked ends their session."""
    return new_person()


@pytest.fixture(scope="module")
def answers(guest: Person) -> list[httpx2.Response]:
    """One or more answers of every route and page: successes and refusals, signed in and not."""
    return list(_ask_everything(guest))


def _ask_everything(guest: Person) -> Iterator[httpx2.Response]:
    client, path = guest.client, "/api/web3/uploads"
    query = {"name": "a.html", "visibility": "public"}
    kept = client.post(
        path, content=b"<script>", params=query, headers={"Content-Type": "text/html"}
    )
    yield kept
    one = f"{path}/{kept.json()['id']}"
    tag = {"If-None-Match": f'"{kept.json()["cid"]}"'}
    yield from (client.get(one + part) for part in ("", "/content", "/proof"))
    yield client.get(f"{one}/content", headers={"Range": "bytes=1-2"})
    yield client.get(f"{one}/content", headers={"Range": "bytes=99-"})
    yield client.get(f"{one}/content", headers=tag)
    yield client.get(path, params={"limit": 1})
    yield client.get(path, params={"limit": 0})
    yield client.get(path, params={"cursor": "made up"})
    yield client.post(path, files={"file": b"x"}, data={"visibility": "private"})
    yield client.post(path, content=b"x")
    bundle = client.get(f"{one}/proof").content
    text = {"Content-Type": "text/plain"}
    yield client.post("/api/web3/log/verify", content=bundle, headers=text)
    yield client.post("/api/web3/log/verify", content=b"nonsense", headers=text)
    yield client.patch("/api/auth/user", json={"name": "Ada"})
    yield client.patch("/api/auth/user", json={"name": ""})
    for route in endpoints():
        where = route.path.replace("{id}", ID).replace("{path:path}", "0/000")
        for sent in (None, b"{}", b'{"\xff'):
            _stay_signed_in(guest)
            json_type = {"Content-Type": "application/json"}
            yield client.request(route.method, where, content=sent, headers=json_type)
            yield httpx2.request(
                route.method, f"{guest.server.url}{where}", content=sent, verify=NO_AUTHORITIES
            )
        yield client.request("PUT", where)
        yield client.request(route.method, where, params={"nobody": "asked"})
    _stay_signed_in(guest)
    login = {"email": guest.email, "password": PASSWORD}
    yield client.post("/api/auth/login", json=login)
    yield client.post("/api/auth/login", json=login | {"password": "wrong password!"})
    yield from (client.get(page) for page in PAGES)
    yield client.put("/")
    yield client.get("/", headers={"Host": "evil.example"}, follow_redirects=False)


def _stay_signed_in(guest: Person) -> None:
    if guest.client.get("/api/auth/user").status_code == 401:
        guest.sign_in()


def test_every_answer_carries_what_all_carry(answers: list[httpx2.Response]) -> None:
    for answer in answers:
        headers, what = answer.headers, f"{answer.request.method} {answer.request.url}"
        assert re.fullmatch(r"[0-9a-f-]{36}", headers["x-request-id"]), what
        assert headers["x-content-type-options"] == "nosniff", what
        assert headers["referrer-policy"] == "no-referrer", what
        assert not {"server", "x-powered-by"} & headers.keys(), what
        for name in set(headers):
            once = name in ("x-request-id", "cache-control", "content-type", "content-length")
            assert not once or len(headers.get_list(name)) == 1, f"{what}: {name}"
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)


def test_a_page_runs_and_loads_its_own_alone_and_stands_in_no_other(
    answers: list[httpx2.Response],
) -> None:
    pages = [answer for answer in answers if _is_page(answer)]
    assert {answer.request.url.path for answer in pages} == {*PAGES}
    for answer in pages:
        sent = {name: answer.headers.get_list(name) for name in PAGE_HEADERS}
        assert sent == {name: [value] for name, value in PAGE_HEADERS.items()}, answer.request.url


def test_whatever_is_no_page_can_not_be_made_one_or_be_loaded_by_another_site(
    answers: list[httpx2.Response],
) -> None:
    content = re.compile(r"/api/web3/uploads/[^/]+/(content|proof)")
    for answer in answers:
        path = answer.request.url.path
        if _is_page(answer):
            continue
        is_content = answer.status_code in {200, 206} and content.fullmatch(path)
        policy = CONTENT_POLICY if is_content else API_POLICY
        assert answer.headers.get_list("content-security-policy") == [policy], path
        if not path.startswith("/api/web3/log/"):  # which is for everybody
            assert answer.headers["cross-origin-resource-policy"] == "same-origin", path


def _is_page(answer: httpx2.Response) -> bool:
    return answer.request.method == "GET" and answer.request.url.path in PAGES


def test_what_is_private_is_not_stored(answers: list[httpx2.Response]) -> None:
    public = re.compile(r"/(api/web3/log/.*|\.well-known/jwks\.json|openapi\.json|console/.*)")
    for answer in answers:
        path = answer.request.url.path
        if path.startswith("/api/") and not public.fullmatch(path):
            assert answer.headers["cache-control"] == "no-store", path
        if answer.status_code >= 400:
            assert answer.headers["cache-control"] == "no-store", path


def test_every_refusal_is_a_problem(answers: list[httpx2.Response]) -> None:
    pages = {*PAGES}
    for answer in answers:
        if answer.status_code < 400 or answer.request.url.path in pages:
            continue
        assert answer.headers["content-type"] == "application/problem+json", answer.request.url
        problem = answer.json()
        needed = {"type", "title", "status", "detail", "code", "request_id"}
        assert needed <= problem.keys() <= needed | {"errors"}
        assert problem["type"] == f"/problems/{problem['code']}"
        assert problem["status"] == answer.status_code == PROBLEMS[problem["code"]].status
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert answer.status_code < 500
        if answer.status_code == 401 and problem["code"] == "invalid_token":
            assert answer.headers["www-authenticate"] == "Bearer"


def test_every_answer_of_a_limited_route_says_how_its_budget_stands(
    document: Document, answers: list[httpx2.Response]
) -> None:
    budgets = {
        (one.method, re.sub(":path", "", one.path)): one.budget for one in endpoints() if one.budget
    }
    told = set()
    for answer in answers:
        operation = document.operation_of(answer.request.method, answer.request.url.path)
        if operation not in budgets:
            continue
        budget = budgets[operation]
        # A stranger at a route that counts callers alone has none.
        if budget.address or answer.status_code != 401:
            assert re.search(r'"\w+-\d+s";q=\d+;w=\d+', answer.headers["ratelimit-policy"])
            assert re.search(r'"\w+-\d+s";r=\d+;t=\d+', answer.headers["ratelimit"])
            told.add(operation)
        assert answer.status_code != 429 or int(answer.headers["retry-after"]) >= 1
    assert told == budgets.keys()


def test_every_time_is_utc_and_every_id_has_its_time_in_front(
    answers: list[httpx2.Response],
) -> None:
    """RFC 3339 with a Z, and UUIDs of version 7 (RFC 9562)."""
    seen = set()
    for answer in answers:
        if answer.headers.get("content-type") not in JSON:
            continue
        for name, value in _fields(answer.json()):
            if name not in FORMS and not name.endswith("_at"):
                continue
            form = FORMS.get(name, TIME)
            what = f"{answer.request.method} {answer.request.url}: {name} is {value}"
            assert value is None or re.fullmatch(form, str(value)), what
            seen.add(name)
    assert seen >= {*FORMS, "created_at", "updated_at", "last_used_at"}


def _fields(value: object) -> Iterator[tuple[str, object]]:
    """Every name with its value, however deep."""
    if isinstance(value, list):
        for item in value:
            yield from _fields(item)
    if isinstance(value, dict):
        for name, item in value.items():
            yield name, item
            yield from _fields(item)


def test_no_refusal_tells_what_the_server_is_made_of(
    guest: Person, answers: list[httpx2.Response]
) -> None:
    secrets = [guest.session["access_token"], guest.session["refresh_token"], PASSWORD]
    for answer in answers:
        if answer.status_code < 400 or "html" in answer.headers["content-type"]:
            continue
        assert not TELLING.search(answer.text), answer.text
        assert not [secret for secret in secrets if secret in answer.text]


def test_every_answer_is_one_that_the_document_names(
    document: Document, answers: list[httpx2.Response]
) -> None:
    wrong = [problem for answer in answers for problem in document.complaints(answer)]
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_every_declared_route_was_asked(document: Document, answers: list[httpx2.Response]) -> None:
    asked = {
        document.operation_of(answer.request.method, answer.request.url.path) for answer in answers
    }
    assert asked >= {(one.method, re.sub(":path", "", one.path)) for one in endpoints()}


def _failures() -> list[type[Failure]]:
    found, todo = [], [Failure]
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        found.append(kind)
    return found


def _raised_codes() -> Iterator[tuple[str, str]]:
    """Every code in the source: of failures' classes, and the first argument of making one."""
    names = {kind.__name__ for kind in _failures()}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = f"{path.relative_to(SOURCE)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.ClassDef) and _is_failure(node, names):
                yield from ((code, place) for code in _class_codes(node))
            elif isinstance(node, ast.Call) and _called(node) in names:
                yield from ((code, place) for code in _call_codes(node))


def _is_failure(node: ast.ClassDef, names: set[str]) -> bool:
    return any(isinstance(base, ast.Name) and base.id in names for base in node.bases)


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _class_codes(node: ast.ClassDef) -> Iterator[str]:
    for line in node.body:
        if isinstance(line, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "code" for target in line.targets
        ):
            assert isinstance(line.value, ast.Constant), f"{node.name}: a code is written out"
            yield str(line.value.value)


def _call_codes(node: ast.Call) -> Iterator[str]:
    named = [word.value for word in node.keywords if word.arg == "code"]
    for value in [*node.args[:1], *named]:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value


def test_every_code_that_is_raised_has_its_one_status() -> None:
    for module in SOURCE.rglob("*.py"):
        name = ".".join(module.relative_to(SOURCE.parent).with_suffix("").parts)
        if not name.endswith("__main__"):
            __import__(name.removesuffix(".__init__"))
    # A failure whose class has its own code is made with words alone; those are no codes.
    raised = {code: at for code, at in _raised_codes() if re.fullmatch(r"[a-z][a-z0-9_]*", code)}
    assert len(raised) > 20
    assert not {code: at for code, at in raised.items() if code not in PROBLEMS}


def test_every_problem_that_routes_name_is_listed() -> None:
    for route in endpoints():
        assert set(route.problems) <= PROBLEMS.keys(), route.path


def test_the_document_lists_all_routes_that_exist_and_no_others(document: Document) -> None:
    declared = {(one.method, re.sub(":path", "", one.path)) for one in endpoints()}
    assert set(document.operations) == declared
    assert json.dumps(document.content).count('"$ref"') > 0
    for reference in document.references():
        assert document.resolve(reference), reference
