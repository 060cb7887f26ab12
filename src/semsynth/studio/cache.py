"""Responses that were sent recently."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Payload:
    """A response: its body, media type and further headers."""

    body: bytes
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)


class PayloadCache:
    """The payloads used last, up to ``capacity`` bytes of bodies. Threads may share it."""

    def __init__(self, capacity: int) -> None:
        self._capacity, self._size = capacity, 0
        self._lock = threading.Lock()
        self._payloads: OrderedDict[bytes, Payload] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes of all bodies."""
        return self._size

    def get(self, key: bytes) -> Payload | None:
        """The payload of an identical request, if it is still there."""
        with self._lock:
            payload = self._payloads.get(key)
            if payload is not None:
                self._payloads.move_to_end(key)
            return payload

    def put(self, key: bytes, payload: Payload) -> None:
        """Keep a payload; those not used for the longest time go."""
        with self._lock:
            replaced = self._payloads.pop(key, None)
            self._size += len(payload.body) - (len(replaced.body) if replaced else 0)
            self._payloads[key] = payload
            while self._size > self._capacity:
                self._size -= len(self._payloads.popitem(last=False)[1].body)


def request_key(*parts: str | bytes | Iterable[bytes] | None) -> bytes:
    """A digest that two requests share only if all parts are equal."""
    digest = hashlib.sha256()
    for part in parts:
        if part is None:
            digest.update(b"-")
        elif isinstance(part, str | bytes):
            data = part.encode() if isinstance(part, str) else part
            digest.update(b"%d:" % len(data))
            digest.update(data)
        else:
            several = list(part)
            digest.update(b"[%d]" % len(several))
            digest.update(request_key(*several))
    return digest.digest()
