"""What the studio's and the study's servers share: a port that is taken before anything is loaded, and the server."""

from __future__ import annotations

import socket
from typing import Any

from semsynth.errors import SemsynthError

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
                f"cannot listen on {host}, port {port} ({reason}): choose another --host or --port"
            ) from error
        raise SemsynthError(
            f"port {port} cannot be used ({reason}): another server may run there; free is --port {free}"
        ) from error


def address(host: str, opened: socket.socket) -> str:
    """What to open in a browser, without a slash at the end."""
    name = socket.gethostname() if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    return f"http://{name}:{opened.getsockname()[1]}"


def run_server(application: Any, opened: socket.socket, **settings: Any) -> None:
    """Serve an ASGI application on an open port until Ctrl-C.

    Args:
        application: the application.
        opened: from :func:`listen`.
        **settings: more of ``uvicorn.Config``.
    """
    import uvicorn

    uvicorn.Server(uvicorn.Config(application, log_level="warning", **settings)).run(sockets=[opened])


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
