"""Stands before an application: bodies under limits, errors in JSON, headers on every answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from semsynth.serving.limits import ServerLimits
from semsynth.serving.problems import ErrorBody, Refusal, described, problem

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MAX_HEADERS = 100
MAX_PATH = 2048
"""Characters."""
_DIGITS = 18
"""Of a body's stated length."""
_PARTS = (b"range", b"if-range")
"""Files are answered as a whole: they are small, and requests for many parts of one cost more than they save."""

Admit = Callable[[Scope, Headers], Response | None]
"""Looks at a request's head: None lets it in, a response answers it; raises :class:`Refusal`."""
AnswerHeaders = Callable[[str, int], Mapping[str, str]]
"""From an address's path and the status to the headers of an answer."""


class Guard:
    """Checks a request's head, limits its body, and makes every answer one that a browser can be trusted with."""

    def __init__(
        self, app: ASGIApp, limits: ServerLimits, body: ErrorBody, admit: Admit, headers: AnswerHeaders
    ) -> None:
        """Stand before ``app``."""
        self._app, self._limits, self._body = app, limits, body
        self._admit, self._headers = admit, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        body = _Body(receive, self._limits, headers)
        answer = _Answer(send, scope["path"], body, self._body, self._headers)
        try:
            _check_head(scope, headers, self._limits)
            direct = self._admit(scope, headers)
        except Refusal as refusal:
            direct = problem(self._body, refusal.status_code, refusal.code, refusal.detail, refusal.headers)
        if direct is not None:
            await direct(scope, receive, answer.send)
            return
        whole = [(name, value) for name, value in scope["headers"] if name not in _PARTS]
        await self._app(dict(scope, headers=whole), body.receive, answer.send)


def _check_head(scope: Scope, headers: Headers, limits: ServerLimits) -> None:
    """Refuse what no page and no program of ours sends.

    Raises:
        Refusal: an unknown method, an address that is no text, too many headers, or a body that is too large by what
            its head says.
    """
    if scope["method"] not in METHODS:
        raise Refusal(405, *described(405))
    if len(scope["path"]) > MAX_PATH or not scope["path"].isprintable():
        raise Refusal(404, *described(404))
    size = sum(len(name) + len(value) for name, value in scope["headers"]) + len(scope["query_string"])
    if len(scope["headers"]) > MAX_HEADERS or size > limits.head_bytes:
        raise Refusal(431, "too_large", "the request's headers are too many or too long")
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Refusal(400, *described(400))
    if len(length) > _DIGITS or int(length) > limits.body_bytes:
        raise _too_large(limits)


def _too_large(limits: ServerLimits) -> Refusal:
    return Refusal(413, "too_large", f"a request may have {limits.body_bytes:,} bytes at most")


class _Body:
    """A request's body, of limited length, that must have arrived after a limited time."""

    def __init__(self, receive: Receive, limits: ServerLimits, headers: Headers) -> None:
        self._receive, self._limits = receive, limits
        self._deadline, self._size = time.monotonic() + limits.body_seconds, 0
        self.complete = headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers
        """Whether the client has sent everything."""
        self._ended = False

    async def receive(self) -> Message:
        """The next piece.

        Raises:
            Refusal: the body is too large or too slow.
        """
        if self._ended:
            return await self._receive()  # waits for the client to go away
        try:
            message = await asyncio.wait_for(self._receive(), max(0, self._deadline - time.monotonic()))
        except TimeoutError:
            seconds = self._limits.body_seconds
            raise Refusal(408, "slow", f"the request took longer than {seconds:g} s to arrive") from None
        self._size += len(message.get("body", b""))
        if self._size > self._limits.body_bytes:
            raise _too_large(self._limits)
        self._ended = not message.get("more_body", False)
        self.complete = self.complete or self._ended
        return message


class _Answer:
    """An answer on its way: with the server's headers, and in JSON if it is an error."""

    def __init__(self, send: Send, path: str, body: _Body, error: ErrorBody, headers: AnswerHeaders) -> None:
        self._send, self._path, self._body = send, path, body
        self._error, self._headers = error, headers
        self._replaced = False

    async def send(self, message: Message) -> None:
        """Send a piece; of an error that is no JSON (a library's own page) only the status is kept."""
        if message["type"] != "http.response.start":
            if not self._replaced:
                await self._send(message)
            return
        status, given = message["status"], MutableHeaders(raw=list(message.get("headers", [])))
        content = None
        if status >= 400 and not given.get("content-type", "").startswith("application/json"):
            kept = {name: given[name] for name in ("allow", "retry-after", "www-authenticate") if name in given}
            made = problem(self._error, status, *described(status), kept)
            content, given, self._replaced = bytes(made.body), made.headers, True
        for name, value in self._headers(self._path, status).items():
            given.setdefault(name, value) if name == "Cache-Control" else given.__setitem__(name, value)
        if not self._body.complete:
            given["Connection"] = "close"  # what the client still sends is no request
        await self._send({**message, "headers": given.raw})
        if content is not None:
            await self._send({"type": "http.response.body", "body": content})
