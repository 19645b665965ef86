"""While much is written to a SQLite file that others read, a process beside brings it to the disk, and ends with the load however that ends."""

import subprocess
import sys
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


TOLD = """
import os, runpy, sys
opened, synced = os.open, os.fsync
def tell(*what): print(*what, file=sys.stderr, flush=True)
os.open = lambda path, *rest: tell("open", path) or opened(path, *rest)
os.fsync = lambda descriptor: tell("fsync") or synced(descriptor)
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""
"""Runs a file with every flush told."""


def test_the_file_and_its_log_are_flushed(tmp_path: Path) -> None:
    file = tmp_path / "atlas.db"
    file.write_bytes(b"something")
    command = [sys.executable, "-c", TOLD, flushing.__file__, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = [process.stderr.readline().strip() for _ in range(6)]
        (tmp_path / "atlas.db-wal").write_bytes(b"its log")
        while told[-3:] != ["fsync", f"open {file}-wal", "fsync"]:
            line = process.stderr.readline()
            assert line, f"the process ended; it told {told}"
            told.append(line.strip())
    assert told[:6] == [f"open {file}", "fsync", f"open {file}-wal"] * 2
    assert process.returncode == 0


def test_another_project_is_not_taken_for_this_one(tmp_path: Path, started: "list[subprocess.Popen[bytes]]", monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise RuntimeError", "utf-8")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.db").symlink_to(tmp_path / "atlas.db")
    with flushing.flushed(Path("link.db")), pytest.raises(subprocess.TimeoutExpired):
        started[-1].wait(1)
    assert started[-1].returncode == 0
    assert started[-1].args[-1] == str((tmp_path / "atlas.db").resolve())  # type: ignore[index]  # a list


def test_a_load_goes_on_where_no_process_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    with flushing.flushed(tmp_path / "atlas.db"):
        pass
    with pytest.raises(FileExistsError), flushing.flushed(tmp_path / "atlas.db"):
        raise FileExistsError


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
