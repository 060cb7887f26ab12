"""Assignments and answers: exactly once, nobody shares, expiry, faults of the disk."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from semsynth.errors import SemsynthError
from semsynth.study.database import DATABASE, Database, UnavailableError, sqlite_url
from semsynth.study.plan import StudyPlan
from semsynth.study.records import NewAnswer, Received, RefusedError
from semsynth.study.store import Store
from semsynth.study.tables import ROBOT


class Clock:
    """A second later whenever somebody looks."""

    now = 1_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(make: Callable[..., StudyPlan], tmp_path: Path, clock: Clock) -> Callable[..., Store]:
    """Opens a store of a study with 4 assignments of 6 pairs, in two rounds."""

    def open_store(**design: object) -> Store:
        plan = make(tmp_path / "s", **({"batch": 6, "judgements": 2, "expiry_minutes": 10} | design))
        return Store(Database(sqlite_url(tmp_path / "s" / DATABASE)), plan, "plan", clock)

    return open_store


def given(trial: int, key: str | None = None, choice: str = "left", shown: float | None = None) -> NewAnswer:
    return NewAnswer(key or f"key-{trial}", trial, choice, 1.0, shown)


def do_all(store: Store, worker: str) -> int:
    joined = store.join(worker)
    done = [store.answer(joined.session, given(trial, f"{joined.session}{trial}")) for trial in range(6)]
    assert done == [Received(False)] * 5 + [Received(True)]
    return joined.assignment


def reason_of(call: Callable[[], object]) -> str:
    with pytest.raises(RefusedError) as caught:
        call()
    return caught.value.reason


def test_people_get_different_assignments_and_their_own_again(opened: Callable[..., Store]):
    store = opened()
    joined = {worker: store.join(worker) for worker in "abcd"}
    assert sorted(one.assignment for one in joined.values()) == [0, 1, 2, 3]
    assert reason_of(lambda: store.join("e")) == "full"
    store.answer(joined["b"].session, given(2))
    again = store.join("b")
    assert (again.session, again.answered) == (joined["b"].session, {2})


def test_an_answer_sent_again_is_stored_once(opened: Callable[..., Store]):
    store = opened()
    session = store.join("a").session
    for _ in range(3):
        assert store.answer(session, given(0)) == Received(False)
    assert reason_of(lambda: store.answer(session, given(0, "other-key", "right"))) == "conflict"
    assert reason_of(lambda: store.answer(session, given(1, "key-0"))) == "conflict"
    (stored,) = store.answers()
    assert (stored.choice, stored.trial, stored.complete) == ("left", 0, False)


def test_the_last_answer_completes_even_when_sent_again(opened: Callable[..., Store]):
    store = opened()
    joined = store.join("a")
    for trial in range(5):
        store.answer(joined.session, given(trial))
    assert store.answer(joined.session, given(5)) == Received(True)
    assert store.answer(joined.session, given(5)) == Received(True)
    assert reason_of(lambda: store.join("a")) == "done"
    assert (store.progress().complete, store.progress().active, store.progress().open) == (1, 0, 3)
    assert all(answer.complete for answer in store.answers())


def test_an_expired_assignment_goes_to_somebody_else(opened: Callable[..., Store], clock: Clock):
    store = opened()
    late = store.join("late")
    store.answer(late.session, given(0))
    for worker in "bcd":
        store.join(worker)
    clock.now += 60 * 10 + 1
    assert reason_of(lambda: store.answer(late.session, given(1))) == "expired"
    assert store.answer(late.session, given(0)) == Received(False), "what was acknowledged stays acknowledged"
    other = store.join("other")
    assert other.assignment == late.assignment
    assert other.answered == frozenset(), "the other person starts afresh"
    assert reason_of(lambda: store.answer(late.session, given(2))) == "expired"
    assert len(store.answers()) == 1


def test_a_place_without_a_first_answer_is_free_after_ten_minutes(opened: Callable[..., Store], clock: Clock):
    store = opened(expiry_minutes=60)
    idle, slow = store.join("idle"), store.join("slow")
    assert store.answer(slow.session, given(0)) == Received(False)
    clock.now += 60 * 10 + 1
    assert store.join("other").assignment == idle.assignment
    assert reason_of(lambda: store.answer(idle.session, given(2))) == "expired"
    clock.now += 60 * 45
    assert store.answer(slow.session, given(1)) == Received(False), "one answer keeps it for expiry_minutes"


def test_who_comes_back_after_an_answer_has_all_the_time_again(opened: Callable[..., Store], clock: Clock):
    store = opened(expiry_minutes=60)
    late = store.join("late")
    store.answer(late.session, given(0))
    clock.now += 60 * 61
    assert store.join("late").session == late.session
    clock.now += 60 * 50
    assert store.answer(late.session, given(1)) == Received(False)


def test_an_answer_keeps_an_assignment_alive_and_who_comes_back_goes_on(opened: Callable[..., Store], clock: Clock):
    store = opened()
    joined = store.join("a")
    for trial in range(3):
        clock.now += 60 * 9
        store.answer(joined.session, given(trial))
    clock.now += 60 * 60
    back = store.join("a")
    assert (back.session, back.answered) == (joined.session, {0, 1, 2})
    store.answer(joined.session, given(3))


def test_nobody_is_asked_the_same_twice(opened: Callable[..., Store]):
    store = opened(batches_per_worker=9)
    rounds = [store.plan.assignments[do_all(store, "a")].round for _ in range(2)]
    assert rounds == [0, 0]
    assert reason_of(lambda: store.join("a")) == "done", "what is left holds the same questions"


def test_a_paused_study(opened: Callable[..., Store]):
    store = opened()
    joined = store.join("a")
    store.pause(True)
    assert reason_of(lambda: store.join("b")) == "paused"
    assert store.join("a").session == joined.session, "those who have started can finish"
    store.answer(joined.session, given(0))
    store.pause(False)
    store.join("b")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (given(6), "invalid"),
        (given(-1), "invalid"),
        (given(0, choice="tie"), "invalid"),
        (given(0, shown=1.0), "invalid"),
    ],
)
def test_impossible_answers_are_not_stored(opened: Callable[..., Store], answer: NewAnswer, reason: str):
    store = opened()
    session = store.join("a").session
    assert reason_of(lambda: store.answer(session, answer)) == reason
    assert reason_of(lambda: store.answer("0" * 32, given(0))) == "unknown"
    assert store.answers() == []


def test_many_threads(opened: Callable[..., Store]):
    """Eight threads join and answer at once, each answer from two threads."""
    store = opened(judgements=4)
    failures: list[Exception] = []

    def work(worker: str) -> None:
        try:
            joined = store.join(worker)
            for trial in range(6):
                store.answer(joined.session, given(trial, f"{worker}-{trial}"))
        except Exception as error:  # told by the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"w{number // 2}",)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The second thread of a person may come when all is done, which is said, and stores nothing.
    assert all(isinstance(error, RefusedError) and error.reason == "done" for error in failures)
    assert len(store.answers()) == 8 * 6
    assert store.progress().complete == 8


def test_a_full_disk_loses_and_doubles_nothing(opened: Callable[..., Store]):
    store = opened(judgements=30)

    def limit(pages: int) -> None:
        with store._database.reading() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def answer_everything() -> None:
        for number in range(60):
            joined = store.join(f"w{number}")
            for trial in range(6):
                answer = given(trial, f"key-{number}-{trial}")
                sent.append((joined.session, answer))
                store.answer(joined.session, answer)

    sent: list[tuple[str, NewAnswer]] = []
    limit(1)  # SQLite never goes below what it has, and then says what it says on a full disk
    with pytest.raises(UnavailableError, match="full"):
        answer_everything()
    *acknowledged, (session, answer) = sent
    limit(2**30)
    before = store.answers()
    assert len(before) in (len(acknowledged), len(sent)), "the disk may be full for a new person instead"
    store.answer(session, answer)
    assert len(store.answers()) == len(sent)


def test_a_locked_database_asks_to_try_again(
    opened: Callable[..., Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("semsynth.study.database.BUSY_SECONDS", 0.1)
    store = opened()
    session = store.join("a").session
    other = sqlite3.connect(tmp_path / "s" / DATABASE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UnavailableError, match="locked"):
        store.answer(session, given(0))
    assert store.answers() == [], "reading goes on"
    other.execute("ROLLBACK")
    other.close()
    store.answer(session, given(0))
    assert len(store.answers()) == 1


def test_a_database_of_another_plan(opened: Callable[..., Store], tmp_path: Path):
    store = opened()
    with pytest.raises(SemsynthError, match="holds answers to another plan"):
        Store(Database(sqlite_url(tmp_path / "s" / DATABASE)), store.plan, "another")


def hurry(store: Store, clock: Clock, worker: str, seconds: float, response: float = 1.0) -> list[Received]:
    """Answer everything within so many seconds of the server's clock."""
    joined = store.join(worker)
    began = clock.now
    done = []
    for trial in range(6):
        clock.now = began + seconds * (trial + 1) / 6 - 1
        done.append(store.answer(joined.session, NewAnswer(f"{worker}-{trial}", trial, "left", response)))
    return done


@pytest.mark.parametrize(
    ("seconds", "response", "too_fast"),
    [(0.0, 1.0, True), (1.07, 1.0, True), (1.09, 1.0, False), (60.0, 0.19, True), (60.0, 0.2, False)],
)
def test_answers_that_no_person_can_give_leave_the_place_free(
    opened: Callable[..., Store], clock: Clock, seconds: float, response: float, too_fast: bool
):
    """Six pairs of which 9 in 10 take 0.2 s at least: by the server's clock, and by the browser's."""
    store = opened()
    done = hurry(store, clock, "a", seconds, response)
    assert done == [Received(False)] * 5 + [Received(True, too_fast)]
    again = store.answer(store_session(store), NewAnswer("a-5", 5, "left", response))
    assert again == Received(True, too_fast)
    assert reason_of(lambda: store.join("a")) == ("too_fast" if too_fast else "done")
    assert store.workers() == {"a": "too_fast" if too_fast else "complete"}
    assert store.progress().complete == (not too_fast)
    assert {(answer.complete, answer.too_fast) for answer in store.answers()} == {(not too_fast, too_fast)}
    assert store.join("b").assignment == (0 if too_fast else 1)


def store_session(store: Store) -> str:
    with store._database.reading() as connection:
        return str(connection.exec_driver_sql("SELECT id FROM sessions").scalar())


def test_a_study_of_timed_pairs_takes_their_exposures(opened: Callable[..., Store], clock: Clock):
    store = opened(exposures=(2.0,))
    joined = store.join("a")
    for trial in range(len(store.plan.assignments[0].trials)):
        received = store.answer(joined.session, NewAnswer(f"k{trial}", trial, "left", 3.0, 2.0))
    assert received == Received(True, too_fast=True)


def test_robots_take_no_place_and_do_not_count(opened: Callable[..., Store], clock: Clock):
    store = opened()
    assert {do_all(store, f"{ROBOT}{number}") for number in range(3)} == {0, 1, 2}
    last = store.join(f"{ROBOT}3")
    assert reason_of(lambda: store.join(f"{ROBOT}4")) == "full"
    assert store.answers() == []
    assert store.workers() == {}
    progress = store.progress()
    assert (progress.open, progress.complete, progress.answers, progress.robots) == (4, 0, 0, 18)
    assert sorted(do_all(store, worker) for worker in "abcd") == [0, 1, 2, 3]
    assert reason_of(lambda: store.answer(last.session, given(0))) == "expired"
    assert {answer.worker for answer in store.answers()} == set("abcd")
    assert reason_of(lambda: store.join(f"{ROBOT}5")) == "full"


def test_a_database_of_simulated_answers_is_no_other(opened: Callable[..., Store], tmp_path: Path):
    plan = opened().plan
    people, robots = (Database(sqlite_url(tmp_path / "s" / name)) for name in (DATABASE, "simulated.sqlite"))
    with pytest.raises(SemsynthError, match="is for people's answers, not for simulated ones"):
        Store(people, plan, "plan", simulated=True)
    simulated = Store(robots, plan, "plan", simulated=True)
    do_all(simulated, f"{ROBOT}0")
    assert len(simulated.answers()) == simulated.progress().answers == 6
    assert Store(robots, plan, "plan").simulated
