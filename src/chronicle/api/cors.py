"""Which pages of other origins may call the API: those on a list, with a bearer token.

Cookies never count across origins (`Access-Control-Allow-Credentials` is never sent), so such a
page keeps its tokens itself. What is public for everybody says so in its own route.
"""

from collections.abc import Mapping, Sequence

from starlette.types import Scope

_METHODS = b"GET, HEAD, POST, PATCH, DELETE"
_REQUEST_HEADERS = (
    b"authorization, content-type, idempotency-key, range, if-none-match, chronicle-challenge"
)
_ANSWER_HEADERS = (
    b"x-request-id, retry-after, ratelimit, ratelimit-policy, location, etag, content-range, "
    b"content-disposition, chronicle-challenge-at"
)
_PREFLIGHT_SECONDS = b"600"


class Cors:
    """The allow list (https://fetch.spec.whatwg.org/#http-cors-protocol)."""

    def __init__(self, allowed_origins: Sequence[str]) -> None:
        self._allowed = frozenset(origin.encode() for origin in allowed_origins)
        self.is_used = bool(self._allowed)

    def headers(self, scope: Scope) -> Mapping[bytes, bytes]:
        """What an answer to this request says about origins."""
        origin = _header(scope, b"origin")
        if origin not in self._allowed:
            return {b"vary": b"origin"}
        return {
            b"vary": b"origin",
            b"access-control-allow-origin": origin,
            b"access-control-expose-headers": _ANSWER_HEADERS,
        }

    def preflight(self, scope: Scope) -> Mapping[bytes, bytes] | None:
        """The headers that answer a preflight of an allowed page; None for any other request."""
        if scope["method"] != "OPTIONS":
            return None
        origin = _header(scope, b"origin")
        if origin not in self._allowed or not _header(scope, b"access-control-request-method"):
            return None
        return {
            b"vary": b"origin",
            b"access-control-allow-origin": origin,
            b"access-control-allow-methods": _METHODS,
            b"access-control-allow-headers": _REQUEST_HEADERS,
            b"access-control-max-age": _PREFLIGHT_SECONDS,
        }


def _header(scope: Scope, wanted: bytes) -> bytes:
    found: list[bytes] = [value for name, value in scope["headers"] if name == wanted]
    return found[0] if len(found) == 1 else b""
