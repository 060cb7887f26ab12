"""Ports: one that is taken is reported with a free one, and an address is what a browser opens."""

from __future__ import annotations

import re
import socket

import pytest

from semsynth.errors import SemsynthError
from semsynth.serving import address, listen


def test_a_port_that_is_taken_names_one_that_is_free() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SemsynthError, match=rf"port {port} cannot be used .*: .*free is `port=\d+`") as caught:
            listen("127.0.0.1", port)
    free = int(re.findall(r"`port=(\d+)`", str(caught.value))[0])
    assert port < free < port + 20
    with listen("127.0.0.1", free) as opened:
        assert address("127.0.0.1", opened) == f"http://127.0.0.1:{free}"


def test_addresses_of_all_interfaces_and_of_ipv6() -> None:
    with listen("127.0.0.1", 0) as opened:
        port = opened.getsockname()[1]
        assert address("0.0.0.0", opened) == f"http://{socket.gethostname()}:{port}"
        assert address("::1", opened) == f"http://[::1]:{port}"


def test_a_host_that_does_not_exist_is_one_line() -> None:
    with pytest.raises(SemsynthError, match=r"cannot listen on no\.such\.host\.invalid, port 0"):
        listen("no.such.host.invalid", 0)
