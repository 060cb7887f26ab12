"""Who may ask, and what their browser may do with the answer."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from semsynth.serving.problems import Refusal

COOKIE = "semsynth_token"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
OPEN_PATH = "/api/health"
"""Needs no token: load balancers ask it."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "font-src 'self'",
        "connect-src 'self' blob:",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        loopback: whether the server listens on this machine only; then ``Host`` must be one of :data:`LOOPBACK`.
        token: what every request must bring; None: nothing.
    """

    loopback: bool = True
    token: str | None = None


class Admission:
    """Looks at a request's head: where it comes from, the token, and the kind of its body."""

    def __init__(self, access: Access) -> None:
        """Let in whom ``access`` says."""
        self._access = access

    def __call__(self, scope: Scope, headers: Headers) -> Response | None:
        """None lets the request in.

        Raises:
            Refusal: from elsewhere, without the token, or with a body of another kind.
        """
        if self._brings_token_in_address(scope):
            entrance = RedirectResponse("/", 303)
            entrance.set_cookie(COOKIE, self._access.token or "", httponly=True, samesite="strict")
            return entrance
        self._check_origin(headers, scope["path"])
        self._check_token(headers, scope["path"])
        if scope["method"] == "POST":
            _check_kind(headers)
        return None

    def _check_origin(self, headers: Headers, path: str) -> None:
        """Refuse other web pages, also those whose name was made to point here."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._access.loopback and _name(host) not in LOOPBACK:
            raise Refusal(403, "foreign", "this server is called localhost, not what the request calls it")
        if origin is not None and _place(origin) != host.lower():
            raise Refusal(403, "foreign", "pages of other servers may not use this one")
        if path.startswith("/api/") and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise Refusal(403, "foreign", "pages of other servers may not use this one")

    def _check_token(self, headers: Headers, path: str) -> None:
        if self._access.token is None or path == OPEN_PATH:
            return
        kind, _, given = headers.get("authorization", "").partition(" ")
        if not (kind.lower() == "bearer" and self._is_token(given)) and not self._is_token(_cookie(headers)):
            message = "this server needs a token: open the address that it printed, or send Authorization: Bearer TOKEN"
            raise Refusal(401, "token", message, {"WWW-Authenticate": "Bearer"})

    def _is_token(self, given: str) -> bool:
        return self._access.token is not None and hmac.compare_digest(given.encode(), self._access.token.encode())

    def _brings_token_in_address(self, scope: Scope) -> bool:
        if self._access.token is None or scope["method"] != "GET" or scope["path"] != "/":
            return False
        return self._is_token(parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0])


def answer_headers(path: str, _: int) -> dict[str, str]:
    """What every answer says to browsers."""
    return {**_HEADERS, "Cache-Control": "no-store" if path.startswith("/api/") else "no-cache"}


def _check_kind(headers: Headers) -> None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "multipart/form-data":
        raise Refusal(415, "media_type", "send a body of the type multipart/form-data")


def _place(origin: str) -> str | None:
    """``HOST[:PORT]`` of an origin; None if it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _name(host: str) -> str:
    """The host of ``HOST[:PORT]``."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value
