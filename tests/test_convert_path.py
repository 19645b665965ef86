"""`convert` over HTTP, on both engines; the rates and their days have tests of their own."""

from typing import Any

import httpx
import pytest

from app.api.figures import not_compared
from app.currencies import SOURCE
from tests.conftest import walk
from tests.test_errors import problem
from tests.test_openapi import answer_schema, validator

CHINA = "cn-cgt-market-size-2024"


def test_money_is_converted_with_its_rate_day_and_source(api: httpx.Client) -> None:
    plain = api.get(f"/figures/{CHINA}").json()["data"]
    assert (plain["converted"], plain["not_converted"]) == (None, None)
    dollars = api.get(f"/figures/{CHINA}?convert=USD").json()["data"]
    assert (dollars["unit"], dollars["qualifier"], dollars["high"]) == ("USD", "more-than", None)
    assert dollars["low"] == dollars["value"] == 1095900000
    found = dollars["converted"]
    assert (found["from"], found["value"], found["day"], found["source"], found["day_reason"]) == ("CNY", 8e9, "2024-12-31", SOURCE, "period-end")
    same = {"value", "low", "high", "unit", "spread", "converted"}
    assert {name: value for name, value in dollars.items() if name not in same} == {name: value for name, value in plain.items() if name not in same}


def test_a_list_converts_its_money_and_nothing_else(api: httpx.Client) -> None:
    plain = {figure["id"]: figure for figure in walk(api, "/figures")}
    for figure in walk(api, "/figures", convert="EUR", limit=7):
        assert figure["not_converted"] is None
        if plain[figure["id"]]["unit"] in {"CNY", "USD"}:
            assert (figure["unit"], figure["converted"]["from"]) == ("EUR", plain[figure["id"]]["unit"])
        else:
            assert figure == plain[figure["id"]]
    page = api.get("/figures?convert=USD&fields=value,unit,converted.rate&unit=CNY").json()
    assert page["applied"]["convert"] == "USD"
    assert all(set(figure) == {"value", "unit", "converted"} for figure in page["data"])


@pytest.mark.parametrize("path", ["/figures", "/figures/{id}"])
def test_converted_figures_are_as_documented(api: httpx.Client, path: str) -> None:
    document = api.get("/openapi.json").json()
    validator(document, answer_schema(document, path)).validate(api.get(path.replace("{id}", CHINA), params={"convert": "USD"}).json())


def test_a_figure_without_a_rate_says_why_and_stays(synthetic: httpx.Client) -> None:
    plain = {figure["id"]: figure for figure in walk(synthetic, "/figures")}
    found = walk(synthetic, "/figures", convert="USD")
    assert len(found) == len(plain)
    for figure in found:
        if figure["not_converted"]:
            assert figure["not_converted"].endswith(".")
            assert figure == plain[figure["id"]] | {"not_converted": figure["not_converted"]}


@pytest.mark.parametrize("sort", ["value", "-value"])
@pytest.mark.parametrize("target", ["USD", "CNY"])
def test_money_of_all_currencies_sorts_by_its_converted_value(synthetic: httpx.Client, sort: str, target: str) -> None:
    found = walk(synthetic, "/figures", convert=target, sort=sort, limit=31)
    assert len(found) == 240
    numbers = [figure["value"] if figure["unit"] == target else None for figure in found]
    known = [number for number in numbers if number is not None]
    assert known == sorted(known, reverse=sort == "-value")
    assert numbers == known + [None] * (len(numbers) - len(known))
    currencies = {figure["converted"]["from"] if figure["converted"] else figure["unit"] for figure in found[: len(known)]}
    assert {"USD", "CNY"} <= currencies


def test_bounds_compare_converted_numbers(synthetic: httpx.Client) -> None:
    converted = walk(synthetic, "/figures", convert="USD")
    for least, most in ((1e9, None), (None, 5e9), (2e7, 4e9)):
        asked = {name: f"{number:.0f}" for name, number in (("min", least), ("max", most)) if number is not None}
        wanted = {
            figure["id"]
            for figure in converted
            if figure["unit"] == "USD"
            and (least is None or (figure["low"] is not None and figure["low"] >= least))
            and (most is None or (figure["high"] is not None and figure["high"] <= most))
        }
        found = walk(synthetic, "/figures", convert="USD", limit=17, **asked)
        assert {figure["id"] for figure in found} == wanted != set()
        answer = synthetic.get("/figures", params={"convert": "USD", "facets": "basis,metric", **asked}).json()
        for buckets in answer["facets"].values():
            assert sum(bucket["count"] for bucket in buckets) == len(wanted)
        unknown = {figure["id"] for figure in converted if figure["not_converted"]}
        assert unknown
        assert all(identifier in answer["note"] for identifier in unknown)
        points = [point for series in walk(synthetic, "/figures/series", convert="USD", **asked) for point in series["points"]]
        assert {point["figure"]["id"] for point in points} == wanted


def test_facets_of_what_is_only_sorted_by_converted_numbers_are_not_limited(synthetic: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A facet leaves its own filter out, which may be what keeps the figures few enough to be sorted."""
    asked: dict[str, Any] = {"metric": "market-size", "facets": "metric,basis", "limit": 1}
    plain = synthetic.get("/figures", params=asked).json()
    monkeypatch.setattr("app.api.figures.MOST_COMPARED", plain["page"]["total"])
    assert synthetic.get("/figures").json()["page"]["total"] > plain["page"]["total"]
    sorted_by_value = synthetic.get("/figures", params=asked | {"convert": "USD", "sort": "-value"})
    assert sorted_by_value.status_code == 200
    assert sorted_by_value.json()["facets"] == plain["facets"]


def test_comparing_without_a_currency_is_refused(api: httpx.Client) -> None:
    for asked in ({"min": "1"}, {"sort": "value"}, {"max": "5", "unit": ["CNY", "USD"]}):
        (error,) = problem(api.get("/figures", params=asked), 422, "invalid-request")["errors"]
        assert "or convert=CNY for money" in error["message"]
    for path in ("/figures", "/figures/series"):
        (error,) = problem(api.get(path, params={"convert": "AFN"}), 422, "invalid-request")["errors"]
        assert "publishes no reference rate for AFN" in error["message"]


def test_no_rate_is_used_that_was_not_yet_known(api: httpx.Client, synthetic: httpx.Client) -> None:
    for client, day in ((api, "2025-09-15"), (synthetic, "2024-06-04"), (synthetic, "2024-01")):
        found = walk(client, "/figures", convert="EUR", published_before=day)
        for figure in found:
            if figure["converted"]:
                assert figure["converted"]["day"] < f"{day}-01"[:10]
        # Of a period that was not over, the number has the rate of the day on which it was published, whatever else was not known yet.
        ahead = [figure for figure in found if figure["converted"] and figure["period"] and (figure["period"]["latest"] or "") >= f"{day}-01"[:10]]
        assert {figure["converted"]["day_reason"] for figure in ahead} <= {"published"}
        assert not [figure["id"] for figure in found if "source whose day is known" in (figure["not_converted"] or "")]
        if client is synthetic:
            assert any(figure["as_stated"] is None for figure in ahead)


def test_a_file_says_what_was_not_compared(synthetic: httpx.Client) -> None:
    told = synthetic.get("/figures?convert=USD&min=1").json()["note"]
    assert synthetic.get("/figures?convert=USD&min=1&format=csv").headers["x-cgt-note"] == told
    assert synthetic.get("/figures/series?convert=USD&min=1").json()["note"] == told
    for path in ("/figures", "/figures/series"):
        assert "before the first release" in synthetic.get(f"{path}?convert=USD&min=1&as_of=0").json()["note"]
        both = synthetic.get(f"{path}?convert=USD&min=1&as_of=9999-12").json()["note"]
        assert told in both
        assert "9999-12: as of release" in both


def test_a_series_is_converted_point_by_point(api: httpx.Client) -> None:
    plain = next(series for series in walk(api, "/figures/series") if series["id"] == "market-size--cgt--cn--CNY")
    dollars = next(series for series in walk(api, "/figures/series", convert="USD") if series["id"] == "market-size--cgt--cn--USD")
    assert [point["figure"] for point in dollars["points"]] == [point["figure"] for point in plain["points"]]
    for point, before in zip(dollars["points"], plain["points"], strict=True):
        figure = api.get(f"/figures/{point['figure']['id']}?convert=USD").json()["data"]
        assert (point["value"], point["low"], point["high"], point["converted"]) == tuple(
            figure[name] for name in ("value", "low", "high", "converted")
        )
        assert before["converted"] is None
    assert not any(series["unit"] == "CNY" for series in walk(api, "/figures/series", convert="USD"))


def test_a_note_names_only_some_of_very_many() -> None:
    """It stands in a header of a file, of which proxies take a few kilobytes."""
    assert not_compared([]) is None
    assert not_compared(["b", "a"]) == "Not compared, as there is no rate for them: a, b."
    told = not_compared(f"figure-{number:04}" for number in range(10_000))
    assert told == f"Not compared, as there is no rate for them: {', '.join(f'figure-000{number}' for number in range(5))} and 9995 more."
