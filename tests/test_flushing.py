"""While much is written to a SQLite file that others read, a process beside brings it to the disk, and ends with the load however that ends."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from app import database
from app.seeding import flushing
from app.seeding import load as seeding
from tests.conftest import SEEDS, Databases
from tests.test_load import edit


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> "list[subprocess.Popen[bytes]]":
    """The processes that were started, in their order."""
    found: list[subprocess.Popen[bytes]] = []

    class Told(subprocess.Popen):  # type: ignore[type-arg]  # whose type is for checkers alone
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            found.append(self)

    monkeypatch.setattr(subprocess, "Popen", Told)
    return found


def test_the_process_works_until_the_end(tmp_path: Path, started: "list[subprocess.Popen[bytes]]") -> None:
    file = tmp_path / "atlas.db"
    file.write_bytes(b"something")
    for written in (file, tmp_path / "not-there.db"):  # a file may come later, as its log does
        with flushing.flushed(written), pytest.raises(subprocess.TimeoutExpired):
            started[-1].wait(1)
        assert started[-1].returncode == 0
    with pytest.raises(KeyError), flushing.flushed(file):
        raise KeyError
    assert started[-1].returncode == 0


def test_only_large_loads_over_a_file_that_others_read_have_it(
    databases: Databases, seeds: Path, started: "list[subprocess.Popen[bytes]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = database.connect(databases.new())
    seeding.load(engine, seeding.read(SEEDS))
    edit(seeds, "events.yaml", "title: ", "title: New ")
    assert seeding.load(engine, seeding.read(seeds)).release == 2
    assert not started
    monkeypatch.setattr(flushing, "FEWEST", 1)
    assert seeding.load(engine, seeding.read(SEEDS)).release == 3
    assert [process.returncode for process in started] == ([0] if engine.dialect.name == "sqlite" else [])
    engine.dispose()
