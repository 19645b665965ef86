"""Paging, sorting, fields and the envelope."""

import json
import random
import shutil
import time
from array import array
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Barrier
from typing import Any, cast

import httpx
import msgspec
import pytest
from pyroaring import BitMap
from sqlalchemy import Column, select

from app import chosen as lists
from app import database
from app.api import events, figures, organisations, regions, sources
from app.envelopes import RELEASE_HEADER
from app.models import KINDS, OPEN, Moment, Rendering, columns
from app.postings import Index, Order, Postings, orders
from app.projection import field_names, projection
from app.snapshot import Outdated, Snapshot
from tests.conftest import Server, load, walk

PATHS = ["/events", "/figures", "/organisations", "/regions", "/sources"]
SORTS = [
    ("/events", "-date", "date", True),
    ("/events", "date", "date", False),
    ("/events", "title", "title", False),
    ("/events", "-title", "title", True),
    ("/events", "type", "type", False),
    ("/events", "-status", "status", True),
    ("/events", "-region", "region", True),
    ("/events", "-origins", "origins", True),
    ("/events", "release", "release", False),
    ("/figures", "metric", "metric", False),
    ("/figures", "subject", "subject", False),
    ("/figures", "-region", "region", True),
    ("/figures", "unit", "unit", False),
    ("/figures", "-basis", "basis", True),
    ("/figures", "agreement", "agreement", False),
    ("/figures", "-origins", "origins", True),
    ("/figures", "-release", "release", True),
    ("/figures", "-period", "period", True),
    ("/figures", "period", "period", False),
    ("/organisations", "name", "name", False),
    ("/organisations", "-name", "name", True),
    ("/organisations", "type", "type", False),
    ("/organisations", "-region", "region", True),
    ("/organisations", "release", "release", False),
    ("/regions", "name", "name", False),
    ("/regions", "-type", "type", True),
    ("/regions", "parent", "parent", False),
    ("/regions", "release", "release", False),
    ("/sources", "-published", "published", True),
    ("/sources", "published", "published", False),
    ("/sources", "title", "title", False),
    ("/sources", "-publisher", "publisher", True),
    ("/sources", "type", "type", False),
    ("/sources", "-grade", "grade", True),
    ("/sources", "language", "language", False),
    ("/sources", "release", "release", False),
]


def _key(record: dict[str, Any], field: str) -> Any:
    value = record[field]
    if isinstance(value, dict):
        return value["id"] if "id" in value else value["earliest"] or value["latest"]
    return value


def _sorted(records: list[dict[str, Any]], field: str, *, down: bool) -> list[str]:
    records = sorted(records, key=lambda record: record["id"])
    known = [record for record in records if _key(record, field) is not None]
    unknown = [record for record in records if _key(record, field) is None]
    known.sort(key=lambda record: _key(record, field), reverse=down)
    if down:  # Python keeps equals in their order also when it reverses, so ids still ascend
        assert all(a["id"] < b["id"] for a, b in pairwise(known) if _key(a, field) == _key(b, field))
    return [record["id"] for record in known + unknown]


@pytest.mark.parametrize(("path", "sort", "field", "down"), SORTS)
@pytest.mark.parametrize(("limit", "few"), [(23, lists.FEW), (200, lists.FEW), (23, 40)])
def test_a_walk_sorts_with_nulls_last_and_ids_ascending_among_equals(
    synthetic: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str, sort: str, field: str, down: bool, limit: int, few: int
) -> None:
    """Also of lists so long that they are gone through value by value."""
    monkeypatch.setattr(lists, "FEW", few)
    every = walk(synthetic, path, sort="id")
    assert [record["id"] for record in every] == sorted(record["id"] for record in every)
    assert [record["id"] for record in walk(synthetic, path, sort=sort, limit=limit)] == _sorted(every, field, down=down)


@pytest.mark.parametrize("module", [events, figures, organisations, regions, sources])
def test_it_is_known_which_sort_values_may_be_missing(module: Any) -> None:
    for key in module.SORTS.values():
        assert isinstance(key.column, Column)
        assert key.nullable == key.column.nullable


@pytest.mark.parametrize("sort", ["value", "-value"])
def test_figures_sort_by_value_within_one_unit(synthetic: httpx.Client, sort: str) -> None:
    for unit in ("CNY", "week"):  # weeks are ranges and have no value
        every = walk(synthetic, "/figures", unit=unit, sort="id")
        assert [r["id"] for r in walk(synthetic, "/figures", unit=unit, sort=sort, limit=9)] == _sorted(every, "value", down=sort[0] == "-")


@pytest.mark.parametrize(
    ("path", "sort"),
    [
        ("/figures", "metric,-period"),
        ("/figures", "-metric,period,-id"),
        ("/figures", "period,metric"),
        ("/figures", "-region,metric"),
        ("/figures", "subject,-origins,-period"),
        ("/events", "status,-date"),
        ("/events", "-region,type,title"),
        ("/organisations", "type,-region"),
        ("/sources", "-grade,publisher,-published"),
        ("/regions", "-parent,type,-id"),
    ],
)
@pytest.mark.parametrize("few", [lists.FEW, 5])
def test_sorts_can_be_mixed(synthetic: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str, sort: str, few: int) -> None:
    monkeypatch.setattr(lists, "FEW", few)
    every = walk(synthetic, path, sort="id")
    for part in reversed([*sort.split(",")]):
        name = part.removeprefix("-")
        known = [record for record in every if _key(record, name) is not None]
        known.sort(key=lambda record, of=name: _key(record, of), reverse=part[0] == "-")  # type: ignore[misc]  # mypy cannot infer a default
        every = known + [record for record in every if _key(record, name) is None]
    assert [record["id"] for record in walk(synthetic, path, sort=sort, limit=13)] == [record["id"] for record in every]


@pytest.mark.parametrize("path", PATHS)
def test_the_limit_may_change_mid_walk(synthetic: httpx.Client, path: str) -> None:
    draw, seen, cursor = random.Random(3), [], None
    while True:
        params = {"limit": draw.randint(1, 40)} | ({"cursor": cursor} if cursor else {})
        page = synthetic.get(path, params=params).json()
        seen += [record["id"] for record in page["data"]]
        cursor = page["page"]["next"]
        if cursor is None:
            break
    assert seen == [record["id"] for record in walk(synthetic, path)]


@pytest.mark.parametrize("path", PATHS)
def test_the_envelope_says_how_the_query_was_understood(synthetic: httpx.Client, path: str) -> None:
    answer = synthetic.get(f"{path}?limit=3")
    body = answer.json()
    assert list(body) == ["data", "page", "links", "applied", "release"]
    assert body["page"]["limit"] == 3
    assert body["page"]["total_is"] == "exact"
    assert body["links"]["self"] == f"{path}?limit=3"
    assert body["links"]["next"].startswith(f"{path}?")
    assert body["applied"]["limit"] == 3
    assert "sort" in body["applied"]
    assert body["release"]["id"] == 1
    assert body["release"]["licence"] == "CC-BY-4.0"
    following = synthetic.get(body["links"]["next"]).json()
    assert following["data"][0]["id"] not in {record["id"] for record in body["data"]}


def test_applied_has_lists_for_repeatables_defaults_and_the_days_of_dates(synthetic: httpx.Client) -> None:
    applied = synthetic.get("/events?type=policy&type=conference&from=2024-Q3&region=cn").json()["applied"]
    assert applied == {
        "limit": 20,
        "type": ["policy", "conference"],
        "region": ["cn"],
        "region_match": "within",
        "from": {"edtf": "2024-35", "earliest": "2024-07-01", "latest": "2024-09-30"},
        "date_match": "overlaps",
        "sort": "-date",
    }


def test_a_walk_keeps_every_parameter(synthetic: httpx.Client) -> None:
    params = {"type": ["policy", "financing"], "region": ["cn", "us"], "q": "beijing", "sort": "title,-date", "limit": 2, "fields": "id"}
    every = [record["id"] for record in walk(synthetic, "/events", **{**params, "limit": 200, "fields": "id,title"})]
    assert len(every) > 6
    assert [record["id"] for record in walk(synthetic, "/events", **params)] == every


def test_a_cursor_holds_the_longest_title_in_any_script(databases: Any, synthetic_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(synthetic_folder, tmp_path / "long"))
    events = json.loads((folder / "events.yaml").read_text("utf-8"))
    for index, event in enumerate(events):
        event["title"] = "".join(chr(0x20000 + (place * 7919 + index) % 40000) for place in range(500 - len(event["id"]))) + event["id"]
    (folder / "events.yaml").write_text(json.dumps(events, ensure_ascii=False), "utf-8")
    url = databases.new()
    load(url, folder)
    with Server(url) as client:
        assert len(walk(client, "/events", sort="title", limit=100, fields="id")) == len(events)


def test_an_empty_result_is_an_empty_list(synthetic: httpx.Client) -> None:
    body = synthetic.get("/events?from=2090").json()
    assert (body["data"], body["page"]["total"], body["page"]["next"], body["links"]["next"]) == ([], 0, None, None)


def test_fields_selects_fields_and_parts_of_them(api: httpx.Client) -> None:
    record = api.get("/events/csgct-annual-meeting-2025?fields=title,id,date.edtf,organisations.organisation.id,citations.source.id").json()["data"]
    assert list(record) == ["id", "title", "date", "organisations", "citations"]
    assert record["date"] == {"edtf": "2025-09-12/2025-09-13"}
    assert record["organisations"][0] == {"organisation": {"id": "zhongguancun-science-city-commission"}}
    assert {tuple(citation) for citation in record["citations"]} == {("source",)}


def test_a_whole_field_wins_over_its_parts_and_null_stays_null(api: httpx.Client) -> None:
    event = api.get("/events/zhongguancun-forum-2025?fields=date,date.edtf,region.name,venue").json()["data"]
    assert set(event["date"]) == {"edtf", "earliest", "latest", "precision"}
    assert event["region"] is None
    assert event["venue"] is None


def test_fields_works_on_lists_and_does_not_disturb_the_walk(synthetic: httpx.Client) -> None:
    every = walk(synthetic, "/figures", sort="-period")
    assert walk(synthetic, "/figures", sort="-period", fields="id,value", limit=11) == [{"id": r["id"], "value": r["value"]} for r in every]


def _part(value: Any, names: list[str]) -> Any:
    if not names or value is None:
        return value
    if isinstance(value, list):
        return [_part(item, names) for item in value]
    return {names[0]: _part(value[names[0]], names[1:])} if names[0] in value else {}


@pytest.mark.parametrize("path", PATHS)
def test_every_field_alone_is_that_part_of_the_record(synthetic: httpx.Client, path: str) -> None:
    whole = synthetic.get(path, params={"limit": 30}).json()["data"]
    for name in field_names(path.strip("/").removesuffix("s")):
        assert synthetic.get(path, params={"limit": 30, "fields": name}).json()["data"] == _part(whole, name.split(".")), name


def test_fields_are_found_in_whatever_order_a_record_has_them() -> None:
    wanted = {"id": "a", "title": 'of ,"region":{', "date": None}
    selection = projection("event", "title,date,id")
    assert selection is not None
    for record in (wanted | {"region": {"id": "cn"}}, {"region": None, **wanted}, {"id": "a", "region": {"title": "b"}, **wanted}, wanted):
        for separators in ((",", ":"), (", ", ": ")):
            assert json.loads(selection.apply(json.dumps(record, separators=separators).encode())) == wanted
    assert json.loads(selection.apply(b'{"id":"a","region":null,"citations":[]}')) == {"id": "a"}


@pytest.mark.parametrize("path", PATHS)
def test_one_record_is_the_record_of_the_list(synthetic: httpx.Client, path: str) -> None:
    for record in walk(synthetic, path)[:20]:
        answer = synthetic.get(f"{path}/{record['id']}")
        assert answer.json()["data"] == record
        assert answer.json()["links"] == {"self": f"{path}/{record['id']}"}
        assert list(answer.json()) == ["data", "links", "release"]


def test_events_hold_their_figures_whole_and_name_their_children(synthetic: httpx.Client) -> None:
    events, figures = walk(synthetic, "/events"), walk(synthetic, "/figures", sort="id")
    for event in events:
        assert event["figures"] == [figure for figure in figures if figure["event"] and figure["event"]["id"] == event["id"]]
        assert [c["id"] for c in event["children"]] == sorted(e["id"] for e in events if e["parent"] and e["parent"]["id"] == event["id"])


@pytest.mark.parametrize("module", [events, figures, organisations, regions, sources])
def test_records_show_what_lists_of_them_are_sorted_by(databases: Any, synthetic_folder: Path, module: Any) -> None:
    """A cursor is made from the JSON of a record and compared with its row: of all views, also those without a date."""
    url, kind = databases.new(), module.__name__.rpartition(".")[2].removesuffix("s")
    load(url, synthetic_folder)
    keys = [key for key in module.SORTS.values() if key.shown]
    table, rendering = columns(KINDS[kind]), columns(Rendering)
    statement = select(rendering.body, *(key.column for key in keys)).join_from(table.id.table, rendering.body.table, rendering.key == table.version)
    engine = database.connect(url)
    with database.reading(engine) as connection:
        rows = connection.execute(statement).all()
    engine.dispose()
    values = [[key.shown(msgspec.json.decode(row.body, type=lists.Shown)) for key in keys if key.shown] for row in rows]
    assert values == [[value if value is None else str(value) for value in row[1:]] for row in rows]
    assert {value is None for row in values for value in row} == ({True, False} if kind in {"event", "source"} else {False})


def test_orders_of_kinds_between_each_other_share_their_places() -> None:
    kinds = {str(kind): random.Random(kind).sample(range(kind, 600, 3), 190) for kind in range(3)}
    found = orders({kind: array("I", versions).tobytes() for kind, versions in kinds.items()})
    for kind, versions in kinds.items():
        assert found[kind].places(BitMap(versions)).tolist() == list(range(len(versions)))
        assert [found[kind].places(BitMap([version])).tolist() for version in versions] == [[place] for place in range(len(versions))]


def test_of_those_who_need_the_orders_at_once_one_reads_them_all() -> None:
    """What another read later may be that of a newer release, with other places."""
    index, asking, read = Index(Moment(1)), Barrier(4), []

    class Slow:
        def rows(self, *_: object) -> list[tuple[str, bytes]]:
            read.append(1)
            time.sleep(0.1)
            return [("event", array("I", [3, 2, 1]).tobytes()), ("figure", array("I", [5, 4]).tobytes())]

    def ask(kind: str) -> Order:
        asking.wait()
        return Postings(index, cast("Snapshot", Slow()), Moment(1)).order(kind)

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(ask, ["event", "figure", "event", "figure"]))
    assert [order.versions.tolist() for order in found] == [[3, 2, 1], [5, 4]] * 2
    assert read == [1]


def test_a_kind_without_records_has_an_empty_order() -> None:
    order = orders({"event": b""})["event"]
    assert list(lists.walk(order, BitMap(), 0)) == []
    with pytest.raises(Outdated):
        lists.walk(order, BitMap([0]), 0)


@pytest.mark.parametrize("chosen", ["all", "none", "every second", "a few", "some", "the last", "the first", "a block at the end", "one in fifty"])
def test_the_chosen_are_found_in_the_order_from_any_place(chosen: str) -> None:
    """However they lie: the ways to find them are several, and each must give the same."""
    count = 150_000
    versions = random.Random(7).sample(range(1, count + 1), count)
    picked = {
        "all": versions,
        "none": [],
        "every second": versions[::2],
        "a few": versions[::2_997],
        "some": versions[::2_200],
        "the last": versions[-1:],
        "the first": versions[:1],
        "a block at the end": versions[-30_000:],
        "one in fifty": versions[::50],
    }[chosen]
    order = orders({"event": array("I", versions).tobytes()})["event"]
    wanted = set(picked)
    for start in (0, 1, 4_095, 4_096, 65_536, 119_999, 120_001, count - 1, count):
        assert list(lists.walk(order, BitMap(picked), start)) == [version for version in versions[start:] if version in wanted]


@pytest.mark.parametrize("stranger", [9, 150_010])
@pytest.mark.parametrize("many", [1, 69, 40_000])
def test_what_lies_outside_of_all_that_the_order_knows_is_not_passed_over(many: int, stranger: int) -> None:
    order = orders({"event": array("I", range(10, 150_010)).tobytes()})["event"]
    with pytest.raises(Outdated):
        list(lists.walk(order, BitMap([*range(10, 9 + many), stranger]), 0))


@pytest.mark.parametrize("many", [1, 69, 40_000])
def test_what_lies_between_all_that_the_order_knows_is_not_taken_for_something_else(many: int) -> None:
    """Records that were written anew have higher keys than before, while those that had ended keep their low ones."""
    order = orders({"event": array("I", [*range(10, 20), *range(90_000, 150_000)]).tobytes(), "figure": array("I", range(20, 90_000)).tobytes()})
    assert list(lists.walk(order["event"], BitMap([12, 90_001]), 0)) == [12, 90_001]
    with pytest.raises(Outdated):
        list(lists.walk(orders({"event": order["event"].versions.tobytes()})["event"], BitMap(range(30, 30 + many)), 0))


def test_a_cursor_whose_record_is_gone_goes_on_behind_where_it_was(synthetic: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """In steps as few as a search takes: whoever makes one up may not have the whole list read."""
    every = walk(synthetic, "/events")
    looked: list[int] = []
    rows, cursor = lists.Listing._rows, lists.Listing.cursor

    def counted(listing: lists.Listing, versions: Any, keys: Any) -> Any:
        looked.append(len(versions))
        return rows(listing, versions, keys)

    monkeypatch.setattr(lists.Listing, "_rows", counted)
    monkeypatch.setattr(lists.Listing, "cursor", lambda *given: [*cursor(*given)[:-1], OPEN - 1])
    for place in (0, 41, len(every) - 2):
        anew = {RELEASE_HEADER: "1"}  # out of no memory
        following = synthetic.get("/events", params={"limit": min(place, 199) + 1}, headers=anew).json()["page"]["next"]
        begin = min(place, 199) + 1
        looked.clear()
        shown = synthetic.get("/events", params={"limit": 200, "cursor": following}, headers=anew).json()["data"]
        assert [record["id"] for record in shown] == [record["id"] for record in every[begin : begin + 200]]
        assert 0 < len(looked) <= len(every).bit_length() + 3
        assert set(looked) == {1}
