"""Curated files as JSON Lines: the same entries as in YAML, the same strictness, mistakes with their lines."""

import json
from collections.abc import Collection
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from app.models import Event, Figure, columns
from app.seeding import dataset, files
from app.seeding import load as seeding
from app.seeding.files import SeedError
from benchmarks import generate
from tests.conftest import SEEDS


def as_lines(folder: Path, names: Collection[str] | None = None) -> None:
    """Write the files of a folder, or those of some names, as JSON Lines instead of YAML."""
    for path in sorted(folder.glob("*.yaml")):
        if path.stem not in {"floors", "vocabulary"} and (names is None or path.stem in names):
            entries, mistakes = files.read(path, path.name)
            assert not mistakes
            path.with_suffix(".jsonl").write_text("".join(json.dumps(entry.data, ensure_ascii=False) + "\n" for entry in entries), "utf-8")
            path.unlink()


def test_the_curated_files_say_the_same_as_json_lines(seeds: Path) -> None:
    whole, mistakes = dataset.read(SEEDS)
    as_lines(seeds)
    assert (seeds / "events.jsonl").exists()
    lines, others = dataset.read(seeds)
    assert mistakes == others == []
    for name in ("documents", "regions", "organisations", "sources", "events", "figures", "retired", "receipts", "floors"):
        assert getattr(lines, name) == getattr(whole, name)
    assert [form for form, _ in lines.left_out] == [form for form, _ in whole.left_out]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "x",', "(no id): is not JSON: "),
        ('\ufeff{"id": "x"}', "(no id): begins with a byte order mark; save the file as UTF-8 without one"),
        ('{"id": "x", "title": null}', "(no id): title has no value; leave the key out"),
        ('{"id": "x", "title": "a", "title": "b"}', "(no id): has the key 'title' twice; keep one"),
        ('{"id": "x", "title": "\\"a\\": b", "title" : "b"}', "(no id): has the key 'title' twice; keep one"),
        ('{"id": "x", "title": NaN}', "(no id): holds NaN, which is no number"),
        ('["x"]', "(no id): is no mapping of keys to values; write '- id: ...' with its keys below"),
        ('{"id": ' + "[" * 20 + "]" * 20 + "}", "(no id): nests deeper than 12 levels; no entry needs that"),
        ('{"id": ' + "[" * 100_000 + "]" * 100_000 + "}", "(no id): nests deeper than 12 levels; no entry needs that"),
        ('{"id": "x", "titel": "a"}', "x: titel: unknown key; did you mean 'title'?"),
        ('{"id": "x", "title": "a\\u0000b"}', "x: title: holds control, invisible or unassigned characters, or a line break"),
        ('{"id": "x", "title": "\\ud800"}', "x: title: Input should be a valid string"),
        ('{"id": "x", "title": ["a"]}', "x: title: Input should be a valid string"),
    ],
)
def test_a_mistake_in_a_line_is_told_with_the_line(seeds: Path, line: str, message: str) -> None:
    as_lines(seeds)
    path = seeds / "events.jsonl"
    path.write_text(path.read_text("utf-8") + "\n" + line + "\n", "utf-8")
    with pytest.raises(SeedError) as error:
        seeding.read(seeds)
    number = len(path.read_text("utf-8").splitlines())
    told = [str(mistake).replace(f"{seeds}/", "") for mistake in error.value.mistakes]
    assert any(one.startswith(f"events.jsonl:{number}: {message}") for one in told), told


def test_a_line_that_is_no_utf8_and_a_file_in_both_forms_are_told(seeds: Path) -> None:
    (seeds / "retired.jsonl").write_bytes(b'{"id": "\xff"}\n')
    (seeds / "events.jsonl").write_bytes(b"")
    with pytest.raises(SeedError) as error:
        seeding.read(seeds)
    told = [str(mistake).replace(f"{seeds}/", "") for mistake in error.value.mistakes]
    assert "retired.jsonl:1: (no id): is not UTF-8 (byte 8 of the line); save the file as UTF-8" in told
    assert "events.jsonl:1: (file): stands beside events.yaml; keep one of the two" in told


def test_numbers_are_the_text_that_stands_there() -> None:
    entry, mistake = files.line(b'{"id": "x", "latitude": 39.90, "length": 7, "deep": {"a": [1e3]}}', "a.jsonl", 3)
    assert mistake is None
    assert entry is not None
    assert entry.data == {"id": "x", "latitude": "39.90", "length": "7", "deep": {"a": ["1e3"]}}
    assert entry.line("latitude") == 3


def test_what_lists_show_together_gets_keys_that_lie_together(engine: Engine, tmp_path: Path) -> None:
    generate.write(tmp_path, 200)
    seeding.load(engine, seeding.read(tmp_path))
    event, figure = columns(Event), columns(Figure)
    with engine.connect() as connection:
        days = [str(day) for day in connection.scalars(select(event.date_first).where(event.date_precision == "day").order_by(event.version))]
        metrics = list(connection.scalars(select(figure.metric).order_by(figure.version)))
    assert days == sorted(days, reverse=True)
    assert metrics == sorted(metrics)
    assert len(set(days)) > 50
    assert len(set(metrics)) > 5


def test_lines_that_say_the_same_otherwise_make_no_release(engine: Engine, seeds: Path) -> None:
    """What changed is told by the bytes of a line: these are looked at, and come to the same."""
    as_lines(seeds)
    seeding.load(engine, seeding.read(seeds))
    for number, path in enumerate(sorted(seeds.glob("*.jsonl"))):
        entries = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        turned = [dict(reversed(entry.items())) if number % 2 else entry for entry in entries]
        written = [json.dumps(entry, separators=(" , ", ":  ")) for entry in turned]
        path.write_text("\r\n\r\n".join(written) + "\r\n", "utf-8", newline="")
    outcome = seeding.load(engine, seeding.read(seeds))
    assert (outcome.release, outcome.changes) == (None, {})
    path = seeds / "events.jsonl"
    path.write_text(path.read_text("utf-8").replace('"title":  "', '"title":  "Still ', 1), "utf-8", newline="")
    assert seeding.load(engine, seeding.read(seeds)).changes["event"] == {"changed": 1}
