"""Serves the web console: one page and its scripts, styles and pictures, all held in memory.

Every file is read once, at start, into a table of paths; a request is a look-up in that table, so
that no request ever becomes a path in the file system. The page is the same for every address: its
script reads the address and shows what belongs there. An address that the console does not know
gets the same page with status 404.
"""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""For every answer that carries a page: nothing inline, nothing from elsewhere."""

ASSETS = "/console/"
"""Everything that the page loads lies under this path."""

PAGES = frozenset(
    {
        "/",
        "/sign-up",
        "/sign-in",
        "/forgot",
        "/reset",
        "/report",
        "/unlock",
        "/enter",
        "/confirm",
        "/address",
        "/undo",
        "/verify",
        "/account",
        "/outbox",
        "/mails",
        "/docs",
    },
)
"""The addresses that show a page. `/files/<id>` shows one too."""

_FILE_PAGE = re.compile(r"/files/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    etag: str


class Console:
    """The console as an ASGI application; `serves` says which paths are its own."""

    def __init__(self) -> None:
        static = resources.files("chronicle.console") / "static"
        self._page = _read(static / "index.html")
        self._assets = dict(_assets(static, ASSETS))

    def serves(self, path: str) -> bool:
        """Whether the path is a page or a file of the console."""
        return path in PAGES or path in self._assets or _FILE_PAGE.fullmatch(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; a path that is not served gets the page with status 404."""
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return Response(status_code=405, headers={"Allow": "GET, HEAD"})
        path: str = scope["path"]
        file = self._assets.get(path, self._page)
        headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
        if not self.serves(path):
            return Response(file.content, 404, {"Cache-Control": "no-store"}, file.media_type)
        if _is_cached(scope, file.etag):
            return Response(status_code=304, headers=headers)
        return Response(file.content, 200, headers, file.media_type)


def _is_cached(scope: Scope, etag: str) -> bool:
    """Whether `If-None-Match` names this version (RFC 9110 13.1.2, weak comparison)."""
    asked = b",".join(value for name, value in scope["headers"] if name == b"if-none-match")
    known = {tag.strip().removeprefix("W/") for tag in asked.decode("latin-1").split(",")}
    return etag in known or "*" in known


def _assets(folder: Traversable, prefix: str) -> list[tuple[str, _File]]:
    found: list[tuple[str, _File]] = []
    for item in folder.iterdir():
        if item.is_dir():
            found += _assets(item, f"{prefix}{item.name}/")
        elif _suffix(item.name) in _MEDIA_TYPES and item.name != "index.html":
            found.append((prefix + item.name, _read(item)))
    return found


def _read(item: Traversable) -> _File:
    content = item.read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return _File(content, _MEDIA_TYPES[_suffix(item.name)], etag)


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
