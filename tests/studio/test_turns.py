from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from semsynth.studio.turns import BusyError, OvertakenError, TimedOutError, Turns, VanishedError


class Visitors:
    """Threads that take turns; what became of each."""

    def __init__(self, turns: Turns) -> None:
        self.turns, self.fates, self.threads = turns, dict[str, object](), list[threading.Thread]()
        self.order: list[str] = []
        self.leave = threading.Event()

    def send(self, name: str, model: str = "m", client: str | None = None, stroke: int = 0) -> None:
        def visit() -> None:
            try:
                self.turns.arrive(client, stroke)
                with self.turns.turn(model, client, stroke, lambda: False):
                    self.order.append(name)
                    assert self.leave.wait(10)
                    self.fates[name] = "served"
            except Exception as error:
                self.fates[name] = error

        self.threads.append(threading.Thread(target=visit))
        self.threads[-1].start()

    def close(self) -> None:
        self.leave.set()
        for thread in self.threads:
            thread.join(10)


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_one_at_a_time_and_in_order() -> None:
    turns = Turns(limit=8, patience=10)
    visitors = Visitors(turns)
    for number in range(5):
        visitors.send(f"{number}")
        eventually(lambda n=number: turns.waiting == n and bool(visitors.order))  # the first one is being served
    assert visitors.order == ["0"]
    visitors.close()
    assert visitors.order == list("01234")
    assert turns.waiting == 0


def test_models_do_not_wait_for_each_other() -> None:
    visitors = Visitors(Turns(limit=1, patience=10))
    visitors.send("a", model="one")
    visitors.send("b", model="two")
    eventually(lambda: sorted(visitors.order) == ["a", "b"])
    visitors.close()


def test_a_newer_stroke_sends_the_older_ones_away_at_once() -> None:
    turns = Turns(limit=8, patience=10)
    visitors = Visitors(turns)
    visitors.send("running", client="anna", stroke=1)
    eventually(lambda: visitors.order == ["running"])
    visitors.send("older", client="anna", stroke=2)
    visitors.send("other client", client="ben", stroke=1)
    eventually(lambda: turns.waiting == 2)
    visitors.send("newer", client="anna", stroke=3)
    eventually(lambda: "older" in visitors.fates)  # while the first one still runs
    overtaken = visitors.fates["older"]
    assert isinstance(overtaken, OvertakenError)
    assert overtaken.newest == 3
    visitors.send("late", client="anna", stroke=2)
    eventually(lambda: "late" in visitors.fates)
    assert isinstance(visitors.fates["late"], OvertakenError)
    visitors.close()
    assert visitors.order == ["running", "other client", "newer"]


def test_requests_of_one_stroke_do_not_overtake_each_other() -> None:
    visitors = Visitors(Turns(limit=8, patience=10))
    for name, model in (("a", "one"), ("b", "two"), ("c", "one")):
        visitors.send(name, model=model, client="anna", stroke=4)
    visitors.leave.set()
    visitors.close()
    assert set(visitors.fates.values()) == {"served"}


def test_a_full_line_refuses_and_overtaken_requests_do_not_count() -> None:
    turns = Turns(limit=2, patience=10)
    visitors = Visitors(turns)
    visitors.send("running")
    eventually(lambda: visitors.order == ["running"])
    for stroke in range(1, 20):
        visitors.send(f"stroke {stroke}", client="anna", stroke=stroke)
        eventually(lambda: turns.waiting == 1)
    visitors.send("second")
    eventually(lambda: turns.waiting == 2)
    visitors.send("third")
    eventually(lambda: "third" in visitors.fates)
    busy = visitors.fates["third"]
    assert isinstance(busy, BusyError)
    assert busy.seconds >= 1
    visitors.close()
    assert visitors.order == ["running", "stroke 19", "second"]


def test_who_waits_too_long_is_told_and_leaves_the_line() -> None:
    turns = Turns(limit=8, patience=0.05)
    with turns.turn("m", None, 0, lambda: False):
        with pytest.raises(TimedOutError), turns.turn("m", None, 0, lambda: False):
            pytest.fail("two at a time")
        assert turns.waiting == 0
    with turns.turn("m", None, 0, lambda: False):
        pass


def test_nothing_is_made_for_a_client_that_has_gone() -> None:
    turns = Turns(limit=8, patience=1)
    with pytest.raises(VanishedError), turns.turn("m", None, 0, lambda: True):
        pytest.fail("made for nobody")
    with turns.turn("m", None, 0, lambda: False):
        pass


def test_an_error_inside_ends_the_turn() -> None:
    turns = Turns(limit=8, patience=1)
    with pytest.raises(ValueError, match="inside"), turns.turn("m", None, 0, lambda: False):
        raise ValueError("inside")
    with turns.turn("m", None, 0, lambda: False):
        pass


def test_clients_that_were_silent_longest_are_forgotten() -> None:
    turns = Turns(limit=8, patience=1)
    turns.arrive("first", 9)
    for number in range(2000):
        turns.arrive(f"client {number}", 0)
    turns.arrive("first", 1)
    with pytest.raises(OvertakenError):
        turns.arrive("client 1999", -1)
