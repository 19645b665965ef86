"""Walks through a list while releases are loaded between its pages, with random filters, sorts, limits and changes."""

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cmp_to_key
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
from hypothesis import strategies as st
from sqlalchemy import Engine

from app import chosen as lists
from app import database, dates
from app.seeding import checks, quantities
from app.seeding import load as seeding
from app.seeding.dataset import Dataset
from app.seeding.entries import RetiredForm
from app.seeding.files import Entry
from tests.conftest import Databases, Server, walk
from tests.synthetic import DATES, WORDS, write_synthetic

Key = tuple[Any, ...]
Draw = Callable[[st.SearchStrategy[Any]], Any]

QUERIES: dict[str, tuple[list[str], list[dict[str, Any]]]] = {
    "event": (
        ["-date", "date", "title", "-title", "id", "-id", "-date,title", "title,-date", "date,-id", "region,-date", "-release,title", "-type,title"],
        [{}, {"type": ["conference", "policy"]}, {"region": "cn"}, {"q": "beijing"}, {"from": "2024", "to": "2024"}, {"from": "2024-06"}],
    ),
    "figure": (
        [
            "metric",
            "-metric",
            "period",
            "-period",
            "metric,-period",
            "-period,metric,-id",
            "value",
            "-value",
            "value,-period",
            "region,-subject,value",
        ],
        [{}, {"unit": "CNY"}, {"metric": "market-size", "unit": "CNY"}, {"region": "cn"}, {"period_from": "2024"}, {"unit": "CNY", "min": 1e9}],
    ),
    "organisation": (
        ["name", "-name", "id", "-id", "name,-id", "type,-name", "-region", "release"],
        [{}, {"region": "cn"}, {"q": "body"}, {"type": "society"}],
    ),
}
"""The sorts and filters of each kind of record."""

MOST_EDITS = 5
"""Records that one release changes."""

FEW = lists.FEW
"""Records that are sorted at once; also walked is through lists that have more."""


@dataclass
class Curator:
    """Changes a data set as curators do, and publishes it; every reset starts from the same records."""

    engine: Engine
    base: Dataset
    data: Dataset
    added: dict[str, str] = field(default_factory=dict)
    """The kind of every id that was ever added to the base: they are published for good."""

    def reset(self) -> None:
        """Publish the base again; what was added to it since is withdrawn."""
        self.data = copy.copy(self.base)
        self.data.events, self.data.figures = dict(self.base.events), dict(self.base.figures)
        self.data.organisations = dict(self.base.organisations)
        self.data.retired = {identifier: self._retired(identifier, kind) for identifier, kind in self.added.items()}
        self.publish()

    def publish(self) -> bool:
        """Load what there is; whether it made a release."""
        assert checks.check(self.data) == []
        return seeding.load(self.engine, self.data).release is not None

    def edit(self, draw: Draw, kind: str) -> str:
        """Change one record of a kind; what was done."""
        table: Any = self.data.table(kind)
        deed = draw(st.sampled_from(["add", "touch", "touch", "move", "move", "withdraw", "merge", "restore"]))
        record = table[draw(st.sampled_from(sorted(table)))]
        if deed == "add":
            # In front of all the others, among them or behind them.
            identifier = f"{draw(st.sampled_from(['a', 'event', 'figure', 'z']))}-new-{kind}-{draw(st.integers(0, 5))}"
            self._put(kind, self._moved(draw, kind, record.model_copy(update={"id": identifier})))
        elif deed == "touch":
            word = draw(st.sampled_from(WORDS))
            self._put(kind, record.model_copy(update={{"event": "summary", "figure": "scope_note", "organisation": "description"}[kind]: word}))
        elif deed == "move":
            self._put(kind, self._moved(draw, kind, record))
        elif deed == "restore" and (gone := sorted(i for i in self.data.retired if i in self.base.table(kind))):
            identifier = draw(st.sampled_from(gone))
            self._put(kind, self.base.table(kind)[identifier])
        elif deed in {"withdraw", "merge"} and (free := sorted(set(table) - self._needed())):
            identifier = draw(st.sampled_from(free))
            others = sorted(set(table) - {identifier})
            del table[identifier]
            self.data.retired[identifier] = self._retired(identifier, kind, draw(st.sampled_from(others)) if deed == "merge" else None)
            # What was merged into it goes the same way.
            for other, form in self.data.retired.items():
                if form.merged_into == identifier:
                    self.data.retired[other] = self._retired(other, form.kind)
        else:
            deed = "leave"
        return f"{deed} {kind}"

    def _moved(self, draw: Draw, kind: str, record: Any) -> Any:
        """The record with another sort key, or with the same one by chance."""
        name = f"{draw(st.sampled_from(WORDS))} {draw(st.integers(0, 3))}"
        if kind == "organisation":
            return record.model_copy(update={"name": name})
        if kind == "event":
            return self._dated(draw, "date", record).model_copy(update={"title": name})
        amount = {"value": quantities.parse(f"{draw(st.integers(1, 9))} billion CNY")} if record.metric == "market-size" else {}
        return self._dated(draw, "period", record).model_copy(update=amount)

    @staticmethod
    def _dated(draw: Draw, name: str, record: Any) -> Any:
        """The record with another date or none, and citations that say so."""
        day = draw(st.sampled_from([*DATES, None]))
        cite = [passage.model_copy(update={"supports": [part for part in passage.supports if part != name]}) for passage in record.cite]
        if day is not None:
            cite[0] = cite[0].model_copy(update={"supports": [*cite[0].supports, name]})
        return record.model_copy(update={name: dates.parse(day) if day is not None else None, "cite": cite})

    def _put(self, kind: str, record: Any) -> None:
        if self.base.kind(record.id) is None:
            self.added[record.id] = kind
            self.data.entries[record.id] = Entry("(test)", {"id": record.id}, {(): 1})
        self.data.retired.pop(record.id, None)
        table: Any = self.data.table(kind)
        table[record.id] = record

    def _needed(self) -> set[str]:
        """Ids that other records refer to; of the organisations, all of the base."""
        parents = {event.parent for event in self.base.events.values() if event.parent}
        return parents | {figure.event for figure in self.base.figures.values() if figure.event} | set(self.base.organisations)

    @staticmethod
    def _retired(identifier: str, kind: Any, merged_into: str | None = None) -> RetiredForm:
        return RetiredForm(id=identifier, kind=kind, reason="No longer needed.", merged_into=merged_into)


def _value(shown: Any) -> Any:
    """What is sorted by of a field."""
    if not isinstance(shown, dict):
        return shown
    return shown["id"] if "id" in shown else shown["earliest"] or shown["latest"]


@dataclass
class Walk:
    """A list, its order, and what the pages of a walk through it had to be."""

    kind: str
    sort: str
    filters: dict[str, Any]

    def __post_init__(self) -> None:
        parts = [*self.sort.split(",")]
        if "id" not in (part.removeprefix("-") for part in parts):
            parts.append("id")
        self.order = [(part.removeprefix("-"), part.startswith("-")) for part in parts]

    def key(self, record: dict[str, Any]) -> Key:
        """What a record is sorted by."""
        return tuple(_value(record[name]) for name, _ in self.order)

    def compare(self, one: Key, other: Key) -> int:
        """Below zero: the one comes first; nulls come last, whichever way the list is sorted."""
        for (_, down), a, b in zip(self.order, one, other, strict=True):
            if a != b:
                if a is None or b is None:
                    return 1 if a is None else -1
                return -1 if (a < b) != down else 1
        return 0

    def behind(self, state: dict[str, Key], last: Key | None) -> list[str]:
        """The ids of a state of the list, in order, from behind a key on."""
        wanted = [identifier for identifier, key in state.items() if last is None or self.compare(key, last) > 0]
        in_order = cmp_to_key(self.compare)
        return sorted(wanted, key=lambda identifier: in_order(state[identifier]))


@pytest.fixture(scope="module")
def curated(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Curator, httpx.Client]]:
    """A small data set and somebody who changes it, behind the API."""
    folder: Path = tmp_path_factory.mktemp("walk")
    write_synthetic(folder, events=24, figures=24)
    url, base = databases.new(), seeding.read(folder)
    engine = database.connect(url)
    curator = Curator(engine, base, base)
    curator.publish()
    with Server(url) as client:
        yield curator, client
    lists.FEW = FEW
    engine.dispose()


def walk_while_loading(curator: Curator, client: httpx.Client, draw: Draw, done: Counter[str]) -> None:
    """Walk through a random list while its records are added, changed, moved, withdrawn, merged and restored between the pages.

    Let the state of the list at a page be the records that fulfil the filters in the release that the page is answered from. Then

    1. each page holds the first `limit` records of the state at that page that come behind the last record of the page before,
       `page.total` counts that state, and there is a next page if and only if more of it follow;
    2. a record that is in the state of every page and whose sort values are the same in all of them is returned exactly once;
    3. a record is returned twice only if its sort values changed in between;
    4. the walk ends.
    """
    kind = draw(st.sampled_from(sorted(QUERIES)))
    lists.FEW = draw(st.sampled_from([3, FEW]))
    sorts, filters = QUERIES[kind]
    chosen = draw(st.sampled_from(filters))
    sort = draw(st.sampled_from([sort for sort in sorts if "value" not in sort or "unit" in chosen]))
    view = Walk(kind, sort, chosen)
    path = f"/{kind}s"
    states: list[dict[str, Key]] = []
    returned: list[tuple[str, Key]] = []
    last: Key | None = None
    link: str | None = path
    loads = draw(st.integers(1, 8))
    curator.reset()
    while link is not None:
        # The state in one page, by id: no cursor has a part in it.
        state = {record["id"]: view.key(record) for record in walk(client, path, **view.filters, sort="id")}
        states.append(state)
        limit = draw(st.integers(1, 7))
        answer = client.get(path, params={**view.filters, "sort": sort, "limit": limit} | cursor_of(link))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        wanted = view.behind(state, last)
        assert [record["id"] for record in page["data"]] == wanted[:limit]
        assert page["page"]["total"] == len(state)
        assert (page["links"]["next"] is not None) == (len(wanted) > limit)
        returned += [(record["id"], view.key(record)) for record in page["data"]]
        if page["data"]:
            last = view.key(page["data"][-1])
        link = page["links"]["next"]
        edits = draw(st.integers(0, MOST_EDITS)) if link is not None and loads > 0 else 0
        if edits:
            loads -= 1
            done.update(curator.edit(draw, kind) for _ in range(edits))
            done["releases between pages"] += curator.publish()
        done["pages"] += 1
    times = Counter(identifier for identifier, _ in returned)
    for identifier, key in states[0].items():
        if all(state.get(identifier) == key for state in states):
            assert times[identifier] == 1, f"{identifier} stayed where it was and was returned {times[identifier]} times"
    assert len(set(returned)) == len(returned), "a record came twice with the same sort values"
    done["walks"] += 1


def cursor_of(link: str) -> dict[str, str]:
    """The cursor of a link to a next page; the rest of the query is written anew, with another limit."""
    return {"cursor": httpx.URL(link).params["cursor"]} if "cursor=" in link else {}


def prove(curated: tuple[Curator, httpx.Client], examples: int) -> Counter[str]:
    curator, client = curated
    done: Counter[str] = Counter()

    # Loading releases takes what it takes, and what makes a walk interesting is drawn as it goes on.
    slow = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large]
    # The first walk that goes wrong is told as it is: to shrink it would take hundreds of loads.
    phases = [hypothesis.Phase.generate]

    @hypothesis.settings(max_examples=examples, suppress_health_check=slow, phases=phases, database=None)
    @hypothesis.given(st.data())
    def walks(data: st.DataObject) -> None:
        walk_while_loading(curator, client, data.draw, done)

    walks()
    print(f"\nWalks on {curator.engine.dialect.name}: {dict(sorted(done.items()))}")  # noqa: T201  shown with -s
    return done


def test_a_walk_loses_and_repeats_nothing(curated: tuple[Curator, httpx.Client]) -> None:
    prove(curated, examples=20)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_many_walks_lose_and_repeat_nothing(curated: tuple[Curator, httpx.Client]) -> None:
    done = prove(curated, examples=150)
    assert done["releases between pages"] > 100
    for deed in ("add", "touch", "move", "withdraw", "merge", "restore"):
        assert any(done[f"{deed} {kind}"] for kind in QUERIES), done
