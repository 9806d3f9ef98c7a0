"""Map over items in several threads, keeping their order and a bound on how far it runs ahead."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # it brings in logging, which classifying one picture can do without
    from concurrent.futures import Executor, Future

Item = TypeVar("Item")
Answer = TypeVar("Answer")

# Beside what is being worked on, as much again waits, so that no worker does when one item takes longer.
_AHEAD = 2


def map_in_order(function: Callable[[Item], Answer], items: Iterable[Item], workers: int) -> Iterator[Answer]:
    """Yield `function(item)` for each item, in order.

    Items are taken by the calling thread, at most `2 * workers` before their answer is asked for.
    However the iteration ends, nothing is left running.

    Args:
        function: Called in other threads.
        items: May be endless.
        workers: Number of threads.

    Raises:
        Exception: What the function or `items` raised, in its place: earlier answers come first.
    """
    from concurrent.futures import ThreadPoolExecutor

    pending: deque[Future[Answer]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for future in _submitted(function, items, pool):
                pending.append(future)
                while pending and (pending[0].done() or len(pending) == _AHEAD * workers):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _submitted(
    function: Callable[[Item], Answer], items: Iterable[Item], pool: "Executor"
) -> "Iterator[Future[Answer]]":
    from concurrent.futures import Future

    try:
        for item in items:
            yield pool.submit(function, item)
    except Exception as error:
        failed: Future[Answer] = Future()
        failed.set_exception(error)
        yield failed
