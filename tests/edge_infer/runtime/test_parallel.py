import threading
import time
from collections.abc import Iterator

import pytest

from edge_infer.runtime.parallel import map_in_order


def test_answers_come_in_order_however_long_each_takes() -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.02 if number % 4 == 0 else 0)
        return number * number

    assert list(map_in_order(slow_first, range(40), workers=3)) == [n * n for n in range(40)]


def test_workers_work_side_by_side() -> None:
    meeting = threading.Barrier(3)  # breaks unless three items are worked on at once
    assert list(map_in_order(lambda _: meeting.wait(timeout=10) >= 0, range(3), workers=3)) == [True] * 3


def test_it_runs_ahead_by_a_bound_only() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    ahead = []
    for answer in map_in_order(lambda number: number, endless(), workers=2):
        ahead.append(len(taken) - answer)
        if answer == 500:
            break
    assert max(ahead) <= 4


def test_an_answer_does_not_wait_for_items_that_are_not_needed() -> None:
    answered = threading.Event()

    def slow_source() -> Iterator[int]:
        yield 0
        answered.wait(timeout=10)  # by now the first item is done
        time.sleep(0.01)
        yield 1
        raise AssertionError("asked for a third item before the first answer was taken")

    answers = map_in_order(lambda number: answered.set() or number, slow_source(), workers=4)
    assert next(answers) == 0


@pytest.mark.parametrize("workers", [1, 4])
def test_an_error_keeps_its_place(workers: int) -> None:
    def items() -> Iterator[int]:
        yield from (1, 2, 0)
        raise KeyError("source")

    answers = map_in_order(lambda number: 6 // number, items(), workers)
    assert [next(answers), next(answers)] == [6, 3]
    with pytest.raises(ZeroDivisionError):
        next(answers)

    answers = map_in_order(lambda number: number, items(), workers)
    assert [next(answers) for _ in range(3)] == [1, 2, 0]
    with pytest.raises(KeyError, match="source"):
        next(answers)


def test_nothing_is_left_running() -> None:
    before, worked_on = threading.active_count(), []
    answers = map_in_order(lambda number: worked_on.append(number) or time.sleep(0.01), range(1000), workers=2)
    next(answers)
    assert threading.active_count() > before
    answers.close()
    assert threading.active_count() <= before
    assert len(worked_on) <= 5
