"""`/figures/series` over HTTP, on both engines; how figures become series has tests of its own."""

from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import pytest

from app.api import series as route
from app.chosen import bodies
from app.series import STATED_GROWTH
from app.snapshot import Snapshot
from tests.conftest import walk
from tests.test_errors import problem
from tests.test_openapi import answer_schema, validator


def test_the_market_of_china_and_the_growth_that_its_bounds_imply(api: httpx.Client) -> None:
    china, world = walk(api, "/figures/series", metric="market-size")
    assert [(point["period"]["edtf"], point["qualifier"], point["value"], point["basis"]) for point in china["points"]] == [
        ("2024", "more-than", 8e9, "forecast"),
        ("2030", "more-than", 28.9e9, "forecast"),
    ]
    implied = china["growth"]["implied"]
    assert (implied["cagr_percent"], implied["cagr_is"], implied["low"], implied["high"], implied["years"]) == (23.87, "no-bound", None, None, 6)
    assert (world["unit"], world["growth"]["implied"], world["growth"]["reason"]) == ("USD", None, "The series has a single point.")


def test_growth_that_a_source_states_stands_beside_whatever_the_filters_are(api: httpx.Client) -> None:
    (output,) = walk(api, "/figures/series", metric="industry-output", unit="CNY", min=1)
    (stated,) = output["growth"]["stated"]
    assert (stated["percent"], stated["figure"]["id"]) == (8.7, "cn-bj-health-industry-growth-2024")


@pytest.mark.parametrize("filters", [{}, {"region": "cn-bj"}, {"unit": "CNY"}, {"q": "beijing"}, {"basis": "forecast", "period_from": "2024"}])
def test_every_figure_of_the_list_is_in_one_series_and_no_other(synthetic: httpx.Client, filters: dict[str, str]) -> None:
    figures = {figure["id"]: figure for figure in walk(synthetic, "/figures", **filters)}
    found = walk(synthetic, "/figures/series", **filters)
    points = [point["figure"]["id"] for series in found for point in series["points"]]
    assert sorted(points) == sorted(figures)
    for series in found:
        members = [figures[point["figure"]["id"]] for point in series["points"]]
        for field in ("metric", "unit", "subject", "region"):
            assert all(member[field] == series[field] for member in members)


@pytest.mark.parametrize("name", ["region", "metric", "unit"])
def test_growth_is_the_same_whatever_is_left_out_around_it(api: httpx.Client, name: str) -> None:
    growing = next(one for one in walk(api, "/figures/series") if one["growth"]["stated"] and one[name])
    value = growing[name] if isinstance(growing[name], str) else growing[name]["id"]
    some = {series["id"]: series for series in walk(api, "/figures/series", **{name: value, "region_match": "exact"})}
    assert some[growing["id"]]["growth"]["stated"] == growing["growth"]["stated"]


def test_of_the_figures_that_state_growth_only_those_are_read_that_may_belong_to_what_is_shown(
    api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the same subjects and regions: of all together there is much."""
    read: set[int] = set()

    def counted(snapshot: Snapshot, versions: Iterable[int], **given: Any) -> Iterator[bytes]:
        held = list(versions)
        read.update(held)
        return bodies(snapshot, held, **given)

    def about(figure: dict[str, Any]) -> tuple[str | None, ...]:
        return tuple((figure[field] or {}).get("id") for field in ("subject", "region"))

    monkeypatch.setattr(route, "bodies", counted)
    every, passed_over = walk(api, "/figures"), 0
    growth = [figure for figure in every if figure["metric"] in STATED_GROWTH]
    for metric in {figure["metric"] for figure in every}:
        read.clear()
        walk(api, "/figures/series", metric=metric)
        points = [figure for figure in every if figure["metric"] == metric]
        subjects, regions = map(set, zip(*map(about, points), strict=True))
        near = [figure for figure in growth if about(figure)[0] in subjects and about(figure)[1] in regions]
        wanted = {figure["id"] for figure in [*points, *near]}
        assert len(read) == len(wanted)
        passed_over += len({figure["id"] for figure in growth} - wanted)
    assert passed_over


def test_series_come_in_pages_and_as_documented(synthetic: httpx.Client) -> None:
    whole = walk(synthetic, "/figures/series")
    assert walk(synthetic, "/figures/series", limit=3) == whole
    assert [series["id"] for series in whole] == sorted({series["id"] for series in whole})
    document = synthetic.get("/openapi.json").json()
    validator(document, answer_schema(document, "/figures/series")).validate(synthetic.get("/figures/series?limit=200").json())
    page = synthetic.get("/figures/series?limit=3")
    assert page.headers["link"].endswith('rel="next"')
    assert synthetic.get("/figures/series?limit=3", headers={"if-none-match": page.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    ("query", "parameter", "message"),
    [
        ("region=nowhere", "region", "there is no region of this id"),
        ("metric=market", "metric", "is no term of /vocabulary#metric"),
        ("sort=id", "sort", "unknown parameter"),
        ("min=1", "min", "needs exactly one unit"),
        ("period_from=2030&period_to=2024", "period_from", "is after period_to"),
        ("cursor=abc", "cursor", "was not given out for this query"),
    ],
)
def test_nonsense_is_refused(api: httpx.Client, query: str, parameter: str, message: str) -> None:
    (error,) = problem(api.get(f"/figures/series?{query}"), 422, "invalid-request")["errors"]
    assert error["parameter"] == parameter
    assert message in error["message"]


def test_series_is_no_figure(api: httpx.Client) -> None:
    assert "points" in api.get("/figures/series").json()["data"][0]
    problem(api.get("/figures/serie"), 404, "not-found")
