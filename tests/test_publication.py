"""Loads of JSON Lines: the same tables as those of YAML, and after any edits the same as those of a load from nothing; in one process or several."""

import json
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import Engine, func, inspect, select, text
from typer.testing import CliRunner

from app import database
from app.cli import app as cgt
from app.models import OPEN, Rendering, columns
from app.schemas import RECORDS
from app.seeding import load as seeding
from app.seeding import publication, render, work
from app.seeding.files import SeedError
from tests.conftest import SEEDS, Databases
from tests.synthetic import write_synthetic
from tests.test_lines import as_lines

Files = dict[str, list[dict[str, Any]]]


def current(engine: Engine) -> dict[str, list[str]]:
    """What the tables say of the current release, without numbers of releases and keys."""
    with engine.connect() as connection:
        rendering = columns(Rendering)
        versions = {
            row.key: (row.record_id, str(row.seen_from))
            for row in connection.execute(select(rendering.key, rendering.record_id, rendering.seen_from).where(rendering.until == OPEN))
        }
        found: dict[str, list[str]] = {}
        for name in sorted(set(inspect(connection).get_table_names()) - {"alembic_version", "release", "change", "document_text", "redaction"}):
            entries = [dict(row._mapping) for row in connection.execute(text(f'SELECT * FROM "{name}"'))]  # noqa: S608
            found[name] = sorted(shown for entry in entries for shown in _shown(name, entry, versions))
        return found


def _shown(name: str, entry: dict[str, Any], versions: dict[int, tuple[str, str]]) -> list[str]:
    if name == "posting":
        if entry["field"] in {"since", "until"}:
            return []
        return [str((entry["field"], entry["value"], *versions[key])) for key in BitMap.deserialize(entry["versions"]) if key in versions]
    if name == "ordering":
        keys = memoryview(entry["versions"]).cast("I")
        return [f"{entry['kind']} {place} {versions[key]}" for place, key in enumerate(key for key in keys if key in versions)]
    if name == "record" and entry["state"] != "current":
        return []
    if entry.get("until", OPEN) != OPEN or entry.get("version", entry.get("key") if name == "rendering" else None) not in {None, *versions}:
        return []
    for key in ("version", "key"):
        if key in entry and (key == "version" or name == "rendering"):
            entry[key] = versions[entry[key]]
    if name == "rendering":
        entry["body"] = without_releases(json.loads(entry["body"]))
    return [str({key: value for key, value in entry.items() if key not in {"release", "since"} and not (name == "record" and key == "key")})]


def without_releases(part: Any) -> Any:
    if isinstance(part, dict):
        return {name: without_releases(value) for name, value in part.items() if name != "release"}
    return [without_releases(item) for item in part] if isinstance(part, list) else part


def write_lines(folder: Path, files: Files) -> None:
    """Write entries as JSON Lines."""
    for name, entries in files.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries), "utf-8")


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Made-up records as JSON Lines."""
    folder = tmp_path / "lines"
    write_synthetic(folder, 60, 60)
    as_lines(folder)
    return folder


def contents(folder: Path) -> Files:
    return {path.stem: [json.loads(line) for line in path.read_text("utf-8").splitlines()] for path in folder.glob("*.jsonl")}


@pytest.mark.parametrize("processes", [False, True])
def test_lines_load_as_yaml_does(databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: bool) -> None:
    write_synthetic(tmp_path / "yaml", 120, 120)
    write_synthetic(tmp_path / "lines", 120, 120)
    as_lines(tmp_path / "lines")
    if processes:
        monkeypatch.setattr(work, "FEWEST", 1)
        monkeypatch.setattr(work, "AT_ONCE", 40)
    plain, fast = database.connect(databases.new()), database.connect(databases.new())
    first = seeding.load(plain, seeding.read(tmp_path / "yaml"))
    second = seeding.load(fast, seeding.open_folder(tmp_path / "lines"))
    assert (first.counts, first.changes) == (second.counts, second.changes)
    one, other = current(plain), current(fast)
    one["record"], other["record"] = ([row.partition("'stamp'")[0] for row in found["record"]] for found in (one, other))
    assert one == other
    with fast.connect() as connection:
        for body in connection.scalars(select(columns(Rendering).body)):
            assert RECORDS[json.loads(body)["kind"]].model_validate_json(body).model_dump_json().encode() == body
    plain.dispose()
    fast.dispose()


def _rename(draw: random.Random, files: Files) -> None:
    draw.choice(files["organisations"])["name"] = f"Renamed {draw.randint(0, 9)}"


def _alias(draw: random.Random, files: Files) -> None:
    body = draw.choice(files["organisations"])
    body["aliases"] = [{"text": f"Also {draw.randint(0, 99)}", "language": "en", "type": "alias"}]
    body["cite"][0]["supports"] = sorted({*body["cite"][0]["supports"], "aliases"})


def _publisher(draw: random.Random, files: Files) -> None:
    source = draw.choice(files["sources"])
    source["publisher"] = f"body-{draw.randint(0, 11)}"
    source["cite"][0]["supports"] = sorted({*source["cite"][0]["supports"], "publisher"})


def _source_date(draw: random.Random, files: Files) -> None:
    source = draw.choice([source for source in files["sources"] if "published" in source])
    source["published"] = draw.choice(["2021", "2024-02", "2024-07-09", "[..2025-01-31]", "2025-11"])


def _source_title(draw: random.Random, files: Files) -> None:
    draw.choice(files["sources"])["title"] = f"Retitled {draw.randint(0, 9)}"


def _region_name(draw: random.Random, files: Files) -> None:
    region = next(region for region in files["regions"] if region["id"] == "cn-gd")
    region["name"] = f"Guangdong {draw.randint(0, 9)}"


def _region_move(draw: random.Random, files: Files) -> None:
    group = next(region for region in files["regions"] if region["id"] == "two-places")
    group["members"] = draw.sample(["cn-bj-haidian", "cn-gd", "cn-bj", "us"], 2)


def _parent(draw: random.Random, files: Files) -> None:
    event = draw.choice([event for event in files["events"] if "parent" in event])
    event["parent"] = f"event-{draw.randint(0, 19)}"


def _place(draw: random.Random, files: Files) -> None:
    event = draw.choice([event for event in files["events"] if "region" in event])
    event["region"] = draw.choice(["cn", "us", "cn-bj", "two-places"])


def _title(draw: random.Random, files: Files) -> None:
    draw.choice(files["events"])["title"] = f"Retitled {draw.randint(0, 9)}"


def _citing(draw: random.Random, files: Files) -> None:
    record = draw.choice([*files["events"], *files["figures"]])
    record["cite"][0]["source"] = next(
        name for name in (f"source-{draw.randint(0, 8)}" for _ in range(99)) if name not in [one["source"] for one in record["cite"]]
    )


def _value(draw: random.Random, files: Files) -> None:
    figure = draw.choice(files["figures"])
    figure["value"] = f"{draw.randint(1, 9)} {figure['value'].split()[-1]}" if "to" not in figure["value"] else "1 to 90 week"


def _of_event(draw: random.Random, files: Files) -> None:
    figure = draw.choice([figure for figure in files["figures"] if "event" in figure])
    figure["event"] = f"event-{draw.randint(0, 19)}"


def _retire(draw: random.Random, files: Files) -> None:
    kind = draw.choice(["event", "figure"])
    needed = {event.get("parent") for event in files["events"]} | {figure.get("event") for figure in files["figures"]}
    needed |= {figure.get("relative_to", {}).get("figure") for figure in files["figures"]}
    gone = draw.choice([entry for entry in files[f"{kind}s"] if entry["id"] not in needed])
    files[f"{kind}s"].remove(gone)
    files.setdefault("retired", []).append({"id": gone["id"], "kind": kind, "reason": "Gone."})


def _come_back(draw: random.Random, files: Files) -> None:
    if files.get("retired"):
        back = files["retired"].pop()
        template = draw.choice(files[f"{back['kind']}s"])
        files[f"{back['kind']}s"].append(template | {"id": back["id"]})


def _shuffle(draw: random.Random, files: Files) -> None:
    draw.shuffle(files["events"])


EDITS: list[Callable[[random.Random, Files], None]] = [
    *(_rename, _alias, _publisher, _source_date, _source_title, _region_name, _region_move, _parent, _place, _title),
    *(_citing, _value, _of_event, _retire, _come_back, _shuffle),
]


@pytest.mark.parametrize("seed", range(3))
def test_a_load_of_edits_comes_to_the_same_as_one_from_nothing(databases: Databases, lines: Path, seed: int) -> None:
    draw = random.Random(seed)
    files = contents(lines)
    engine = database.connect(databases.new())
    seeding.load(engine, seeding.open_folder(lines))
    edits = [*EDITS]
    draw.shuffle(edits)
    for step in range(0, len(edits), 2):
        for edit in edits[step : step + 2]:
            edit(draw, files)
        write_lines(lines, files)
        seeding.load(engine, seeding.open_folder(lines))
        if step % 4 == 2 or step + 2 >= len(edits):
            fresh = database.connect(databases.new())
            seeding.load(fresh, seeding.open_folder(lines))
            told = [edit.__name__ for edit in edits[: step + 2]]
            for name, rows in current(fresh).items():
                found = current(engine)[name]
                assert found == rows, (told, name, sorted({*found} - {*rows})[:3], sorted({*rows} - {*found})[:3])
            fresh.dispose()
    engine.dispose()


def test_what_did_not_change_is_not_looked_at_again(engine: Engine, lines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeding.load(engine, seeding.open_folder(lines))
    rendered: list[str] = []
    views = render.Renderer.views

    def watched(self: render.Renderer, kind: str, form: Any) -> list[render.Rendered]:
        rendered.append(form.id)
        return views(self, kind, form)

    monkeypatch.setattr(render.Renderer, "views", watched)
    assert seeding.load(engine, seeding.open_folder(lines)).release is None
    assert rendered == []
    files = contents(lines)
    files["events"][7]["summary"] = "Said otherwise."
    write_lines(lines, files)
    assert seeding.load(engine, seeding.open_folder(lines)).changes == {"event": {"changed": 1}}
    assert "event-7" in rendered
    assert len({*rendered} - {region["id"] for region in files["regions"]}) < 20


def test_what_names_an_entry_in_escapes_shows_its_changes(engine: Engine, lines: Path) -> None:
    files = contents(lines)
    works = json.dumps(files["sources"])
    renamed = next(body for body in files["organisations"] if f'"{body["id"]}"' in json.dumps(files["events"]) and f'"{body["id"]}"' not in works)
    name = renamed["id"]
    naming = [event for event in files["events"] if f'"{name}"' in json.dumps(event)]
    path = lines / "events.jsonl"
    path.write_text(path.read_text("utf-8").replace(f'"{name}"', f'"\\u{ord(name[0]):04x}{name[1:]}"'), "utf-8")
    events = path.read_bytes()
    seeding.load(engine, seeding.open_folder(lines))
    renamed["name"] = "Named otherwise"
    write_lines(lines, files)
    path.write_bytes(events)
    changes = seeding.load(engine, seeding.open_folder(lines)).changes
    assert changes["event"]["changed"] >= len(naming)


def test_a_half_character_is_told_also_over_an_earlier_load(engine: Engine, lines: Path) -> None:
    seeding.load(engine, seeding.open_folder(lines))
    files = contents(lines)
    files["events"][7]["summary"] = "half \ud800"
    (lines / "events.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in files["events"]), "utf-8")
    with pytest.raises(SeedError) as refused:
        seeding.load(engine, seeding.open_folder(lines))
    assert [(mistake.record, mistake.line) for mistake in refused.value.mistakes] == [("event-7", 8)]


@pytest.mark.parametrize("identifier", ["", "event-\ud800", "event\n1"])
def test_an_id_that_nobody_can_look_for_is_told_also_over_an_earlier_load(engine: Engine, lines: Path, identifier: str) -> None:
    seeding.load(engine, seeding.open_folder(lines))
    files = contents(lines)
    files["events"].append({**files["events"][7], "id": identifier})
    (lines / "events.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in files["events"]), "utf-8")
    with pytest.raises(SeedError) as refused:
        seeding.load(engine, seeding.open_folder(lines))
    assert [(mistake.line, mistake.message[:4]) for mistake in refused.value.mistakes] == [(61, "id: ")]


def test_parts_that_overlap_are_told_by_line(lines: Path) -> None:
    files = contents(lines)
    files["sources"][1]["part"] = {"start": "2000", "end": "3000"}
    files["sources"][8]["part"] = {"start": "0", "end": "9000"}
    write_lines(lines, files)
    with pytest.raises(SeedError) as refused:
        seeding.open_folder(lines)
    found = [(mistake.line, mistake.record, mistake.message) for mistake in refused.value.mistakes]
    told = "overlaps the part of {!r}; a passage belongs to one source"
    assert found == [
        (2, "source-1", "part: 2000 to 3000 " + told.format("source-0")),
        (9, "source-8", "part: 0 to 9000 " + told.format("source-6")),
        (9, "source-8", "part: 0 to 9000 " + told.format("source-7")),
    ]


@pytest.mark.parametrize("processes", [False, True])
def test_mistakes_in_lines_are_told_and_nothing_is_changed(engine: Engine, lines: Path, monkeypatch: pytest.MonkeyPatch, processes: bool) -> None:
    if processes:
        monkeypatch.setattr(work, "FEWEST", 1)
        monkeypatch.setattr(work, "AT_ONCE", 40)
    seeding.load(engine, seeding.open_folder(lines))
    files = contents(lines)
    files["events"][3]["titel"] = files["events"][3].pop("title")
    files["events"][50]["region"] = "nowhere"
    files["sources"][8]["published"] = "soon"
    write_lines(lines, files)
    with pytest.raises(SeedError) as loaded:
        seeding.load(engine, seeding.open_folder(lines))
    with pytest.raises(SeedError) as checked:
        seeding.read(lines)
    assert loaded.value.mistakes == checked.value.mistakes
    told = [str(mistake).replace(f"{lines}/", "") for mistake in loaded.value.mistakes]
    assert any(one.startswith("events.jsonl:4: event-3: titel: unknown key") for one in told), told
    assert any(one.startswith("events.jsonl:51: event-50: region: there is no region 'nowhere'") for one in told), told
    assert any(one.startswith("sources.jsonl:9: source-8: published: 'soon' is not a date") for one in told), told
    with engine.connect() as connection:
        assert connection.scalar(select(func.max(columns(Rendering).since))) == 1


def test_an_id_that_stands_twice_is_told(lines: Path) -> None:
    files = contents(lines)
    files["events"].append(files["events"][0])
    files["figures"][5]["id"] = "event-9"
    files["retired"] = [{"id": "event-4", "kind": "event", "reason": "Gone."}]
    write_lines(lines, files)
    with pytest.raises(SeedError) as error:
        seeding.read(lines)
    told = [str(mistake).replace(f"{lines}/", "") for mistake in error.value.mistakes]
    assert any(one.startswith("events.jsonl:61: event-0: the id is already taken at") for one in told), told
    assert sum("the id is already taken" in one for one in told) == 3, told


def test_progress_tells_counts_and_what_remains(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.seeding.publication._TOLD_EVERY", 0)
    told: list[str] = []
    seeding.load(engine, seeding.read(SEEDS), progress=told.append)
    assert any(" of " in line and "a second" in line and line.endswith("s left") for line in told), told
    assert told[-1] == "indexing records"


def load_and_tell(url: str, folder: Path, pipe: Any) -> None:
    """A load in several processes, which tells who they are."""
    work.FEWEST, work.AT_ONCE = 1, 10
    told = False

    def progress(_: str) -> None:
        nonlocal told
        if not told and (workers := multiprocessing.active_children()):
            told = True
            pipe.send([worker.pid for worker in workers])

    publication._TOLD_EVERY = 0
    engine = database.connect(url)
    seeding.load(engine, seeding.open_folder(folder), progress=progress)
    engine.dispose()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_outlives_a_killed_load(lines: Path, tmp_path: Path, how: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=load_and_tell, args=(f"sqlite:///{tmp_path / 'killed.db'}", lines, theirs))
    process.start()
    workers = ours.recv()
    assert len(workers) > 1
    os.kill(process.pid or 0, how)
    process.join()
    deadline = time.monotonic() + 20
    while running := [worker for worker in workers if _runs(worker)]:
        assert time.monotonic() < deadline, f"{running} run on"
        time.sleep(0.05)


@pytest.mark.parametrize("when", ["starting", "working"])
def test_a_load_ends_when_one_of_its_processes_does(engine: Engine, lines: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    monkeypatch.setattr(work, "FEWEST", 1)
    monkeypatch.setattr(work, "AT_ONCE", 10)
    if when == "starting":
        files = contents(lines)
        files["events"] += [{**files["events"][0], "id": f"event-again-{number}"} for number in range(3000)]
        write_lines(lines, files)
        resource_tracker.ensure_running()  # a process of Python's own
        monkeypatch.setattr("multiprocessing.spawn._python_exe", b"/bin/false")
    else:
        written = publication.Publication._write

        def write(self: publication.Publication, batch: Any) -> None:
            with suppress(ProcessLookupError):  # it has ended at the second batch
                os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
            written(self, batch)

        monkeypatch.setattr(publication.Publication, "_write", write)
    url = engine.url.render_as_string(hide_password=False)
    run = CliRunner().invoke(cgt, ["seed", str(lines)], env={"CGT_DATABASE_URL": url})
    assert run.exit_code == 1
    assert run.stderr.splitlines()[-1] == (
        "cgt: something ended a process of this command, most likely the system for want of memory; nothing was changed"
    )
    with engine.connect() as connection:
        assert not inspect(connection).get_table_names()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
