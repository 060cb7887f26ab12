"""What a client may send to a server, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServerLimits:
    """Limits of one server. Sizes are counted as bytes arrive, never taken from what a client says of them."""

    head_bytes: int = 16 * 2**10
    """Of a request's address and headers together."""
    head_seconds: float = 10
    """For a request's head to arrive, from its first byte or the connection's start."""
    body_bytes: int = 16 * 2**10
    """Of a request's body."""
    body_seconds: float = 10
    """For a body to arrive."""
    idle_seconds: float = 5
    """Until a connection without a request is closed."""
    write_seconds: float = 30
    """Until a client that does not read its answer is cut off."""
    linger_seconds: float = 10
    """For which a refused client may go on sending: an answer is lost if the connection closes before that."""
    connections: int = 512
    """At a time, in all; more are answered with 503."""
    client_connections: int = 256
    """At a time, of one address that is no proxy; more are answered with 429."""
