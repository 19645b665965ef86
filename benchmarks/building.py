"""Databases of made-up data: generated, loaded by `cgt seed`, loaded again with 1 % changed while somebody reads."""

import os
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from benchmarks import generate
from benchmarks.load import Reading
from benchmarks.results import Results
from benchmarks.servers import BIN, Servers, own_database

_PAUSE = 0.02
"""Seconds for which whoever reads during a load waits behind each answer: without them it would take a core from the load, which a first load
has to itself."""

_LOOK = 0.05
"""Seconds between two looks at what a load takes."""


@dataclass(frozen=True, slots=True)
class Base:
    """A loaded database."""

    url: str
    size: int
    engine: str

    @property
    def file(self) -> Path:
        """The file of a SQLite database."""
        return Path(self.url.removeprefix("sqlite:///"))


def made(work: Path, size: int, engine: str, maintenance: str | None) -> Base:
    """The database of a size and an engine in a work folder; one that is not there, or whose loads did not come to their end, is empty."""
    file, anew = work / f"atlas-{size}.db", not _log(work, size, engine).exists()
    if maintenance is not None and engine == "postgresql":
        return Base(own_database(maintenance, f"atlas_{size}", anew=anew), size, engine)
    for old in work.glob(f"{file.name}*") if anew else ():
        old.unlink()
    return Base(f"sqlite:///{file}", size, engine)


def _log(work: Path, size: int, engine: str) -> Path:
    """What is there once the loads of a database are done, and tells what they took."""
    return work / f"loads-{size}-{engine}.json"


def folders(work: Path, size: int, *, yaml: bool) -> list[tuple[Path, int]]:
    """The curated files of two releases of a size and how many entries they have; what is there already is not made again."""
    found = []
    for release in (1, 2):
        folder = work / f"files-{size}-{release}"
        count = folder / "entries.txt"
        if not count.exists():
            entries = generate.write(folder, size, release, yaml=yaml)
            count.write_text(str(entries), "ascii")
        found.append((folder, int(count.read_text("ascii"))))
    return found


def build(base: Base, files: list[tuple[Path, int]], work: Path, results: Results, paths: list[str]) -> None:
    """Load both releases and keep what it took; somebody reads `paths` while the second one is loaded.

    What is loaded already, by an earlier run in the same folder, tells what it took then.
    """
    url, where, log = base.url, (base.size, base.engine, 1), _log(work, base.size, base.engine)
    if log.exists():
        results.take(log)
        return
    (first, entries), (second, _) = files
    done = seed(url, first)
    results.add("load, records/s", where, "records/s", [entries / done.seconds])
    results.add("load, time", where, "s", [done.seconds])
    results.add("load, peak memory of a process", where, "MB", [done.largest])
    results.add("load, peak memory of all processes", where, "MB", [done.together])
    servers = Servers(work)
    site = servers.api(url, base.size, 1)
    try:
        with Reading(site, cycle(paths), _PAUSE) as alone:
            time.sleep(2)
        with Reading(site, cycle(paths), _PAUSE) as beside:
            done = seed(url, second)
    finally:
        servers.stop()
    results.add("re-load with 1 % changed, time", where, "s", [done.seconds])
    results.add("re-load with 1 % changed, peak memory of all processes", where, "MB", [done.together])
    results.add("slowest answer to a reader", where, "ms", [max(alone.times)])
    results.add("slowest answer to a reader while a release is loaded", where, "ms", [max(beside.times)])
    results.add("answers that failed while a release was loaded", where, "answers", [len(beside.failed)])
    results.keep(log, base.size, base.engine)


@dataclass(frozen=True, slots=True)
class Seeded:
    """What a run of `cgt seed` took: seconds, and megabytes at most of its largest process and of all of them together."""

    seconds: float
    largest: float
    together: float


def seed(url: str, folder: Path) -> Seeded:
    """Run `cgt seed`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CGT_")} | {"CGT_DATABASE_URL": url}
    begun = time.perf_counter()
    log = folder.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen([str(BIN / "cgt"), "seed", str(folder)], env=environment, stdout=output, stderr=output)
    memory = watched(process)
    if process.returncode:
        raise RuntimeError(f"cgt seed {folder} failed; {log} says:\n{log.read_text('utf-8', 'replace')[-3000:]}")
    return Seeded(time.perf_counter() - begun, *memory)


def watched(process: "subprocess.Popen[bytes]") -> tuple[float, float]:
    """Wait for a process; the most megabytes that one of it and its children had, and the most that was seen of all of them at once.

    `/proc` tells; what the system tells at the end is never less than what this process has, which started it. For the same reason a process counts
    from the second look on: until it has begun its program it shows the memory of the one that started it.
    """
    largest = together = 0.0
    before: set[int] = set()
    while process.returncode is None:
        there = set(_family(process.pid))
        seen = [memory(one) for one in there & before]
        before = there
        largest, together = max([largest, *(most for most, _ in seen)]), max(together, sum(now for _, now in seen))
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK)
    return largest, together


def _family(parent: int) -> list[int]:
    """A process and its children, as far as they have not ended."""
    with suppress(OSError):
        return [parent, *map(int, Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split())]
    return []


def memory(process: int) -> tuple[float, float]:
    """The most megabytes that a process had, and those that it has; none where it has ended."""
    found: dict[str, float] = {}
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text("utf-8").splitlines():
            name, _, value = line.partition(":")
            if name in {"VmHWM", "VmRSS"}:
                found[name] = int(value.split()[0]) / 1024
    return found.get("VmHWM", 0.0), found.get("VmRSS", 0.0)


def analysed(base: Base) -> None:
    """Have SQLite know the indexes of a file.

    Without statistics it is chance by which index Datasette's queries go, and that makes up to four times the difference. `cgt seed` makes none, as
    they make lists of sources slower.
    """
    if base.engine == "sqlite":
        with closing(sqlite3.connect(base.file)) as connection:
            connection.executescript("PRAGMA analysis_limit = 1000; ANALYZE")


def warm(base: Base) -> None:
    """Read a SQLite file once, so that servers do not wait for the disk where others do not."""
    if base.engine == "sqlite":
        with base.file.open("rb") as file:
            while file.read(1 << 24):
                pass
