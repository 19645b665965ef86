"""Every filter against a plain reading of the records, over a few hundred made-up ones, on both engines."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from app.dates import parse_query
from app.envelopes import RELEASE_HEADER
from tests.conftest import walk

Record = dict[str, Any]


def _bounds(span: Record | None) -> tuple[date, date] | None:
    """First and last day of a date, an open one at the bound it has."""
    if span is None:
        return None
    first, last = span["earliest"] or span["latest"], span["latest"] or span["earliest"]
    return date.fromisoformat(first), date.fromisoformat(last)


def _overlaps(span: Record | None, since: str | None = None, until: str | None = None, *, within: bool = False) -> bool:
    bounds = _bounds(span)
    if bounds is None:
        return False
    first, last = bounds
    starts, ends = (first, last) if within else (last, first)
    return (since is None or starts >= parse_query(since).first) and (until is None or ends <= parse_query(until).last)


INSIDE = {
    "cn-bj": {"cn-bj", "cn-bj-haidian"},
    "cn-gd": {"cn-gd", "cn-gd-guangzhou", "cn-gd-guangzhou-nansha"},
    "two-places": {"two-places", "cn-bj-haidian", "cn-gd", "cn-gd-guangzhou", "cn-gd-guangzhou-nansha"},
    "us": {"us"},
}


def _in(record: Record, *regions: str) -> bool:
    return record["region"] is not None and record["region"]["id"] in set().union(*(INSIDE[region] for region in regions))


def _ref(record: Record, field: str) -> str | None:
    return record[field]["id"] if record[field] else None


def _cites(record: Record, test: Callable[[Record], bool]) -> bool:
    return any(test(citation) for citation in record["citations"])


EVENTS: list[tuple[dict[str, Any], Callable[[Record], bool]]] = [
    ({"type": "conference"}, lambda e: e["type"] == "conference"),
    ({"type": ["policy", "financing"]}, lambda e: e["type"] in {"policy", "financing"}),
    ({"status": "held"}, lambda e: e["status"] == "held"),
    ({"region": "cn-bj"}, lambda e: _in(e, "cn-bj")),
    ({"region": ["cn-bj", "us"]}, lambda e: _in(e, "cn-bj", "us")),
    ({"region": "two-places"}, lambda e: _in(e, "two-places")),
    ({"region": "world"}, lambda e: e["region"] is not None),
    ({"region": "cn-gd", "region_match": "exact"}, lambda e: _ref(e, "region") == "cn-gd"),
    ({"organisation": "body-3"}, lambda e: any(p["organisation"]["id"] == "body-3" for p in e["organisations"])),
    ({"role": "host"}, lambda e: any(p["role"] == "host" for p in e["organisations"])),
    (
        {"organisation": ["body-3", "body-4"], "role": "host"},
        lambda e: any(p["role"] == "host" and p["organisation"]["id"] in {"body-3", "body-4"} for p in e["organisations"]),
    ),
    ({"topic": ["cgt", "car-t"]}, lambda e: bool({"cgt", "car-t"} & set(e["topics"]))),
    ({"source": "source-2"}, lambda e: _cites(e, lambda c: c["source"]["id"] == "source-2")),
    ({"publisher": "body-3"}, lambda e: _cites(e, lambda c: (c["source"]["publisher"] or {}).get("id") == "body-3")),
    ({"document": "1.txt"}, lambda e: _cites(e, lambda c: c["document"]["name"] == "1.txt")),
    ({"document": f"{2:064x}"}, lambda e: _cites(e, lambda c: c["document"]["name"] == "2.txt")),
    ({"parent": "event-3"}, lambda e: _ref(e, "parent") == "event-3"),
    ({"from": "2024-06"}, lambda e: _overlaps(e["date"], "2024-06")),
    ({"to": "2024-Q1"}, lambda e: _overlaps(e["date"], None, "2024-Q1")),
    ({"from": "2024-05-17", "to": "2024-05-17"}, lambda e: _overlaps(e["date"], "2024-05-17", "2024-05-17")),
    ({"from": "2024", "to": "2024", "date_match": "within"}, lambda e: _overlaps(e["date"], "2024", "2024", within=True)),
    ({"from": "2024-Q2", "to": "2024-Q2", "date_match": "within"}, lambda e: _overlaps(e["date"], "2024-Q2", "2024-Q2", within=True)),
    ({"origins_min": 2}, lambda e: e["origins"] >= 2),
    ({"verification": "unchecked"}, lambda _: True),
    ({"verification": "verified"}, lambda _: False),
    ({"verification": ["verified", "unchecked"]}, lambda _: True),
    (
        {"type": "conference", "region": "cn", "role": "speaker", "from": "2024"},
        lambda e: (
            e["type"] == "conference"
            and _in(e, "cn-bj", "cn-gd", "two-places") | (_ref(e, "region") == "cn")
            and any(p["role"] == "speaker" for p in e["organisations"])
            and _overlaps(e["date"], "2024")
        ),
    ),
]

FIGURES: list[tuple[dict[str, Any], Callable[[Record], bool]]] = [
    ({"metric": ["rank", "share"]}, lambda f: f["metric"] in {"rank", "share"}),
    ({"subject": "cgt"}, lambda f: _ref(f, "subject") == "cgt"),
    ({"region": "cn-gd"}, lambda f: _in(f, "cn-gd")),
    ({"region": "cn-gd", "region_match": "exact"}, lambda f: _ref(f, "region") == "cn-gd"),
    ({"organisation": "body-2"}, lambda f: _ref(f, "organisation") == "body-2"),
    ({"event": ["event-1", "event-2", "event-5", "event-9"]}, lambda f: _ref(f, "event") in {"event-1", "event-2", "event-5", "event-9"}),
    ({"source": "source-8"}, lambda f: _cites(f, lambda c: c["source"]["id"] == "source-8")),
    ({"publisher": ["body-0", "body-6"]}, lambda f: _cites(f, lambda c: (c["source"]["publisher"] or {}).get("id") in {"body-0", "body-6"})),
    ({"document": "0.txt"}, lambda f: _cites(f, lambda c: c["document"]["name"] == "0.txt")),
    ({"basis": "forecast"}, lambda f: f["basis"] == "forecast"),
    ({"qualifier": ["range", "nearly"]}, lambda f: f["qualifier"] in {"range", "nearly"}),
    ({"unit": ["CNY", "USD"]}, lambda f: f["unit"] in {"CNY", "USD"}),
    ({"agreement": "contested"}, lambda f: f["agreement"] == "contested"),
    ({"agreement": ["corroborated", "single-origin"]}, lambda f: f["agreement"] != "contested"),
    ({"period_from": "2024-06"}, lambda f: _overlaps(f["period"], "2024-06")),
    ({"period_from": "2024", "period_to": "2024"}, lambda f: _overlaps(f["period"], "2024", "2024")),
    ({"period_to": "2023-12-31"}, lambda f: _overlaps(f["period"], None, "2023-12-31")),
    ({"min": "20000000000", "unit": "CNY"}, lambda f: f["unit"] == "CNY" and f["low"] is not None and f["low"] >= 2e10),
    ({"max": "2e10", "unit": "CNY"}, lambda f: f["unit"] == "CNY" and f["high"] is not None and f["high"] <= 2e10),
    ({"min": "3", "max": "99", "unit": "week"}, lambda f: f["unit"] == "week" and f["low"] >= 3 and f["high"] <= 99),
    ({"max": "5e7", "unit": "USD"}, lambda _: False),
]

ORGANISATIONS: list[tuple[dict[str, Any], Callable[[Record], bool]]] = [
    ({"type": "society"}, lambda o: o["type"] == "society"),
    ({"region": "cn-gd"}, lambda o: _in(o, "cn-gd")),
    ({"region": "cn", "region_match": "exact"}, lambda o: _ref(o, "region") == "cn"),
]

REGIONS: list[tuple[dict[str, Any], Callable[[Record], bool]]] = [
    ({"type": ["country", "province"]}, lambda r: r["type"] in {"country", "province"}),
    ({"parent": "cn"}, lambda r: _ref(r, "parent") == "cn"),
    ({"within": "cn-gd"}, lambda r: r["id"] in INSIDE["cn-gd"] - {"cn-gd"}),
    ({"within": "two-places"}, lambda r: r["id"] in INSIDE["two-places"] - {"two-places"}),
    ({"within": ["us"]}, lambda _: False),
]

SOURCES: list[tuple[dict[str, Any], Callable[[Record], bool]]] = [
    ({"publisher": "body-3"}, lambda s: _ref(s, "publisher") == "body-3"),
    ({"type": "repost"}, lambda s: s["type"] == "repost"),
    ({"grade": ["A", "B"]}, lambda s: s["grade"] in {"A", "B"}),
    ({"language": "zh"}, lambda s: s["language"] == "zh"),
    ({"published_from": "2024"}, lambda s: _overlaps(s["published"], "2024")),
    ({"published_to": "2024-05"}, lambda s: _overlaps(s["published"], None, "2024-05")),
    ({"origin": "source-3"}, lambda s: s["origin"]["id"] == "source-3"),
    ({"document": "2.txt"}, lambda s: s["document"]["name"] == "2.txt"),
]

CASES = [
    *(("/events", *case) for case in EVENTS),
    *(("/figures", *case) for case in FIGURES),
    *(("/organisations", *case) for case in ORGANISATIONS),
    *(("/regions", *case) for case in REGIONS),
    *(("/sources", *case) for case in SOURCES),
]


@pytest.mark.parametrize(("path", "params", "holds"), CASES, ids=[f"{path[1:]} {params}" for path, params, _ in CASES])
def test_a_filter_keeps_exactly_the_records_that_fulfil_it(
    synthetic: httpx.Client, path: str, params: dict[str, Any], holds: Callable[[Record], bool]
) -> None:
    every = walk(synthetic, path)
    assert [r["id"] for r in walk(synthetic, path, **params)] == [r["id"] for r in every if holds(r)]


@pytest.mark.parametrize("day", ["2024-06-01", "2025-06-01"])
@pytest.mark.parametrize(("path", "params", "holds"), [case for case in CASES if case[0] in {"/events", "/figures"}])
def test_so_it_does_for_what_was_known_on_an_earlier_day(
    synthetic: httpx.Client, path: str, params: dict[str, Any], holds: Callable[[Record], bool], day: str
) -> None:
    every = walk(synthetic, path, published_before=day)
    assert 0 < len(every) < len(walk(synthetic, path))
    assert [r["id"] for r in walk(synthetic, path, **params, published_before=day)] == [r["id"] for r in every if holds(r)]


def test_days_are_bounds_wherever_they_lie_in_their_month_and_year(synthetic: httpx.Client) -> None:
    dates = {event["id"]: event["date"] for event in walk(synthetic, "/events", fields="id,date")}
    known = sorted({day for span in dates.values() if (bounds := _bounds(span)) for day in bounds})
    around = {day + timedelta(days=step) for day in known for step in (-1, 0, 1)}
    ends = {date(day.year, month, turn) for day in known for month, turn in ((1, 1), (1, 31), (2, 1), (12, 1), (12, 31))}
    edges = {date(1, 1, 1), date(1, 12, 31), date(9999, 1, 1), date(9999, 12, 31)}
    for day in map(date.isoformat, sorted(around | ends | edges)):
        for match in ("overlaps", "within"):
            for params, holds in (({"from": day}, (day, None)), ({"to": day}, (None, day))):
                total = synthetic.get("/events", params={**params, "date_match": match, "limit": 1}).json()["page"]["total"]
                assert total == sum(_overlaps(span, *holds, within=match == "within") for span in dates.values()), (params, match)


def test_the_cases_cover_every_filter(api: httpx.Client) -> None:
    """Beside these: what has tests of its own; organisations by role and event stand below; the rest pages and sorts."""
    beside = {"q", "sort", "limit", "cursor", "fields", "facets", "convert", "format", "as_of", "published_before", RELEASE_HEADER}
    covered = {(path, name) for path, params, _ in CASES for name in params} | {("/organisations", "role"), ("/organisations", "event")}
    document = api.get("/openapi.json").json()
    for path in ("/events", "/figures", "/organisations", "/regions", "/sources"):
        declared = {parameter["name"] for parameter in document["paths"][path]["get"]["parameters"]} - beside
        assert declared == {name for of, name in covered if of == path}


def test_organisations_by_role_and_event_go_by_the_same_involvement(synthetic: httpx.Client) -> None:
    events = walk(synthetic, "/events")

    def involved(role: str | None, event: str | None) -> set[str]:
        return {
            part["organisation"]["id"]
            for record in events
            for part in record["organisations"]
            if (role is None or part["role"] == role) and (event is None or record["id"] == event)
        }

    busy = next(e["id"] for e in events if len({p["role"] for p in e["organisations"]}) > 1)
    for role, event in (("host", None), (None, busy), ("host", busy), ("speaker", busy)):
        params = {name: value for name, value in (("role", role), ("event", event)) if value}
        assert {record["id"] for record in walk(synthetic, "/organisations", **params)} == involved(role, event)


def test_region_counts_roll_up_parents_and_members(synthetic: httpx.Client) -> None:
    events, figures = walk(synthetic, "/events"), walk(synthetic, "/figures")
    for region in walk(synthetic, "/regions"):
        for kind, records in (("events", events), ("figures", figures)):
            listed = walk(synthetic, f"/{kind}", region=region["id"])
            assert region["counts"][kind] == len(listed)
            if region["id"] in INSIDE:
                assert len(listed) == sum(_in(record, region["id"]) for record in records)


def test_source_counts_are_what_the_lists_say(synthetic: httpx.Client) -> None:
    for source in walk(synthetic, "/sources"):
        for kind in ("events", "figures"):
            assert source["counts"][kind] == len(walk(synthetic, f"/{kind}", source=source["id"]))
