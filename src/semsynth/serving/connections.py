"""One connection of a server: how many a client may have, and for how long it may say nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any

import h11
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from semsynth.serving.limits import ServerLimits
from semsynth.serving.problems import ErrorBody, problem

_RETRY_SECONDS = 5
_LOST_AT = 2
"""Times the number of connections that are allowed: further ones are closed without an answer."""


class Connection(H11Protocol):
    """uvicorn's connection with limits that it does not have itself, and with all errors in JSON."""

    def __init__(self, limits: ServerLimits, body: ErrorBody, proxies: Collection[str], **given: Any) -> None:
        """As uvicorn makes it; ``proxies`` are addresses that speak for many clients."""
        super().__init__(**given)
        self._limits, self._body, self._proxies = limits, body, proxies
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._head_is_late = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection; one too many is answered with an error, many too many are closed."""
        super().connection_made(_Lingering(transport, self._is_sending, self._limits.linger_seconds))  # type: ignore[arg-type]
        self._watch_head()
        total, mine = len(self.connections), self._of_the_same_client()
        if max(total / self._limits.connections, mine / self._limits.client_connections) > _LOST_AT:
            self.transport.abort()
        elif total > self._limits.connections:
            self.app = self._refusing(503, "the server has too many connections: try again soon")
        elif mine > self._limits.client_connections:
            self.app = self._refusing(429, "your address has too many connections to this server: close some")

    def data_received(self, data: bytes) -> None:
        """Read a request, or drop what a refused client goes on sending."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop(self._head_timer)
        self._stop(self._write_timer)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Go on with the next request, unless the client still sends what nobody reads."""
        if self.conn.their_state is h11.SEND_BODY:
            self.transport.close()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client reads too slowly: it has so long to go on."""
        super().pause_writing()
        self._write_timer = self.loop.call_later(self._limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has gone on reading."""
        self._stop(self._write_timer)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        running = self.cycle is not None and not self.cycle.response_complete
        if running:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if running and self.cycle.response_started:
            self.transport.abort()
        else:
            status = getattr(sys.exception(), "error_status_hint", 400)
            self._refuse(431 if status == 431 else 400, "bad_request", "this is no valid HTTP")

    def shutdown(self) -> None:
        """End the connection when the server ends."""
        if self.transport.is_closing():
            self.transport.abort()
        else:
            super().shutdown()

    def _should_upgrade(self) -> bool:
        return False  # nothing here speaks WebSocket

    def _of_the_same_client(self) -> int:
        peer = self.client[0] if self.client else None
        if peer is None or peer in self._proxies:
            return 0
        return sum(one.client is not None and one.client[0] == peer for one in self.connections)  # type: ignore[union-attr]

    def _is_sending(self) -> bool:
        """Whether more of a request that is not read may come."""
        return self._head_is_late or self.conn.their_state in (h11.SEND_BODY, h11.ERROR)

    def _watch_head(self) -> None:
        """Give the next request's head its time; it ends when the request begins."""
        runs = self.cycle is not None and not self.cycle.response_complete
        if runs or self.transport.is_closing():
            self._stop(self._head_timer)
            self._head_timer = None
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self._limits.head_seconds, self._end_late_head)

    def _end_late_head(self) -> None:
        self._head_is_late = True
        message = f"the request's head took longer than {self._limits.head_seconds:g} s to arrive"
        self._refuse(408, "slow", message)

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer without the application, and close."""
        content = json.dumps(self._body(code, message)).encode()
        head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        self.transport.write(head.encode() + content)
        self.transport.close()

    def _refusing(self, status: int, message: str) -> Callable[[Scope, Receive, Send], Any]:
        return problem(self._body, status, "busy", message, {"Retry-After": str(_RETRY_SECONDS), "Connection": "close"})

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


class _Lingering:
    """A transport whose ``close`` waits for a client that still sends: else its answer is lost on the way."""

    def __init__(self, transport: asyncio.BaseTransport, is_sending: Callable[[], bool], seconds: float) -> None:
        self._transport: Any = transport
        self._is_sending, self._seconds = is_sending, seconds
        self._timer: asyncio.TimerHandle | None = None

    def close(self) -> None:
        """Close, at the latest after some seconds."""
        if self.is_closing():
            return
        if not self._is_sending() or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._transport.write_eof()
        self._transport.resume_reading()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._transport.abort)

    def abort(self) -> None:
        """Close at once."""
        if self._timer is not None:
            self._timer.cancel()
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether it is closed, or closes soon."""
        return self._timer is not None or bool(self._transport.is_closing())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
