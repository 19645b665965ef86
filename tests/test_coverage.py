"""`/coverage`: each cell is what the lists say when they are read and counted by hand; on both engines."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app import survey, vocabulary
from app.coverage import Events, Grid, Known, Reading, Tally
from app.dates import parse_query
from tests.conftest import SEEDS, Databases, Server, load, walk
from tests.test_errors import problem
from tests.test_load import edit
from tests.test_openapi import answer_schema, validator

Record = dict[str, Any]
Key = tuple[str | None, str, int | None]


def _first(span: Record | None) -> str | None:
    return (span["earliest"] or span["latest"]) if span else None


def _last(span: Record | None) -> str | None:
    return (span["latest"] or span["earliest"]) if span else None


def _years(span: Record | None) -> list[int | None]:
    """The years that a date touches; null: there is none."""
    first, last = _first(span), _last(span)
    return [*range(int(first[:4]), int(last[:4]) + 1)] if first and last else [None]


class ByHand:
    """The answer as somebody would make it who reads the lists and nothing else."""

    def __init__(self, client: httpx.Client, **moment: str) -> None:
        self.events, self.figures, self.regions, sources = (walk(client, path, **moment) for path in ("/events", "/figures", "/regions", "/sources"))
        self.sources = {source["id"]: source for source in sources}
        self.released = {release["id"]: release["released_at"] for release in walk(client, "/releases")}
        self.inside = {region["id"]: {region["id"], *self._below(region["id"])} for region in self.regions}

    def _below(self, identifier: str) -> set[str]:
        members = {member["id"] for region in self.regions if region["id"] == identifier for member in region["members"]}
        found = members | {region["id"] for region in self.regions if region["parent"] and region["parent"]["id"] == identifier}
        return found.union(*(self._below(below) for below in found))

    def _of(self, records: list[Record], region: str | None, match: str) -> list[Record]:
        if region is None:
            return [record for record in records if record["region"] is None]
        counted = {region} if match == "exact" else self.inside[region]
        return [record for record in records if record["region"] and record["region"]["id"] in counted]

    def span(self, since: str | None, until: str | None) -> range:
        """The years that are told of."""
        dates = [event["date"] for event in self.events] + [source["published"] for source in self.sources.values()]
        touched = [year for span in dates for year in _years(span) if year is not None]
        first = parse_query(since).first.year if since else min(touched)
        last = parse_query(until).last.year if until else max(*touched, first)
        return range(min(first, last), last + 1)

    def cells(self, query: dict[str, Any]) -> list[Record]:
        """Every cell that a query should be answered with."""
        named = query.get("region", [])
        regions = [region for region in self.regions if not named or region["id"] in named]
        match = query.get("region_match", "within")
        years = self.span(query.get("from"), query.get("to"))
        dateless = not {"from", "to"} & set(query)
        found = []
        for region in [*regions, *([] if named else [None])]:
            identifier = region["id"] if region else None
            events = self._of(self.events, identifier, match)
            works = self._works([*self._of(self.events, identifier, "exact"), *self._of(self.figures, identifier, "exact")]) if region else []
            for kind in query.get("type", list(vocabulary.EVENT_TYPE)):
                for year in [*years, *([None] if dateless else [])]:
                    counted = [event for event in events if event["type"] == kind and year in _years(event["date"])]
                    if counted or (region and year):
                        found.append(self._cell(region, kind, year, counted, works))
        wanted = query.get("state", list(vocabulary.COVERAGE))
        return sorted((cell for cell in found if cell["state"] in wanted), key=lambda cell: cell["id"])

    def _works(self, records: list[Record]) -> list[str]:
        """The first days of the works that records cite, where they are known."""
        cited = {citation["source"]["id"] for record in records for citation in record["citations"]}
        days = [self.sources[identifier]["published"] for identifier in cited]
        return [span["earliest"] for span in days if span and span["earliest"]]

    def _cell(self, region: Record | None, kind: str, year: int | None, events: list[Record], works: list[str]) -> Record:
        newest = max(
            (self.sources[citation["source"]["id"]] for event in events for citation in event["citations"]),
            key=lambda source: (_first(source["published"]) or "", source["id"]),
            default=None,
        )
        release = max((event["release"] for event in events), default=None)
        fitting = [day for day in works if year is None or int(day[:4]) in {year, year + 1}]
        return {
            "id": f"{region['id'] if region else 'unknown'}--{kind}--{'unknown' if year is None else year}",
            "region": {name: region[name] for name in ("id", "name", "name_zh")} if region else None,
            "type": kind,
            "year": year,
            "state": "known" if events else "none-known" if fitting else "not-looked-at",
            "events": len(events),
            "newest_source": {name: newest[name] for name in ("id", "title", "title_zh", "published")} if newest else None,
            "last_curated": {"release": release, "released_at": self.released[release]} if release else None,
            "looked_at_until": max(works, default=None),
            "works": len(fitting),
        }


QUERIES: list[dict[str, Any]] = [
    {},
    {"region_match": "exact"},
    {"region": ["cn-bj", "two-places"], "type": ["policy", "conference"]},
    {"region": ["cn-gd"], "region_match": "exact", "state": ["known"]},
    {"from": "2024", "to": "2025-Q1", "type": ["financing"]},
    {"from": "2024-06", "state": ["none-known", "not-looked-at"]},
    {"to": "2023-02-01", "state": ["known", "not-looked-at"]},
    {"from": "2031", "region": ["us"]},
    {"to": "1999", "region": ["us"], "type": ["policy"]},
    {"state": ["known"], "type": ["platform-launch"]},
]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_made_up_records_counted_by_hand(synthetic: httpx.Client, by_hand: ByHand, query: dict[str, Any]) -> None:
    expected = by_hand.cells(query)
    assert expected
    assert walk(synthetic, "/coverage", **query) == expected


def test_works_are_read_in_portions(databases: Databases, synthetic_folder: Path, by_hand: ByHand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "MOST_TOGETHER", 7)
    url = databases.new()
    load(url, synthetic_folder)
    with Server(url) as client:
        told = walk(client, "/coverage", state=["known"])
    for cell in told:
        del cell["last_curated"]["released_at"]
    assert told == [cell | {"last_curated": {"release": 1}} for cell in by_hand.cells({"state": ["known"]})]


@pytest.fixture(scope="module")
def by_hand(synthetic: httpx.Client) -> ByHand:
    return ByHand(synthetic)


def test_the_made_up_records_have_every_case(by_hand: ByHand) -> None:
    cells = by_hand.cells({"from": "2020"})
    assert {cell["state"] for cell in cells} == set(vocabulary.COVERAGE)
    cells = by_hand.cells({"state": ["known"]})
    assert any(cell["region"] is None for cell in cells)
    assert any(cell["year"] is None for cell in cells)


@pytest.mark.parametrize("query", [{}, {"region_match": "exact", "state": ["known"]}, {"region": ["cn-bj-e-town", "cn-gd"], "from": "2022"}], ids=str)
def test_the_curated_records_counted_by_hand(api: httpx.Client, query: dict[str, Any]) -> None:
    assert walk(api, "/coverage", **query) == ByHand(api).cells(query)


def test_none_known_and_never_looked_at_are_told_apart(api: httpx.Client) -> None:
    """Of E-Town a page of 2023 was read and nothing later; of Nansha works of 2025, which tell of 2024 too. Each names one policy."""
    answer = {
        (cell["region"]["id"], cell["year"]): cell["state"]
        for cell in walk(api, "/coverage", region=["cn-bj-e-town", "cn-gd-guangzhou-nansha"], type="policy", **{"from": "2023", "to": "2025"})
    }
    assert answer == {
        ("cn-bj-e-town", 2023): "known",
        ("cn-bj-e-town", 2024): "not-looked-at",
        ("cn-bj-e-town", 2025): "not-looked-at",
        ("cn-gd-guangzhou-nansha", 2023): "not-looked-at",
        ("cn-gd-guangzhou-nansha", 2024): "none-known",
        ("cn-gd-guangzhou-nansha", 2025): "known",
    }


def test_a_count_is_the_total_of_the_list(synthetic: httpx.Client) -> None:
    cells = walk(synthetic, "/coverage", state="known", region=["cn", "cn-gd", "two-places"])
    assert len(cells) > 20
    for cell in cells:
        if cell["year"] is not None:
            asked = {"region": cell["region"]["id"], "type": cell["type"], "from": cell["year"], "to": cell["year"], "limit": 1}
            assert synthetic.get("/events", params=asked).json()["page"]["total"] == cell["events"]


def test_facets_count_the_states_without_the_filter_by_state(synthetic: httpx.Client) -> None:
    for query in ({}, {"region": "cn", "from": "2024"}, {"region_match": "exact", "type": "policy"}):
        answer = synthetic.get("/coverage", params={**query, "facets": "state", "state": "known"}).json()
        found = {bucket["value"]: bucket["count"] for bucket in answer["facets"]["state"]}
        totals = {state: synthetic.get("/coverage", params={**query, "state": state}).json()["page"]["total"] for state in vocabulary.COVERAGE}
        assert found == {state: total for state, total in totals.items() if total}
        assert [bucket["label"] for bucket in answer["facets"]["state"]] == [vocabulary.COVERAGE[state].name for state in found]
    assert "facets" not in synthetic.get("/coverage").json()


def test_cells_come_in_pages_and_as_documented(synthetic: httpx.Client) -> None:
    for query in ({"type": "policy"}, {"state": "known"}, {"state": ["none-known", "not-looked-at"], "region": "us"}):
        whole = walk(synthetic, "/coverage", **query)
        assert [cell["id"] for cell in whole] == sorted({cell["id"] for cell in whole})
        assert walk(synthetic, "/coverage", **query, limit=7) == whole
    document = synthetic.get("/openapi.json").json()
    check = validator(document, answer_schema(document, "/coverage"))
    check.validate(synthetic.get("/coverage?limit=200&facets=state").json())
    check.validate(synthetic.get("/coverage?limit=200&state=known").json())
    page = synthetic.get("/coverage?limit=3")
    assert page.headers["link"].endswith('rel="next"')
    assert synthetic.get("/coverage?limit=3", headers={"if-none-match": page.headers["etag"]}).status_code == 304
    cursor = page.json()["page"]["next"]
    assert synthetic.get(f"/coverage?limit=5&facets=state&cursor={cursor}").status_code == 200
    problem(synthetic.get(f"/coverage?state=known&cursor={cursor}"), 422, "invalid-request")


def test_ten_thousand_years_are_no_burden(synthetic: httpx.Client) -> None:
    answer = synthetic.get("/coverage?from=0001&to=9999&limit=200&facets=state")
    assert answer.elapsed.total_seconds() < 5
    body = answer.json()
    assert body["page"]["total"] == sum(bucket["count"] for bucket in body["facets"]["state"]) > 9 * 21 * 9999
    assert body["data"][0]["id"] == "cn--acquisition--0001"
    last = synthetic.get("/coverage?from=0001&to=9999&region=us&type=policy&state=not-looked-at").json()
    assert 9990 < last["page"]["total"] < 9999


@pytest.mark.parametrize(
    ("query", "parameter", "message", "did_you_mean"),
    [
        ("region=cn-bjj", "region", "there is no region of this id", "cn-bj"),
        ("type=conferense", "type", "is no term of /vocabulary#event-type", "conference"),
        ("state=none", "state", "is no term of /vocabulary#coverage", None),
        ("state=noneknown", "state", "is no term of /vocabulary#coverage", "none-known"),
        ("region_match=exakt", "region_match", "should be 'within' or 'exact'", None),
        ("from=2025-13", "from", "is not a day", None),
        ("from=2025&to=2024", "from", "from (2025) is after to (2024)", None),
        ("facets=type", "facets", "should be 'state'", None),
        ("q=beijing", "q", "unknown parameter", None),
        ("stat=known", "stat", "unknown parameter", "state"),
        ("published_before=2025", "published_before", "unknown parameter", None),
        ("sort=id", "sort", "unknown parameter", None),
        ("as_of=99", "as_of", "there is no release 99", "1"),
        ("limit=0", "limit", "should be greater than or equal to 1", None),
        ("cursor=abc", "cursor", "was not given out for this query", None),
        ("from=2024&from=2025", "from", "stands there more than once", None),
    ],
)
def test_nonsense_is_refused(api: httpx.Client, query: str, parameter: str, message: str, did_you_mean: str | None) -> None:
    (error,) = problem(api.get(f"/coverage?{query}"), 422, "invalid-request")["errors"]
    assert error["parameter"] == parameter
    assert message in error["message"]
    assert error["did_you_mean"] == did_you_mean


@pytest.fixture(scope="module")
def growing(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Two releases: the second changes an event and a work's day, and brings a region."""
    folder = Path(shutil.copytree(SEEDS, tmp_path_factory.mktemp("coverage") / "seeds"))
    url = databases.new()
    load(url, folder)
    edit(folder, "events.yaml", "date: 2025-09-12/2025-09-13", "date: 2024-12-31/2025-01-02")
    edit(folder, "sources.yaml", "published: 2023-04-28", "published: 2024-04-28")
    entry = "\n- id: us\n  name: United States\n  type: country\n  parent: world\n"
    entry += "  reference: [{fields: [name, parent], dataset: made up, version: '1'}]\n"
    (folder / "regions.yaml").write_text((folder / "regions.yaml").read_text("utf-8") + entry, "utf-8")
    load(url, folder)
    with Server(url) as client:
        yield client


@pytest.mark.parametrize("as_of", ["1", "2"])
def test_coverage_as_of_a_release(growing: httpx.Client, as_of: str) -> None:
    cells = walk(growing, "/coverage", as_of=as_of)
    assert cells == ByHand(growing, as_of=as_of).cells({})
    assert ("us" in {cell["region"]["id"] for cell in cells if cell["region"]}) == (as_of == "2")
    found = {cell["id"]: cell for cell in cells}
    moved = found["cn-bj--conference--2024"]
    assert (moved["state"], moved["events"], (moved["last_curated"] or {}).get("release")) == [("none-known", 0, None), ("known", 1, 2)][
        int(as_of) - 1
    ]
    assert found["cn-bj-e-town--policy--2024"]["state"] == ["not-looked-at", "none-known"][int(as_of) - 1]


def test_before_the_first_release_there_are_no_cells_and_that_is_said(growing: httpx.Client) -> None:
    answer = growing.get("/coverage?as_of=0&facets=state&from=2024&to=2025").json()
    assert (answer["data"], answer["page"]["total"], answer["facets"]) == ([], 0, {"state": []})
    assert answer["note"] == "As of 0, before the first release, nothing was on record."


@pytest.mark.parametrize("path", ["/coverage", "/events", "/figures", "/organisations"])
def test_an_id_that_came_later_is_refused_as_of_then(growing: httpx.Client, path: str) -> None:
    (error,) = problem(growing.get(f"{path}?as_of=1&region=us&region=cn"), 422, "invalid-request")["errors"]
    assert (error["parameter"], error["value"]) == ("region", "us")
    assert error["message"] == "the region was not on record in release 1; see /regions/us/history"
    assert growing.get(f"{path}?region=us&as_of=2").status_code == 200
    assert growing.get(f"{path}?region=us&as_of=0").json()["data"] == []


def test_an_empty_list_says_where_it_is_explained(growing: httpx.Client) -> None:
    asked = {"region": ["us", "cn-gd"], "type": "policy", "from": "2025-03", "source": "e-town-2023-04-28", "as_of": "2"}
    note = growing.get("/events", params=asked).json()["note"]
    (pointer,) = re.findall(r"/coverage\?\S+", note)
    assert pointer == "/coverage?region=us&region=cn-gd&region_match=within&type=policy&from=2025-03&as_of=2"
    assert growing.get(pointer).status_code == 200
    assert "note" not in growing.get("/events", params={"region": "cn-gd"}).json()
    assert "note" not in growing.get("/events", params={"source": "packgene-about", "q": "nothing"}).json()
    assert "note" not in growing.get("/figures", params={"region": "cn-gd", "q": "nothing"}).json()
    assert "note" not in growing.get("/events", params={"region": "cn-gd", "q": "nothing", "published_before": "2020"}).json()
    assert "before the first release" in growing.get("/events?region=us&as_of=0").json()["note"]


def _events(*rows: tuple[str | None, int, int, int, int, int]) -> Events:
    """Policies by region, first and last year, how many, with release and newest work."""
    regions = [None, "a", "b"]
    numbers = [(regions.index(region), 1, *others) for region, *others in rows]
    return Events(regions, ["", "policy"], *(np.array(column, np.int64) for column in zip(*numbers, strict=True)))


EXACTLY = {"a": ["a"], "b": ["b"]}


@pytest.mark.parametrize("until", [2019, 2022, 2023, 2030])
@pytest.mark.parametrize("years", [range(0), range(2021, 2025), range(2021, 2022), range(2023, 2025)], ids=str)
@pytest.mark.parametrize("undated", [True, False])
def test_the_number_of_cells_in_each_state_is_that_of_the_cells(until: int, years: range, undated: bool) -> None:
    events = _events(("a", 2022, 2022, 1, 1, 1), ("a", 0, 0, 2, 1, 1), ("b", 2024, 2024, 1, 1, 1), (None, 2023, 2023, 1, 1, 1))
    known = Known(events, EXACTLY, years, undated=undated)
    read = {"a": Reading([until], [1], parse_query(str(until)).first)}
    grid = Grid(["a", "b"], ["policy", "financing"], years, known, read)
    cells = list(grid.cells(vocabulary.COVERAGE))
    for state in vocabulary.COVERAGE:
        assert grid.counts()[state] == sum(cell.state == state for cell in cells) == len(list(grid.cells([state])))


@pytest.mark.parametrize("undated", [True, False])
def test_a_span_counts_in_each_year_that_is_told_of(undated: bool) -> None:
    events = _events(("a", 2020, 2023, 2, 1, 8), ("a", 2022, 2022, 1, 3, 7), ("a", 0, 0, 4, 1, 9), ("b", 2022, 2022, 5, 2, 1))
    known = Known(events, {"a": ["a"], "b": ["a", "b"]}, range(2021, 2023), undated=undated)
    dateless: dict[int | None, Tally] = {None: Tally(4, 1, 9)} if undated else {}
    assert known.row("a", "policy") == {2021: Tally(2, 1, 8), 2022: Tally(8, 3, 8), **dateless}
    assert known.row("b", "policy") == {2022: Tally(5, 2, 1)}
    assert known.row("a", "financing") == known.row("c", "policy") == known.row(None, "policy") == {}
