"""How many places of a study one address may take in a minute."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

JOINS_PER_MINUTE = 3
"""Enough for a household; a class in one room needs more."""
_REMEMBERED = 10_000
"""Addresses; the one that asked longest ago is forgotten first."""


class JoinRate:
    """Lets ``per_minute`` new participants of an address in at once, and then as many in every minute."""

    def __init__(self, per_minute: int = JOINS_PER_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin without any; ``clock`` tells seconds."""
        self._per_minute, self._clock = per_minute, clock
        self._free: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """By address: how many may come, and when that was so."""
        self._turn = Lock()

    def take(self, address: str) -> int:
        """Take a place for somebody of an address: 0, or the seconds after which there is one."""
        name, now = _network(address), self._clock()
        with self._turn:
            free, then = self._free.pop(name, (float(self._per_minute), now))
            free = min(self._per_minute, free + (now - then) * self._per_minute / 60)
            taken = free >= 1
            self._free[name] = (free - taken, now)
            if len(self._free) > _REMEMBERED:
                self._free.popitem(last=False)
        return 0 if taken else math.ceil((1 - free) * 60 / self._per_minute)


def _network(address: str) -> str:
    """What one client can choose its addresses from: of IPv6 a network of 64 bits."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv4Address):
        return address
    return str(found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))
