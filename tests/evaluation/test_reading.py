from threading import Event

import pytest

from semsynth.evaluation.reading import read_ahead


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_items_come_in_order(workers: int) -> None:
    assert list(read_ahead(lambda number: number * number, range(20), workers)) == [i * i for i in range(20)]


def test_errors_come_in_their_place() -> None:
    made = read_ahead(lambda number: 1 // number, [2, 1, 0, 1], 1)
    assert [next(made), next(made)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(made)


def test_few_items_are_ahead() -> None:
    begun: list[int] = []
    made = read_ahead(lambda number: begun.append(number), range(100), 2)
    next(made)
    assert len(begun) <= 5
    made.close()  # type: ignore[attr-defined]


def test_an_iterator_may_be_given_up_in_its_own_thread() -> None:
    """As the garbage collector does, which runs wherever it is due."""
    suspended, closed = Event(), Event()

    def make(number: int) -> int:
        if number == 2:
            assert suspended.wait(10)
            made.close()  # type: ignore[attr-defined]
            closed.set()
        return number

    made = read_ahead(make, range(100), 1)
    assert next(made) == 0
    suspended.set()
    assert closed.wait(10)
    assert list(made) == []
