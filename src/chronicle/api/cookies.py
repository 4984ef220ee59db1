"""Cookies that only this host sets, only it gets back, and no script reads."""

from typing import Any

from chronicle.api.endpoint import Call


def cookie_values(call: Call[Any, Any], name: str) -> list[str]:
    """Every value that came for a cookie. More than one means that one may have been planted."""
    full_name = _full_name(call, name)
    return [
        value
        for header in call.headers.getlist("cookie")
        for key, _, value in (pair.strip().partition("=") for pair in header.split(";"))
        if key == full_name
    ]


def from_another_origin(call: Call[Any, Any]) -> bool:
    """Whether a page of another origin sends this (RFC 6454 7); programs send no Origin at all."""
    origin = call.headers.get("origin")
    return origin is not None and origin != call.app.settings.base_url


def set_cookie(call: Call[Any, Any], name: str, value: str, seconds: int) -> None:
    """Have the browser keep a value for so long; zero seconds takes it away."""
    secure = "; Secure" if _is_https(call) else ""
    cookie = (
        f"{_full_name(call, name)}={value}; Path=/; HttpOnly; SameSite=Strict; "
        f"Max-Age={seconds}{secure}"
    )
    call.answer_headers.append((b"set-cookie", cookie.encode()))


def _is_https(call: Call[Any, Any]) -> bool:
    return call.app.settings.base_url.startswith("https://")


def _full_name(call: Call[Any, Any], name: str) -> str:
    # The prefix makes browsers refuse the cookie from any other host, and needs https.
    return f"__Host-{name}" if _is_https(call) else name
