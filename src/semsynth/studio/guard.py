"""Who may ask, how much they may send, and what their browser may do with the answer."""

from __future__ import annotations

import asyncio
import hmac
import time
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from semsynth.studio.problems import Refusal, problem
from semsynth.studio.uploads import Limits

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


class Guard:
    """Stands before the application: checks a request's head, limits its body, adds headers to every answer."""

    def __init__(self, app: ASGIApp, access: Access, limits: Limits) -> None:
        self._app, self._access, self._limits = app, access, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), scope["path"]

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answer[name] = value
                answer.setdefault("Cache-Control", "no-store" if path.startswith("/api/") else "no-cache")
            await send(message)

        try:
            if self._brings_token_in_address(scope):
                entrance = RedirectResponse("/", 303)
                entrance.set_cookie(COOKIE, self._access.token or "", httponly=True, samesite="strict")
                await entrance(scope, receive, send_guarded)
                return
            self._check_origin(headers, path)
            self._check_token(headers, path)
            if scope["method"] == "POST":
                self._check_body(headers)
        except Refusal as refusal:
            await self._drain(receive)
            await problem(refusal.status_code, refusal.code, refusal.detail, refusal.headers)(
                scope, receive, send_guarded
            )
            return
        await self._app(scope, self._limited(receive), send_guarded)

    def _check_origin(self, headers: Headers, path: str) -> None:
        """Refuse other web pages, also those whose name was made to point here."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._access.loopback and _name(host) not in LOOPBACK:
            raise Refusal(403, "foreign", f"this server is called localhost, not '{host[:100]}'")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise Refusal(403, "foreign", f"pages of '{origin[:100]}' may not use this server")
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

    def _check_body(self, headers: Headers) -> None:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "multipart/form-data":
            raise Refusal(415, "media_type", f"send multipart/form-data, not '{kind[:100]}'")
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._limits.body_bytes:
            raise self._too_large()

    def _too_large(self) -> Refusal:
        return Refusal(413, "too_large", f"a request may have {self._limits.body_bytes:,} bytes at most")

    def _limited(self, receive: Receive) -> Receive:
        """``receive``, for a body of limited length that must have arrived after a limited time."""
        deadline = time.monotonic() + self._limits.body_seconds
        size, complete = 0, False

        async def receive_limited() -> Message:
            nonlocal size, complete
            if complete:
                return await receive()  # waits for the client to go away
            try:
                message = await asyncio.wait_for(receive(), max(0, deadline - time.monotonic()))
            except TimeoutError:
                seconds = self._limits.body_seconds
                raise Refusal(408, "slow", f"the request took longer than {seconds:g} s to arrive") from None
            size += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if size > self._limits.body_bytes:
                raise self._too_large()
            return message

        return receive_limited

    async def _drain(self, receive: Receive) -> None:
        """Read what a refused client still sends, within limits: it reads no answer before it has sent all."""
        limited = self._limited(receive)
        try:
            while (await limited()).get("more_body", False):
                pass
        except Refusal:
            return


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
