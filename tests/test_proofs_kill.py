"""Loading is killed at random moments, by a signal that nothing can catch: the old release is there or the new one, never half of one."""

import json
import multiprocessing
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, text

from app import database
from app.seeding import load as seeding
from tests.conftest import Databases
from tests.synthetic import write_synthetic

# Children are forked from a process that has imported everything and holds no connection: they begin at once, with nothing inherited.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([__name__])

SETTLED = 20
"""Seconds after which a server must have noticed that its client is dead."""


def load_until_killed(url: str, folder: Path, pipe: Pipe) -> None:
    """What `cgt seed` does, in a process of its own; tells how far it has come."""
    data = seeding.read(folder)
    engine = database.connect(url)
    pipe.send("ready")
    seeding.load(engine, data, progress=pipe.send)
    pipe.send("done")


class Load:
    """A load in a process of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self.pipe, theirs = PROCESSES.Pipe(duplex=False)
        self.process = PROCESSES.Process(target=load_until_killed, args=(url, folder, theirs))
        self.process.start()
        theirs.close()
        assert self.pipe.recv() == "ready"
        self.since = time.monotonic()

    def finish(self) -> float:
        """Let it come to its end; the seconds that it took."""
        while self.pipe.recv() != "done":
            pass
        took = time.monotonic() - self.since
        self.process.join()
        assert self.process.exitcode == 0
        self._close()
        return took

    def kill(self, after: float) -> str:
        """Kill it so many seconds after it began; what it was doing then."""
        time.sleep(max(0.0, self.since + after - time.monotonic()))
        self.process.kill()
        self.process.join()
        told = ["rendering"]
        try:
            while True:
                told.append(self.pipe.recv().split()[0])
        except (EOFError, OSError):  # the end, or the end in the middle of a word
            self._close()
        return told[-1]

    def _close(self) -> None:
        self.pipe.close()
        self.process.close()


def editions(folder: Path, records: int) -> list[Path]:
    """Two folders of curated files that follow on each other, in either order, for ever.

    From one to the other every event and figure changes, some records come, some go, and some are merged into others.
    """
    whole = folder / "whole"
    write_synthetic(whole, records, records)
    events = json.loads((whole / "events.yaml").read_text("utf-8"))
    figures = json.loads((whole / "figures.yaml").read_text("utf-8"))
    needed = {entry["parent"] for entry in events if "parent" in entry} | {entry["event"] for entry in figures if "event" in entry}
    free = [entry["id"] for entry in events if entry["id"] not in needed]
    assert len(free) > 10
    made = []
    for name, gone in (("odd", free[::2]), ("even", free[1::2])):
        edition = Path(shutil.copytree(whole, folder / name))
        retired = [{"id": identifier, "kind": "event", "reason": f"Not in the {name} edition."} for identifier in gone]
        retired[0]["merged_into"] = "event-0"
        kept = [{**entry, "summary": f"{entry['summary']}, {name}"} for entry in events if entry["id"] not in gone]
        changed = [{**entry, "as_stated": f"so many, {name}"} for entry in figures]
        for file, entries in (("events", kept), ("figures", changed), ("retired", retired)):
            (edition / f"{file}.yaml").write_text(json.dumps(entries, ensure_ascii=False), "utf-8")
        made.append(edition)
    return made


def rows(engine: Engine) -> dict[str, list[str]]:
    """All rows of all tables at one moment: a server may still be about to commit what a dead client sent."""
    with database.reading(engine) as connection:
        names = inspect(connection).get_table_names()
        return {name: sorted(str(row) for row in connection.execute(text(f'SELECT * FROM "{name}"'))) for name in names}  # noqa: S608


def content(engine: Engine) -> dict[str, list[str]]:
    """All rows of all tables but for what two databases that were loaded alike do not share: moments, and numbers counted by the database."""
    with engine.connect() as connection:
        found: dict[str, list[str]] = {}
        for name in inspect(connection).get_table_names():
            entries = [dict(row._mapping) for row in connection.execute(text(f'SELECT * FROM "{name}"'))]  # noqa: S608
            for entry in entries:
                if name == "release":
                    del entry["released_at"]
                elif name == "record":
                    del entry["key"]
            found[name] = sorted(map(str, entries))
        return found


def at_rest(engine: Engine) -> None:
    """Wait until nobody holds anything of the database, and look at its integrity."""
    if engine.dialect.name == "sqlite":
        with engine.connect().execution_options(writing=True) as connection:
            assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
        return
    # The server ends a dead client's session when it next speaks to it; the locks go with the session.
    others = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
    locks = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    deadline = time.monotonic() + SETTLED
    while True:
        with engine.connect() as connection:
            left = connection.scalar(others) or 0, connection.scalar(locks) or 0
        if left == (0, 0):
            return
        assert time.monotonic() < deadline, f"{left[0]} sessions and {left[1]} locks of dead clients are left"
        time.sleep(0.02)


@pytest.fixture
def old_and_twin(empty_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, Engine, Engine]]:
    """A database that loads are killed on, and one that is loaded in peace."""
    backend = database.parse_url(empty_url).get_backend_name()
    databases = Databases(backend, tmp_path, request)
    engine, twin = database.connect(empty_url), database.connect(databases.new())
    yield empty_url, engine, twin
    engine.dispose()
    twin.dispose()
    databases.remove()


def kill_many(url: str, engine: Engine, twin: Engine, folders: list[Path], times: int) -> Counter[str]:
    """Kill a load again and again, at moments spread over all of its run; when it was killed, and what was there then."""
    draw = random.Random()
    sets = [seeding.read(folder) for folder in folders]
    for folder, data in zip(folders, sets, strict=True):
        took = Load(url, folder).finish()
        seeding.load(twin, data)
    assert content(engine) == content(twin)
    moments = [(number + draw.random()) / times * took * 1.1 for number in range(times)]
    draw.shuffle(moments)
    killed: Counter[str] = Counter()
    current = len(sets) - 1
    for moment in moments:
        following = (current + 1) % len(sets)
        before = rows(engine)
        engine.dispose()
        doing = Load(url, folders[following]).kill(moment)
        at_once = rows(engine)
        at_rest(engine)
        after = rows(engine)
        if after == before:
            assert at_once == before, "a new release was there for a moment"
            assert doing != "done", "a release was lost"
            killed[f"{doing}: old"] += 1
            continue
        seeding.load(twin, sets[following])
        assert content(engine) == content(twin), f"killed while {doing}, {moment:.3f} s after the start: half a release"
        assert at_once in (before, after)
        current = following
        killed[f"{doing}: new"] += 1
    following = (current + 1) % len(sets)
    Load(url, folders[following]).finish()
    seeding.load(twin, sets[following])
    assert content(engine) == content(twin)
    print(f"\n{times} kills on {engine.dialect.name}, within {took * 1.1:.2f} s: {dict(sorted(killed.items()))}")  # noqa: T201  shown with -s
    return killed


def test_a_killed_load_leaves_the_old_release_or_the_new_one(old_and_twin: tuple[str, Engine, Engine], tmp_path: Path) -> None:
    kill_many(*old_and_twin, editions(tmp_path, records=60), times=5)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_load_killed_at_fifty_moments_leaves_the_old_release_or_the_new_one(old_and_twin: tuple[str, Engine, Engine], tmp_path: Path) -> None:
    killed = kill_many(*old_and_twin, editions(tmp_path, records=240), times=50)
    within = sum(count for when, count in killed.items() if when.startswith(("writing", "indexing")))
    assert within >= 10, "too few kills fell into the writing transaction to prove anything"
