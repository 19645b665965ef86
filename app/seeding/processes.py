"""Processes beside the one that reads and writes.

They are started afresh (spawned), since a fork would share open connections and threads. They end with the one that started them, whatever
ends it.
"""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from itertools import islice
from typing import Any, TypeVar

A = TypeVar("A")
T = TypeVar("T")

SPAWNED = multiprocessing.get_context("spawn")


def cores() -> int:
    """How many processes can work at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pool(many: int, prepare: Callable[..., None] | None = None, *given: Any) -> ProcessPoolExecutor:
    """So many processes; each begins with `prepare`, which takes what is given."""
    return ProcessPoolExecutor(many, SPAWNED, _begin, (prepare, given))


def in_turn(workers: Executor, tasks: Iterable[tuple[Callable[[A], T], A]]) -> Iterator[T]:
    """What functions make of what they are given, in the order of the tasks, of which a few are begun ahead.

    BrokenExecutor where something else ends one of the processes.
    """
    waiting: deque[Future[T]] = deque()
    coming, ahead = iter(tasks), 2 * cores() + 2
    try:
        while True:
            waiting.extend(_submit(workers, *task) for task in islice(coming, ahead - len(waiting)))
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _submit(workers: Executor, do: Callable[[A], T], given: A) -> "Future[T]":
    try:
        return workers.submit(do, given)
    except OSError as error:  # which Python raises while it finds out that a process has ended
        raise BrokenExecutor from error


def _begin(prepare: Callable[..., None] | None, given: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if prepare is not None:
        prepare(*given)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
