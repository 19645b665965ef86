"""The benchmarks: their data are what they say, and their goals can be judged."""

import json
import re
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import Engine

from app import dates
from app.seeding import load as seeding
from app.seeding import quantities
from benchmarks import generate
from benchmarks.building import watched
from benchmarks.goals import COUNTED, GOALS, SEARCHED, judged
from benchmarks.queries import Queries, cold
from benchmarks.records import KINDS, World
from benchmarks.results import Results
from benchmarks.table import markdown, plain

SIZE = 240
BENCHMARKS = Path(generate.__file__).parent


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The curated files of two releases."""
    folders = [tmp_path_factory.mktemp(f"release-{number}") for number in (1, 2)]
    for number, folder in enumerate(folders, 1):
        generate.write(folder, SIZE, number, yaml=True)
    return folders


def test_the_same_size_and_release_give_the_same_bytes(releases: list[Path], tmp_path: Path) -> None:
    generate.write(tmp_path, SIZE, 2, yaml=True)
    for file in releases[1].iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()


def test_a_part_of_a_file_is_what_stands_there_in_the_whole() -> None:
    whole = list(World(SIZE, 2).entries("events"))
    parts = [entry for start in range(0, SIZE, 80) for entry in World(SIZE, 2).entries("events", range(start, start + 80))]
    assert parts == whole[: len(parts)]


def test_lines_of_json_hold_the_entries_of_the_yaml(releases: list[Path], tmp_path: Path) -> None:
    generate.write(tmp_path, SIZE)
    for name in KINDS:
        lines = (tmp_path / f"{name}.jsonl").read_text("utf-8").splitlines()
        assert [json.loads(line) for line in lines] == json.loads((releases[0] / f"{name}.yaml").read_text("utf-8"))


def test_both_releases_load_without_a_mistake(engine: Engine, releases: list[Path]) -> None:
    first = seeding.load(engine, seeding.read(releases[0]))
    second = seeding.load(engine, seeding.read(releases[1]))
    assert (first.release, second.release) == (1, 2)
    assert first.counts["event"] == SIZE
    changed = second.changes["event"]
    assert {"added", "changed"} <= changed.keys()
    assert sum(changed.values()) < SIZE / 10


def test_a_few_are_frequent_and_most_are_rare() -> None:
    world = World(4000)
    events = list(islice(world.entries("events"), 2000))
    for taken in (
        Counter(event["region"] for event in events if "region" in event),
        Counter(part["organisation"] for event in events for part in event.get("organisations", [])),
        Counter(word for event in events for word in event["summary"].rstrip(".").lower().split()),
    ):
        ranks = [count for _, count in taken.most_common()]
        assert ranks[0] > 5 * ranks[min(20, len(ranks) // 4)]
        assert ranks[len(ranks) // 2] <= ranks[0] / 20


def test_everything_that_there_is_in_life_is_there() -> None:
    world = World(4000)
    events, figures = list(islice(world.entries("events"), 2000)), list(islice(world.entries("figures"), 1000))
    # To parse a date takes long: one of each form is enough. -33 to -36 are quarters.
    forms = {re.sub(r"\d", "0", event["date"].replace("-3", "-Q", 1)): event["date"] for event in events if "date" in event}
    assert {dates.parse(date).precision for date in forms.values()} == {"day", "month", "quarter", "year", "range", "bound"}
    bounds = {"exact", "about", "more-than", "at-least", "nearly", "up-to", "less-than", "range"}
    assert {quantities.parse(figure["value"]).qualifier for figure in figures} == bounds
    assert {len(event["cite"]) for event in events} == {1, 2, 3}
    stated: list[dict[str, Any]] = [citation["stated"] for figure in figures for citation in figure["cite"] if "stated" in citation]
    assert {field for fields in stated for field in fields} == {"value", "basis", "subject", "region", "period"}
    assert sum("title_zh" in event for event in events) > 500
    assert sum(not event["summary"].isascii() for event in events) > 100
    for field in ("parent", "people", "products", "topics", "venue", "identifiers", "derived"):
        assert any(field in event for event in events), field
    assert {region["type"] for region in world.regions} >= {"world", "country", "province", "prefecture", "district", "multi-region"}
    assert len(world.regions) == 400


def test_a_release_changes_about_one_of_a_hundred() -> None:
    before, after = ({entry["id"]: entry for entry in World(8_000, release).entries("events")} for release in (1, 2))
    changed = sum(after[identifier] != before[identifier] for identifier in before.keys() & after.keys())
    added, gone = after.keys() - before.keys(), before.keys() - after.keys()
    assert 0.007 < (changed + len(added) + len(gone)) / len(before) < 0.013
    retired = {entry["id"]: entry for entry in World(8_000, 2).retired()}
    assert gone == retired.keys() & before.keys()
    assert {entry.get("merged_into") is None for entry in retired.values()} == {True, False}
    assert {entry["merged_into"] for entry in retired.values() if "merged_into" in entry} <= after.keys() | {
        figure["id"] for figure in World(8_000, 2).entries("figures")
    }


def test_queries_are_distinct() -> None:
    queries = Queries(World(SIZE))
    for kind in ("events", "figures"):
        paths = queries.distinct(kind, 1000)
        assert len(set(paths)) == len(paths) == 1000
    pairs = queries.places("events", 100)
    assert len(set(pairs)) == len(pairs) == 100


def test_a_query_in_other_letters_is_the_same_query() -> None:
    paths = ["/events?region=cn&from=2020", "/events?topic=cgt&source=a%2Cb"]
    written = list(cold(paths, 99))
    assert len(set(written)) == len(written) == 100
    assert {unquote(one) for one in written} == {unquote(path) for path in paths}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are looked at in /proc, which only Linux has")
def test_the_memory_of_a_load_is_its_own_and_that_of_processes_at_once() -> None:
    ballast = bytearray(200_000_000)
    inner = "import time; held = bytearray(30_000_000); time.sleep(1)"
    outer = f"import subprocess, sys; [subprocess.run([sys.executable, '-c', {inner!r}]) for _ in range(3)]"
    largest, together = watched(subprocess.Popen([sys.executable, "-c", outer]))
    assert len(ballast) == 200_000_000
    assert 30 < largest < 100
    assert largest + 5 < together < largest + 30


def test_goals_can_be_judged() -> None:
    assert len({goal.name for goal in GOALS}) == len(GOALS)
    empty = Results()
    empty.add("memory of a worker, PSS", (1000, "sqlite", 1), "MB", [90])
    (line,) = judged(empty)
    assert (line["goal"], line["met"], line["size"]) == ("SQLite: memory of a worker", True, 1000)
    for goal in GOALS:
        far = goal.target * 10 + 1
        assert goal.met(goal.target)
        assert goal.met(far) == goal.least
        assert goal.met(goal.target * 0.7 if goal.least else goal.target / 0.7, share=0.7)


def test_every_goal_is_seen_in_a_full_run() -> None:
    """A goal whose measure has another name than what is measured would be lost without a word."""
    values = [value for file in ("results.json", "postgresql.json") for value in json.loads((BENCHMARKS / file).read_text("utf-8"))["values"]]
    measured, results = {value["measure"] for value in values}, Results()
    for measure in measured:
        for size in (1000, 100_000, 1_000_000):
            for engine in ("sqlite", "postgresql", "none", "parquet"):
                for workers in (1, 2):
                    results.add(measure, (size, engine, workers), "x", [1, 2, 3])
    goals = judged(results)
    assert [goal["goal"] for goal in goals] == [goal.name for goal in GOALS]
    assert measured.issuperset(COUNTED + SEARCHED)
    text = markdown(results, goals)
    assert all(goal.name in plain(text.splitlines()) for goal in GOALS)
