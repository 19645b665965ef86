"""Batches made in processes beside the one that writes, where there are enough entries to be worth starting them."""

import pickle
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from app.seeding import processes
from app.seeding.batches import Batch, Known, Maker, Setting, Task
from app.seeding.dataset import Dataset
from app.seeding.entries import KIND_OF_FILE
from app.seeding.lines import Lines

FEWEST = 8_000
"""Entries for which processes are started; it takes them seconds to begin."""
AT_ONCE = 250
"""Entries in a batch: of four times as many, those that wait to be written take four times the memory, and no time is saved."""


def tasks(data: Dataset, before: Callable[[list[str]], dict[str, Known]], wanted: Collection[str] | None = None) -> Iterator[Task]:
    """Entries in batches, with what `before` tells of them. `wanted` names the entries; None: all.

    All entries of a file of JSON Lines come by their ranks: what lists show together gets keys, and places in the tables, that lie together.
    """
    links = data.links()
    for kind in KIND_OF_FILE.values():
        table = data.table(kind)
        if wanted is not None:
            identifiers = iter(sorted(filter(table.__contains__, wanted)))
        else:
            identifiers = table.ranked() if isinstance(table, Lines) else iter(sorted(table))
        while ids := list(islice(identifiers, AT_ONCE)):
            shown = [figure for identifier in ids for figure in links.figures_of(identifier)] if kind == "event" else []
            yield Task(kind, ids, before([*ids, *shown]))


def run(setting: Setting, given: Iterable[Task], size: int, first: int, *, checks_only: bool = False) -> Iterator[Batch]:
    """The batches of tasks that hold about `size` entries, in their order. `first` is the first key that no version has.

    BrokenExecutor where something else ends one of the processes.
    """
    cores = processes.cores()
    if setting.data.linked is None or size < FEWEST or cores < 2:
        maker = Maker(setting, _counting(first))
        yield from map(maker.check if checks_only else maker.make, given)
        return
    following, missing = processes.SPAWNED.Value("q", first), processes.SPAWNED.Value("i", cores)
    with _handed(setting) as file, processes.pool(cores, _begin, file, following, missing) as pool:
        yield from processes.in_turn(pool, ((_check if checks_only else _make, task) for task in given))


@contextmanager
def _handed(setting: Setting) -> Iterator[str]:
    """A file from which processes that are started take a setting.

    Python hands it to them through a pipe otherwise, on which it waits for ever where one ends before it has read all.
    """
    handle, file = mkstemp(prefix="cgt-")
    try:
        with open(handle, "wb") as written:  # noqa: PTH123  it is open already
            pickle.dump(setting, written)
        yield file
    finally:
        Path(file).unlink(missing_ok=True)


def _counting(first: int) -> Callable[[int], int]:
    following = first

    def keys(count: int) -> int:
        nonlocal following
        following += count
        return following - count

    return keys


_maker: Maker


def _begin(file: str, following: Any, missing: Any) -> None:
    """Prepare a process with the setting that a file holds; the last of those that are `missing` removes it, as a load may be killed."""
    global _maker  # noqa: PLW0603  what a process of a pool keeps from task to task has no other place

    def keys(count: int) -> int:
        with following.get_lock():
            first: int = following.value
            following.value = first + count
        return first

    with Path(file).open("rb") as held:
        _maker = Maker(pickle.load(held), keys)  # noqa: S301  our own, written a moment ago into a file that nobody else may write
    with missing.get_lock():
        missing.value -= 1
        if not missing.value:
            Path(file).unlink()


def _check(task: Task) -> Batch:
    return _maker.check(task)


def _make(task: Task) -> Batch:
    return _maker.make(task)
