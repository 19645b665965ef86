"""Asks servers: many clients at once by wrk, or one after the other, timed one by one."""

import http.client
import json
import math
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.servers import Site, rest

SCRIPT = Path(__file__).with_name("wrk.lua")
CONNECTIONS = 16
_BEFORE = 1
"""Seconds of a load that are not counted: what a server keeps of its data is that of the load before."""
_ANSWERS = 10
"""Answers that each connection gets in a load that counts: of fewer, those that are on their way when it ends would be a good part."""
_LONGEST = 30
"""Seconds of a load at most."""
HOW_TO_GET_WRK = "benchmarks: wrk is not installed; on Debian and Ubuntu: apt-get install wrk, on macOS: brew install wrk"


@dataclass(frozen=True, slots=True)
class Load:
    """Requests to a server under the name of a measure: the lines of a file, each once, in their order."""

    measure: str
    site: Site
    file: Path
    search: Iterator[str] | None = None
    """What somebody searches for all the while, one search after the other."""


@dataclass(slots=True)
class Clients:
    """Runs loads, and knows how far each file was asked for of each server."""

    seconds: int
    notes: list[str] = field(default_factory=list)
    _next: dict[tuple[int, Path], int] = field(default_factory=dict)
    _lines: dict[Path, int] = field(default_factory=dict)

    def run(self, load: Load) -> dict[str, float]:
        """Requests a second (`rate`), milliseconds (`p50`, `p99`) and bytes an answer (`bytes`) of one run."""
        self._wrk(load, _BEFORE)
        rest(load.site)
        with nullcontext() if load.search is None else Searching(load.site, load.search):
            found = self._wrk(load, self.seconds)
            needed = found["p50"] / 1000 * _ANSWERS if found["rate"] else _LONGEST
            if needed > self.seconds:
                rest(load.site)
                found = self._wrk(load, min(_LONGEST, math.ceil(needed)))
        rest(load.site)
        return found

    def _wrk(self, load: Load, seconds: int) -> dict[str, float]:
        start = self._next.get((load.site.port, load.file), 0)
        count = self._lines.setdefault(load.file, load.file.read_bytes().count(b"\n"))
        # The connections of wrk ask for the next line as soon as they have an answer.
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT), f"http://{load.site.host}"]
        done = subprocess.run([*command, "--", str(load.file), str(start)], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        if found["failed"]:
            raise RuntimeError(f"{load.measure}: {found['failed']} of {found['requests']} requests to {load.site.name} failed")
        self._next[load.site.port, load.file] = found["position"]
        once = count > 1000  # short files are meant to be asked for again and again
        note = f"{load.measure} on {load.site.engine} at {load.site.size:,} events: the {count:,} queries came again after all the others"
        if once and found["position"] > count and note not in self.notes:
            self.notes.append(note)
        return {
            "rate": found["requests"] / found["seconds"],
            "p50": found["p50"],
            "p99": found["p99"],
            "bytes": found["bytes"] / max(1, found["requests"]),
        }


class Client:
    """One reader on one connection."""

    def __init__(self, site: Site) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=120)

    def get(self, path: str) -> tuple[float, http.client.HTTPResponse, bytes]:
        """The milliseconds that an answer took, and the answer; RuntimeError where it is none of status 200."""
        begun = time.perf_counter()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - begun) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{path} answers {answer.status}: {body[:500]!r}")
        return took, answer, body

    def json(self, path: str) -> Any:
        """The JSON of an answer."""
        return json.loads(self.get(path)[2])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Reading:
    """A reader who asks for one path after the other in the background, with a pause behind each answer, and how long each took."""

    def __init__(self, site: Site, paths: Iterator[str], pause: float = 0.0) -> None:
        self.site, self.paths, self.pause = site, paths, pause
        self.times: list[float] = []
        self.failed: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        client = Client(self.site)
        while not self._over.wait(self.pause):
            try:
                self.times.append(client.get(next(self.paths))[0])
            except (RuntimeError, OSError, http.client.HTTPException) as error:
                self.failed.append(str(error))
                client.close()

    def __enter__(self) -> "Reading":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join(120)


class Searching(Reading):
    """A reader who searches in the background; no search may fail."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        super().__exit__(kind, error, trace)
        if self.failed and error is None:
            raise RuntimeError(self.failed[0])


def timed(site: Site, groups: dict[str, list[str]]) -> dict[str, list[float]]:
    """The milliseconds of every path of each group, one after the other, the groups taking turns."""
    client = Client(site)
    found: dict[str, list[float]] = {name: [] for name in groups}
    for turn in range(max(map(len, groups.values()))):
        for name, paths in groups.items():
            if turn < len(paths):
                found[name].append(client.get(paths[turn])[0])
    client.close()
    return found


def wrk_is_there() -> bool:
    """Whether wrk can be run."""
    return shutil.which("wrk") is not None
