"""Large files in portions of whole lines, gone through by several processes at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

from app.seeding import processes

LARGE = 100_000_000
"""Bytes of a file for which processes are started; it takes them a second to begin."""
SIZE = 8_000_000
"""Bytes of a portion of such a file."""

T = TypeVar("T")


class Portion(NamedTuple):
    """The lines of a file that begin from one place on and before another."""

    path: Path
    start: int
    end: int

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """The lines with the places where they begin."""
        with self.path.open("rb") as file:
            place = self.start
            if place:
                file.seek(place - 1)
                place += len(file.readline()) - 1
            for content in file:
                if place >= self.end:
                    return
                yield place, content
                place += len(content)


class Workers:
    """Processes that go through files; there are none until a file is large, nor where all is to be done `alone`."""

    def __init__(self, *, alone: bool = False) -> None:
        self._cores = 1 if alone else processes.cores()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def each(self, do: Callable[[Portion], T], path: Path) -> Iterator[T]:
        """What a function makes of each portion of a file, in their order.

        OSError where the file cannot be read; BrokenExecutor where something else ends one of the processes.
        """
        size = path.stat().st_size
        portions = (Portion(path, start, min(start + SIZE, size)) for start in range(0, size, SIZE))
        if size < LARGE or self._cores < 2:
            yield from map(do, portions)
            return
        if self._pool is None:
            self._pool = processes.pool(self._cores)
        yield from processes.in_turn(self._pool, ((do, portion) for portion in portions))
