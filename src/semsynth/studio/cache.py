"""Answers that were given lately."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """A body, what it is, and what else there is to say about it."""

    body: bytes
    media_type: str
    headers: dict[str, str] = field(default_factory=dict)


class AnswerCache:
    """The answers used last, up to ``capacity`` bytes of bodies. Threads may share it."""

    def __init__(self, capacity: int) -> None:
        self._capacity, self._size = capacity, 0
        self._lock = threading.Lock()
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes of all bodies."""
        return self._size

    def get(self, key: bytes) -> Answer | None:
        """The answer to an identical request, if it is still there."""
        with self._lock:
            answer = self._answers.get(key)
            if answer is not None:
                self._answers.move_to_end(key)
            return answer

    def put(self, key: bytes, answer: Answer) -> None:
        """Keep an answer; those not used for the longest time go."""
        with self._lock:
            replaced = self._answers.pop(key, None)
            self._size += len(answer.body) - (len(replaced.body) if replaced else 0)
            self._answers[key] = answer
            while self._size > self._capacity:
                self._size -= len(self._answers.popitem(last=False)[1].body)


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
