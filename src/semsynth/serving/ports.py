"""A port that is taken before anything is loaded, and the server on it."""

from __future__ import annotations

import ipaddress
import logging
import socket
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any

from semsynth.errors import SemsynthError
from semsynth.serving.limits import ServerLimits

if TYPE_CHECKING:
    import uvicorn

    from semsynth.serving.problems import ErrorBody

_TRIED = 20
"""How many ports after one that is taken are looked at, to name a free one."""


def listen(host: str, port: int, backlog: int = 128) -> socket.socket:
    """Open a port; done before models are loaded, so that a mistake is reported at once.

    Args:
        host: address to listen on; ``0.0.0.0`` is all of this machine's.
        port: 0 takes any free one.
        backlog: connections that may wait.

    Raises:
        SemsynthError: the port is taken, or the address is not this machine's; the message names a free port.
    """
    try:
        return _bound(host, port, backlog)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        free = next((other for other in range(port + 1, min(port + _TRIED, 65536)) if _is_free(host, other)), None)
        if free is None:
            raise SemsynthError(
                f"cannot listen on {host}, port {port} ({reason}): choose another `host` or `port`"
            ) from error
        raise SemsynthError(
            f"port {port} cannot be used ({reason}): another server may run there; free is `port={free}`"
        ) from error


def address(host: str, opened: socket.socket) -> str:
    """What to open in a browser, without a slash at the end."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{opened.getsockname()[1]}"


def check_proxies(given: Collection[str]) -> None:
    """Make sure that proxies are given by their addresses.

    Raises:
        SemsynthError: something else.
    """
    for one in given:
        try:
            ipaddress.ip_address(one)
        except ValueError as error:
            raise SemsynthError(
                f"`proxies={one}`: expected the IP address from which the proxy asks this server, such as 127.0.0.1"
            ) from error


def make_server(
    application: Any, limits: ServerLimits, body: ErrorBody, proxies: Collection[str] = ()
) -> uvicorn.Server:
    """A server of an ASGI application; ``run(sockets=[opened])`` serves until Ctrl-C.

    Args:
        application: the application.
        limits: of connections and requests.
        body: the JSON of an error.
        proxies: addresses whose ``X-Forwarded-For`` is believed; other clients are known by the address that they
            come from.
    """
    import uvicorn

    from semsynth.serving.connections import Connection

    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    made: Any = partial(Connection, limits, body, proxies)
    config = uvicorn.Config(
        application,
        http=made,
        ws="none",
        log_level="error",  # what clients do wrong fills no log, here and above
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        h11_max_incomplete_event_size=limits.head_bytes,
        timeout_keep_alive=max(1, round(limits.idle_seconds)),
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)


def _bound(host: str, port: int, backlog: int) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    opened = socket.socket(family, kind, protocol)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was closed just now counts as free
        opened.bind(place)
        opened.listen(backlog)
    except OSError:
        opened.close()
        raise
    return opened


def _is_free(host: str, port: int) -> bool:
    try:
        _bound(host, port, 1).close()
    except OSError:
        return False
    return True
