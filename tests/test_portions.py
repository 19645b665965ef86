"""Large files are gone through in portions, by several processes: what comes out is what one process finds in the whole file."""

import os
import random
import signal
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, inspect
from typer.testing import CliRunner

from app.cli import app as cgt
from app.seeding import dataset, portions, processes
from app.seeding.dataset import Dataset
from app.seeding.lines import Lines
from app.seeding.portions import Portion, Workers
from benchmarks import generate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up records as JSON Lines."""
    folder = tmp_path_factory.mktemp("portions")
    generate.write(folder, 300)
    return folder


@pytest.fixture
def in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is a large one."""
    monkeypatch.setattr(portions, "LARGE", 0)
    monkeypatch.setattr(portions, "SIZE", 20_000)
    monkeypatch.setattr(processes, "cores", lambda: 2)


@given(st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=12), st.booleans(), st.integers(1, 30))
def test_each_line_lies_in_one_portion(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], ended: bool, size: int) -> None:
    path = tmp_path_factory.getbasetemp() / "portioned"
    content = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    path.write_bytes(content)
    whole = list(Portion(path, 0, len(content)).lines())
    assert b"".join(line for _, line in whole) == content
    assert all(content[place:].startswith(line) for place, line in whole)
    parts = [Portion(path, start, min(start + size, len(content))) for start in range(0, len(content), size)]
    assert [line for part in parts for line in part.lines()] == whole


def _length(portion: Portion) -> tuple[int, int]:
    return os.getpid(), sum(len(line) for _, line in portion.lines())


def _ended(_: Portion) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.usefixtures("in_portions")
def test_portions_are_gone_through_in_processes_and_come_in_their_order(folder: Path) -> None:
    path = folder / "events.jsonl"
    with Workers() as workers:
        found = list(workers.each(_length, path))
        expected = [sum(len(line) for _, line in Portion(path, start, start + 20_000).lines()) for start in range(0, path.stat().st_size, 20_000)]
        assert [length for _, length in found] == expected
        assert sum(expected) == path.stat().st_size
        assert os.getpid() not in {process for process, _ in found}
        with pytest.raises(BrokenExecutor):
            list(workers.each(_ended, path))


def _said(data: Dataset) -> dict[str, Any]:
    """What is known of a data set that was read from lines."""
    links = data.linked
    assert links is not None
    found: dict[str, Any] = {"citations": links.citations, "regions": links.of_regions}
    for kind in ("organisation", "source", "event", "figure"):
        table = data.table(kind)
        assert isinstance(table, Lines)
        found[kind] = [(name, int(table.digests[table.place(name) or 0]), table.entry(name).line()) for name in table.ranked()]
    found["figures"] = {name: links.figures_of(name) for name in data.events}
    found["children"] = {name: links.children_of(name) for name in data.events}
    found["by_events"] = {name: links.by_events.count(name) for name in data.sources}
    found["by_figures"] = {name: links.by_figures.count(name) for name in data.sources}
    found["derived"] = {name: links.under["source", "derived_from"].of(name) for name in data.sources}
    found["parts"] = links.parts
    return found


def test_a_data_set_is_the_same_in_portions(folder: Path, request: pytest.FixtureRequest) -> None:
    whole, mistakes = dataset.read(folder)
    said = _said(whole)
    assert all(any(said[name].values()) for name in ("figures", "children", "by_events", "by_figures", "derived"))
    assert said["citations"] > 0
    assert not mistakes
    request.getfixturevalue("in_portions")
    parted, mistakes = dataset.read(folder)
    assert _said(parted) == said
    assert not mistakes
    for table in (parted.organisations, parted.sources, parted.events, parted.figures):
        assert isinstance(table, Lines)
        table.forget()
    assert _said(parted) == said


def test_mistakes_are_told_with_their_lines_in_portions(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    generate.write(tmp_path, 200)
    path = tmp_path / "events.jsonl"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    draw = random.Random(5)
    wrong = ["\n", '{"id": "x",\n', "[]\n", lines[3], '{"id": "y", "title": null}\n', '{"title": "no id"}\n']
    for line in wrong:
        lines.insert(draw.randrange(50, len(lines)), line)
    path.write_text("".join(lines), "utf-8")
    _, whole = dataset.read(tmp_path)
    assert len(whole) >= len(wrong) - 1
    assert {mistake.line for mistake in whole} <= {number for number, line in enumerate(lines, 1) if line in wrong}
    request.getfixturevalue("in_portions")
    data, parted = dataset.read(tmp_path)
    assert sorted(parted) == sorted(whole)
    table = data.events
    assert isinstance(table, Lines)
    assert not table.whole


@pytest.mark.usefixtures("in_portions")
def test_a_load_ends_when_a_process_that_reads_cannot_begin(engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiprocessing.spawn._python_exe", b"/bin/false")
    run = CliRunner().invoke(cgt, ["seed", str(folder)], env={"CGT_DATABASE_URL": engine.url.render_as_string(hide_password=False)})
    assert run.exit_code == 1
    assert run.stderr.splitlines()[-1].startswith("cgt: something ended a process of this command")
    with engine.connect() as connection:
        assert not inspect(connection).get_table_names()


def test_a_file_that_is_not_there_is_told_as_such() -> None:
    with pytest.raises(FileNotFoundError), Workers() as workers:
        list(workers.each(_length, Path("/nowhere")))


def _prepare(given: str) -> None:
    os.environ["PREPARED"] = given


def test_each_process_begins_with_what_it_is_given() -> None:
    with processes.pool(2, _prepare, "yes") as pool:
        assert set(processes.in_turn(pool, ((os.getenv, "PREPARED") for _ in range(30)))) == {"yes"}
    assert os.getenv("PREPARED") is None


@pytest.mark.usefixtures("in_portions")
def test_who_is_alone_goes_through_portions_too(folder: Path) -> None:
    path = folder / "events.jsonl"
    with Workers(alone=True) as workers:
        found = list(workers.each(_length, path))
    assert len(found) > 1
    assert {process for process, _ in found} == {os.getpid()}
    assert sum(length for _, length in found) == path.stat().st_size
