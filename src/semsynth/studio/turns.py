"""Who may use a model next: one request at a time, in order, without those that newer ones have overtaken."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_REMEMBERED = 1024
"""Clients whose newest stroke is known; the one that was silent longest is forgotten first."""


class OvertakenError(Exception):
    """A newer stroke of the same client has arrived."""

    def __init__(self, newest: int) -> None:
        super().__init__(f"overtaken by stroke {newest}")
        self.newest = newest


class VanishedError(Exception):
    """The client closed the connection."""


class BusyError(Exception):
    """Too many requests wait; it may go better in so many seconds."""

    def __init__(self, waiting: int, seconds: int) -> None:
        super().__init__(f"{waiting} requests are waiting already: try again in {seconds} s")
        self.seconds = seconds


class TimedOutError(Exception):
    """The turn did not come in time."""

    def __init__(self, waited: float, seconds: int) -> None:
        super().__init__(f"the models were busy for {waited:.0f} s: try again in {seconds} s, or with smaller photos")
        self.seconds = seconds


@dataclass(eq=False)
class _Ticket:
    client: str | None
    stroke: int


@dataclass
class _Line:
    """Who waits for one model; the first one is being served."""

    tickets: deque[_Ticket] = field(default_factory=deque)
    seconds: float = 0.5
    """How long a turn takes, smoothed."""


class Turns:
    """A line before every model.

    Args:
        limit: how many requests may wait, in all lines together.
        patience: how long one may wait, in seconds.
    """

    def __init__(self, limit: int, patience: float) -> None:
        self._limit, self._patience = limit, patience
        self._changed = threading.Condition()
        self._lines: dict[str, _Line] = {}
        self._newest: OrderedDict[str, int] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Requests that wait and have not been overtaken."""
        with self._changed:
            return self._waiting()

    def arrive(self, client: str | None, stroke: int) -> None:
        """Tell that a client is at this stroke: its earlier ones need not be made any more.

        Raises:
            OvertakenError: it is further already.
        """
        if client is None:
            return
        with self._changed:
            self._newest[client] = max(stroke, self._newest.get(client, stroke))
            self._newest.move_to_end(client)
            if len(self._newest) > _REMEMBERED:
                self._newest.popitem(last=False)
            self._changed.notify_all()
            self._check(client, stroke)

    @contextmanager
    def turn(self, model: str, client: str | None, stroke: int, gone: Callable[[], bool]) -> Iterator[None]:
        """Wait for a model, and have it alone inside.

        Args:
            model: its id.
            client: who asks; None: nothing overtakes it.
            stroke: which of the client's requests this is.
            gone: whether nobody waits for the answer any more; asked once, when the turn has come.

        Raises:
            OvertakenError: by a newer stroke of the client.
            BusyError: too many wait already.
            TimedOutError: it took too long.
            VanishedError: nobody waits for the answer.
        """
        ticket = _Ticket(client, stroke)
        with self._changed:
            self._check(client, stroke)
            line = self._lines.setdefault(model, _Line())
            if line.tickets and self._waiting() >= self._limit:
                raise BusyError(self._limit, self._retry_after(line))
            line.tickets.append(ticket)
        try:
            self._wait(line, ticket)
            if gone():
                raise VanishedError
            started = time.monotonic()
            yield
            line.seconds += 0.2 * (time.monotonic() - started - line.seconds)
        finally:
            with self._changed:
                line.tickets.remove(ticket)
                self._changed.notify_all()

    def _wait(self, line: _Line, ticket: _Ticket) -> None:
        with self._changed:
            due = self._changed.wait_for(
                lambda: line.tickets[0] is ticket or self._is_overtaken(ticket), timeout=self._patience
            )
            self._check(ticket.client, ticket.stroke)
            if not due:
                raise TimedOutError(self._patience, self._retry_after(line))

    def _waiting(self) -> int:
        return sum(not self._is_overtaken(one) for line in self._lines.values() for one in list(line.tickets)[1:])

    def _is_overtaken(self, ticket: _Ticket) -> bool:
        return ticket.client is not None and self._newest.get(ticket.client, ticket.stroke) > ticket.stroke

    def _check(self, client: str | None, stroke: int) -> None:
        if client is not None and self._newest.get(client, stroke) > stroke:
            raise OvertakenError(self._newest[client])

    def _retry_after(self, line: _Line) -> int:
        return max(1, min(60, math.ceil(line.seconds * len(line.tickets))))
