import re
from pathlib import Path

import httpx2

from chronicle.api.app import endpoints
from tests.running_server import RunningServer

ROOT = Path(__file__).parents[2]


def test_the_page_about_the_api_lists_the_routes_that_there_are(server: RunningServer) -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([A-Z]+) (\S+)` \|", page, re.MULTILINE))
    document = httpx2.get(f"{server.url}/openapi.json").json()
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert listed == described


def test_the_document_describes_every_declared_route_with_a_summary() -> None:
    for endpoint in endpoints():
        assert endpoint.handler.__doc__, endpoint.path
        assert endpoint.path.startswith(("/api/", "/health/", "/.well-known/"))
