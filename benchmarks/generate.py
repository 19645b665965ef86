"""Writes a made-up data set of any size as a folder of curated files; the same size and release give the same bytes.

python -m benchmarks.generate FOLDER --events 100000 --release 2
"""

import argparse
import json
import multiprocessing
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks.records import KINDS, World

_CHUNK = 20_000
"""Entries that one process makes at a time."""


def write(folder: Path, events: int, release: int = 1, *, yaml: bool = False) -> int:
    """Write a folder for so many events, as JSON Lines or as YAML; how many entries it has."""
    folder.mkdir(parents=True, exist_ok=True)
    world = World(events, release)
    count = sum(_write(folder, kind, _lines(world, kind), yaml=yaml) for kind in KINDS)
    _write(folder, "retired", map(_line, world.retired()), yaml=yaml)
    floors = "".join(f"{name}: {{records: 1}}\n" for name in (*KINDS, "citations"))
    (folder / "floors.yaml").write_text(floors, "utf-8")
    return count


def _lines(world: World, kind: str) -> Iterator[str]:
    """The entries of a file as JSON; of a large one they are made in as many processes as there are cores."""
    count = world.counts[kind]
    if count <= _CHUNK:
        yield from map(_line, world.entries(kind))
        return
    tasks = [(world.size, world.release, kind, range(start, min(start + _CHUNK, count))) for start in range(0, count, _CHUNK)]
    with multiprocessing.Pool() as pool:
        yield from chain.from_iterable(pool.imap(_chunk, tasks))


def _chunk(task: tuple[int, int, str, range]) -> list[str]:
    size, release, kind, numbers = task
    return list(map(_line, World(size, release).entries(kind, numbers)))


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False)


def _write(folder: Path, name: str, lines: Iterable[str], *, yaml: bool) -> int:
    count = 0
    with (folder / f"{name}.{'yaml' if yaml else 'jsonl'}").open("w", encoding="utf-8", newline="\n") as file:
        if yaml:
            file.write("[")  # JSON is YAML
        for count, line in enumerate(lines, 1):
            file.write((",\n" if count > 1 else "") + line if yaml else line + "\n")
        if yaml:
            file.write("]\n")
    return count


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=1000, help="how many; figures are a quarter, sources a third of that")
    parser.add_argument("--release", type=int, default=1, help="each release changes, adds and retires about 1 %% of the one before")
    parser.add_argument("--yaml", action="store_true", help="YAML instead of JSON Lines, for small sizes")
    given = parser.parse_args()
    count = write(given.folder, given.events, given.release, yaml=given.yaml)
    print(f"{count} entries of release {given.release} are in {given.folder}")  # noqa: T201


if __name__ == "__main__":
    main()
