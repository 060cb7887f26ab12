"""Reading ahead: items are made in threads while others are used, in order and within bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def read_ahead(make: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """``map(make, items)`` by ``workers`` threads (0: in this one), at most two items per thread ahead."""
    if workers == 0:
        yield from map(make, items)
        return
    pool = ThreadPoolExecutor(workers, "read")
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(make, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # Without waiting: an iterator given up half-way may be collected in one of its own threads.
        pool.shutdown(wait=False, cancel_futures=True)
