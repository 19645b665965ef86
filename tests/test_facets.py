"""Facets: each count is the total of the list with that value as its filter; on both engines."""

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from pyroaring import BitMap
from sqlalchemy import Engine

from app import facets, participation, postings, vocabulary
from app.api import events, figures, organisations
from app.models import Moment
from app.participation import Buckets, Participation
from app.postings import Index, Postings
from app.seeding import load as seeding
from app.snapshot import Snapshot
from tests.conftest import SEEDS, walk
from tests.test_errors import problem

OFFERED = {"/events": events.FACETS, "/figures": figures.FACETS, "/organisations": organisations.FACETS}
FILTERS: dict[str, list[dict[str, Any]]] = {
    "/events": [
        {},
        {"type": ["policy", "conference"]},
        {"region": "cn-bj", "region_match": "exact"},
        {"from": "2024", "to": "2024-06", "topic": "cgt"},
        {"role": "host", "organisation": ["body-1", "body-2", "body-3"]},
        {"q": "beijing", "status": "held"},
        {"from": "2090"},
    ],
    "/figures": [
        {},
        {"metric": "market-size", "unit": "CNY"},
        {"region": "cn", "basis": ["forecast", "reported"]},
        {"period_from": "2024", "period_to": "2025"},
        {"unit": "CNY", "min": "1e9", "agreement": "contested"},
    ],
    "/organisations": [{}, {"type": "society"}, {"region": "cn", "role": "host"}, {"q": "body"}],
}
OWN = {"region": ["region", "region_match"], "year": ["from", "to", "date_match", "period_from", "period_to"]}
"""The filters of a facet that are not named as it is."""


def own_filter(path: str, name: str, value: str) -> dict[str, str]:
    if name == "year":
        first, last = ("from", "to") if path == "/events" else ("period_from", "period_to")
        return {first: value.zfill(4), last: value.zfill(4)}
    return {name: value}


def said(record: dict[str, Any], path: str, name: str, query: dict[str, Any]) -> bool:
    """Whether a record has any value of a facet."""
    if name == "year":
        return record["date" if path == "/events" else "period"] is not None
    if name == "topic":
        return bool(record["topics"])
    if path == "/events" and name in {"organisation", "role"}:
        return bool(record["organisations"])
    return record[name] is not None


@pytest.mark.parametrize("path", list(OFFERED))
def test_each_count_is_the_total_of_its_own_filter(synthetic: httpx.Client, path: str) -> None:
    asked = 0
    for filters in FILTERS[path]:
        answer = synthetic.get(path, params=filters | {"facets": ",".join(OFFERED[path]), "limit": 1, "fields": "id"}).json()
        assert list(answer["facets"]) == list(OFFERED[path])
        for name, buckets in answer["facets"].items():
            others = {parameter: value for parameter, value in filters.items() if parameter not in OWN.get(name, [name])}
            for bucket in buckets[:12]:
                if bucket["value"] is not None:
                    total = synthetic.get(path, params=others | own_filter(path, name, bucket["value"]) | {"limit": 1}).json()["page"]["total"]
                    assert bucket["count"] == total > 0, (filters, name, bucket)
                    asked += 1
    assert asked > 30


@pytest.mark.parametrize("filters", [*FILTERS["/events"], {"role": ["host", "organiser"]}, {"as_of": "1", "role": "host"}])
def test_an_organisation_counts_once_for_each_event_in_which_it_has_one_of_the_roles(
    synthetic: httpx.Client, filters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(participation, "_AT_ONCE", 7)
    monkeypatch.setattr(facets, "_NO_FILTERS", set())  # no answer from the cache
    wanted = filters.get("role", list(vocabulary.SCHEMES["role"]))
    free = {name: value for name, value in filters.items() if name != "organisation"}
    expected: Counter[tuple[str, str]] = Counter()
    for event in walk(synthetic, "/events", **free, limit=100):
        parts = {(part["organisation"]["id"], part["organisation"]["name"]) for part in event["organisations"] if part["role"] in wanted}
        expected.update(parts)
    answer = synthetic.get("/events", params=filters | {"facets": "organisation", "limit": 1}).json()["facets"]["organisation"]
    known = [(bucket["value"], bucket["label"], bucket["count"]) for bucket in answer if bucket["value"] is not None]
    assert known == sorted(((*body, count) for body, count in expected.items()), key=lambda bucket: (-bucket[2], bucket[0]))
    assert known or "from" in filters


@pytest.mark.parametrize("together", [1, 4, 10_000])
def test_postings_that_are_very_many_are_read_in_portions(engine: Engine, monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    seeding.load(engine, seeding.read(SEEDS))
    monkeypatch.setattr(postings, "MOST_TOGETHER", together)
    index = Postings(Index(Moment(0)), Snapshot(engine), Moment(1))  # in another moment than the usual one all versions are there
    portions = list(index.portions("event.taking"))
    assert all(len(portion) == together for portion in portions[:-1])
    assert {value: versions for portion in portions for value, versions in portion.items()} == index.every("event.taking")
    assert sorted(index.values("event.organisation")) == sorted(value for value in index.every("event.organisation") if value)
    index.snapshot.close()


def test_what_takes_long_to_make_is_made_once() -> None:
    index, made = Index(Moment(1)), []

    def make() -> list[int]:
        sleep(0.05)
        made.append(1)
        return made

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: index.once("it", index.usual, make), range(4)))
        assert found == [[1]] * 4
        meanwhile = index.once("it", Moment(0), lambda: threads.submit(index.once, "it", index.usual, make).result(9))
        assert meanwhile == [1]  # what is there does not wait for what is made for another moment
        for release in range(2, 40):
            assert index.once("it", Moment(release), lambda: [BitMap(range(0, 10**6, 2))]) != [1]
        assert index.once("it", index.usual, make) == [1]


@pytest.mark.parametrize("counts", [[7], [123_456], [10**14, 10**7 + 5, 999_999, 99_999, 3, 3], [2] * 5_000])
def test_buckets_are_written_whatever_their_counts(counts: list[int]) -> None:
    names = [f"organisation-{number:x}" for number in range(6_000)]
    buckets = Buckets(f'{{"value":"{name}","count":'.encode() for name in names)
    found = [*random.Random(3).sample(range(len(names)), len(counts) - 1), len(names) - 1]
    written = b"".join(buckets.written(np.array(found), np.array(counts)))
    expected = [{"value": names[number], "count": count} for number, count in zip(found, counts, strict=True)]
    assert json.loads(b"[%b]" % written.removesuffix(b",")) == expected
    assert buckets.written(np.array([], np.int64), np.array([], np.int64)) == []


def test_the_roles_of_an_organisation_in_a_version_count_once() -> None:
    def taking(**postings: list[int]) -> dict[str, BitMap]:
        return {value.replace("_", " "): BitMap(versions) for value, versions in postings.items()}

    def counted(parts: Participation, versions: BitMap, roles: list[str]) -> list[tuple[int, int]]:
        return list(zip(*parts.count(versions, roles), strict=True))

    portions = [taking(founder_b=[70_000, 7], host_a=[7, 8]), {}, taking(host_b=[7, 9], speaker_a=[7], speaker_newer=[90_000], forgotten_c=[8])]
    parts = Participation(["b", "a", "c"], portions)
    assert parts.organisations == ["a", "b", "c"]
    everything = BitMap([1, 7, 8, 9, 10, 70_000, 90_000])
    assert counted(parts, everything, []) == [(1, 3), (0, 2), (2, 1)]
    assert counted(parts, everything, list(vocabulary.SCHEMES["role"])) == [(1, 3), (0, 2)]
    assert counted(parts, everything, ["host", "speaker"]) == [(0, 2), (1, 2)]
    assert counted(parts, BitMap([7, 70_000]), ["founder"]) == [(1, 2)]
    assert counted(parts, BitMap([1, 10]), []) == counted(parts, BitMap(), []) == []
    assert counted(Participation([], [{}]), everything, ["host"]) == []


@pytest.mark.parametrize("path", list(OFFERED))
def test_all_records_are_counted_once_for_each_moment(synthetic: httpx.Client, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(**given: Any) -> Any:
        return synthetic.get(path, params=given | {"facets": "region"}).raise_for_status().json()["facets"]["region"]

    counted = []
    made = facets._written

    def making(*given: Any) -> Any:
        counted.append(given)
        return made(*given)

    of_all, before, then = asked(limit=11), asked(as_of="1", limit=11), asked(as_of="0", limit=11)
    monkeypatch.setattr(facets, "_written", making)
    assert asked(limit=12) == asked(limit=13, sort="-id") == asked(limit=14, fields="id", region="cn") == of_all
    assert (asked(limit=12, as_of="1"), asked(limit=12, as_of="0")) == (before, then)
    assert not counted
    assert asked(limit=12, q="gene") != of_all
    assert len(counted) == 1
    monkeypatch.setattr(facets, "_NO_FILTERS", set())
    assert (asked(limit=15), asked(limit=15, as_of="1"), asked(limit=15, as_of="0")) == (of_all, before, then)
    assert then == []


@pytest.mark.parametrize("path", list(OFFERED))
def test_no_value_is_missing_and_the_unknown_is_counted(synthetic: httpx.Client, path: str) -> None:
    records = walk(synthetic, path)
    found = synthetic.get(path, params={"facets": ",".join(OFFERED[path]), "limit": 1}).json()["facets"]
    for name, buckets in found.items():
        if path == "/organisations" and name == "role":
            continue  # roles stand in the events
        unknown = sum(bucket["count"] for bucket in buckets if bucket["value"] is None)
        assert unknown == sum(not said(record, path, name, {}) for record in records), name
        assert [bucket["label"] for bucket in buckets if bucket["value"] is None] == ["unknown"] * (unknown > 0)
        values = [bucket["value"] for bucket in buckets]
        assert len(values) == len(set(values))
        assert None not in values[:-1]
    if path != "/organisations":
        span = [(record["date" if path == "/events" else "period"] or {}) for record in records]
        first = min((date["earliest"] or date["latest"])[:4] for date in span if date)
        years = [bucket["value"] for bucket in found["year"] if bucket["value"]]
        assert years[0] == first
        assert years == sorted(years)
    types = {record["type" if path != "/figures" else "metric"] for record in records}
    assert {bucket["value"] for bucket in found["type" if path != "/figures" else "metric"]} == types


def test_values_have_names(api: httpx.Client) -> None:
    found = api.get("/events?facets=type,region,organisation").json()["facets"]
    assert found["type"][0] == {"value": "conference", "label": vocabulary.EVENT_TYPE["conference"].name, "count": 4}
    assert {"value": "cn-bj", "label": "Beijing", "count": 7} in found["region"]
    assert {"value": "tsinghua-university", "label": "Tsinghua University", "count": 1} in found["organisation"]
    assert found["region"][-1] == {"value": None, "label": "unknown", "count": 3}
    units = api.get("/figures?facets=unit").json()["facets"]["unit"]
    assert {bucket["value"]: bucket["label"] for bucket in units}["CNY"] == "Yuan Renminbi"


def test_without_facets_there_are_none_and_they_are_no_part_of_the_cursor(synthetic: httpx.Client) -> None:
    plain = synthetic.get("/events?limit=5").json()
    assert list(plain) == ["data", "page", "links", "applied", "release"]
    asked = synthetic.get("/events?limit=5&facets=type,type").json()
    assert list(asked["facets"]) == ["type"]
    assert asked["data"] == plain["data"]
    assert synthetic.get("/events", params={"cursor": asked["page"]["next"]}).status_code == 200


@pytest.mark.parametrize(
    ("path", "facets", "message", "did_you_mean"),
    [
        ("/events", "typ", "there is no facet 'typ' here; use type, status, region, year", "type"),
        ("/events", "metric", "there is no facet 'metric' here", None),
        ("/events", "type,,year", "is no comma-separated list of names", None),
        ("/figures", "years", "there is no facet 'years' here", "year"),
        ("/organisations", "year", "there is no facet 'year' here", None),
        ("/sources", "type", "unknown parameter", None),
    ],
)
def test_a_facet_that_is_not_there_is_refused(api: httpx.Client, path: str, facets: str, message: str, did_you_mean: str | None) -> None:
    (error,) = problem(api.get(path, params={"facets": facets}), 422, "invalid-request")["errors"]
    assert message in error["message"]
    if path != "/sources":
        assert error["did_you_mean"] == did_you_mean


def test_bounds_are_numbers_of_the_unit_that_is_asked_for(synthetic: httpx.Client) -> None:
    """To count other units under them would mix numbers that cannot be compared."""
    for unit in ("CNY", "USD"):
        found = synthetic.get("/figures", params={"unit": unit, "min": 1, "facets": "unit,metric"}).json()
        assert found["page"]["total"]
        assert {bucket["value"]: bucket["count"] for bucket in found["facets"]["unit"]} == {unit: found["page"]["total"]}
        assert sum(bucket["count"] for bucket in found["facets"]["metric"]) == found["page"]["total"]
    whole = synthetic.get("/figures", params={"unit": "CNY", "facets": "unit"}).json()["facets"]["unit"]
    assert {bucket["value"] for bucket in whole} > {"CNY", "USD"}


def test_what_is_kept_is_measured_by_all_that_it_holds() -> None:
    class Told(NamedTuple):
        names: str

        @property
        def nbytes(self) -> int:
            return 5_000

    places = {str(number): [str(number)] * 5 for number in range(600)}
    assert postings._size((places, places)) > 2 * postings._size(places) > 400_000
    assert postings._size(Told("a")) == 5_100
